// SPDX-License-Identifier: Apache-2.0
import {
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
  request as requestHttp,
} from 'node:http';
import { request as requestHttps } from 'node:https';
import { resolve } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { addOptions } from '@local-datastore/shared/command-line/options';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { formatManifestReference } from '@local-datastore/shared/oci/reference';
import { type Command, InvalidArgumentError, Option } from 'commander';
import * as z from 'zod';
import { inspectWriteToken } from '../../access/write-token.ts';
import { ArchiveError } from '../../archive-imports/archive-error.ts';
import { CLIENT_OPTIONS } from '../../config.ts';
import { parseLocalReference } from '../../container-images/local-reference.ts';
import { StoreError } from '../../content/store-error.ts';
import { lowerCased } from '../../operations/image-name.ts';
import type { WriteTokenOptions } from '../../settings/access-options.ts';
import type { StorageOptions, UserOptions } from '../../settings/storage-options.ts';
import type { CommandContext } from '../command-context.ts';
import { readSettings } from '../effective-options.ts';
import { placeText } from '../enter-storage.ts';
import { AnswerError } from '../exit-code.ts';
import { type Listener, localUrl } from '../local-url.ts';
import type { OfflineDatastore } from '../offline-datastore.ts';

type ClientOptions = Pick<StorageOptions, 'state'> &
  UserOptions &
  WriteTokenOptions &
  Listener & { readonly url?: URL; readonly offline?: true };

/** The API of the datastore that runs, for who has its write token. */
export interface DatastoreClient {
  /** It is of this process alone, and began with the command. */
  readonly isOffline: boolean;
  /** @throws AnswerError, ConfigurationError with what it says */
  ask(
    method: string,
    path: string,
    document?: object,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Response>;
  /**
   * Sends content as the body of a request, as it comes.
   *
   * @param schema of the document that is answered, also where it says no (409)
   * @throws as {@link DatastoreClient.ask}; whatever `content` throws
   */
  upload<T>(path: string, content: AsyncIterable<Uint8Array>, schema: z.ZodType<T>): Promise<T>;
  /** The JSON document of an answer. As {@link DatastoreClient.ask}. */
  read<T>(method: string, path: string, schema: z.ZodType<T>, document?: object): Promise<T>;
}

const PROBLEM = z.object({ detail: z.string(), code: z.string().optional() });

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new InvalidArgumentError('An address such as http://127.0.0.1:8080 expected.');
}

/** What every command takes that speaks to the datastore. */
export const addClientOptions = (command: Command): Command =>
  addOptions(command, CLIENT_OPTIONS)
    .addOption(
      new Option('--url <url>', 'of the datastore (default: on this machine, on its HTTP port)').argParser(
        parseUrl,
      ),
    )
    .option('--offline', 'without a datastore that runs: on the folders themselves (--root, --state)')
    .option('--json', 'print one JSON document');

/** So long a body waits to be asked for, where a proxy in between passes no such word on (RFC 9110 §10.1.1). */
const CONTINUE_MS = 1000;

/** Sends a body once the datastore wants it: it may refuse before, and is heard then. */
function sendBody(sent: ClientRequest, content: AsyncIterable<Uint8Array>, failed: (error: Error) => void) {
  let isAnswered = false;
  const send = () => {
    clearTimeout(timer);
    sent.removeListener('continue', send);
    if (isAnswered || sent.destroyed) return;
    // An answer may come before the end: then the rest is of no use.
    pipeline(Readable.from(content), sent, (error) => {
      if (error && !isAnswered) failed(error);
    });
  };
  const timer = setTimeout(send, CONTINUE_MS);
  sent.once('response', (message) => {
    isAnswered = true;
    clearTimeout(timer);
    message.once('end', () => {
      if (!sent.writableFinished) sent.destroy();
    });
  });
  sent.once('close', () => clearTimeout(timer));
  sent.once('continue', send);
  sent.flushHeaders();
}

/** Asks, and waits for as long as it takes: to read a repository again may take hours, and `fetch` gives up by itself. */
async function send(
  url: URL,
  options: RequestOptions,
  body: string | AsyncIterable<Uint8Array> | undefined,
): Promise<Response> {
  const message = await new Promise<IncomingMessage>((answered, failed) => {
    const request = url.protocol === 'https:' ? requestHttps : requestHttp;
    const sent = request(url, { ...options, agent: false }, answered).once('error', failed);
    if (body === undefined || typeof body === 'string') sent.end(body);
    else sendBody(sent, body, failed);
  });
  const { statusCode: status = 500, headers } = message;
  const texts = Object.entries(headers).map(([name, value]) => [name, String(value)] as [string, string]);
  return new Response(status === 204 ? null : Readable.toWeb(message), { status, headers: texts });
}

/** What an answer says that is none. Of a proxy it may be anything. */
async function whyRefused(response: Response): Promise<z.infer<typeof PROBLEM>> {
  const text = await response.text().catch(() => '');
  try {
    return PROBLEM.parse(JSON.parse(text));
  } catch {
    return { detail: `it answers ${response.status}` };
  }
}

/** What a refusal is to whoever called. @param origin of the datastore; undefined: it is this process */
function refusal(
  { status }: Response,
  origin: string | undefined,
  { detail, code }: z.infer<typeof PROBLEM>,
): Error {
  const message = origin === undefined ? detail : `${origin}: ${detail}`;
  if (status === 507) return new StoreError('NO_SPACE', message);
  if (code === 'ARCHIVE_INVALID' || code === 'ARCHIVE_TOO_LARGE') return new ArchiveError(code, message);
  return status >= 500 ? new AnswerError('DATASTORE_FAILED', message) : new ConfigurationError(message);
}

/**
 * The datastore that runs. Who may read its state directory may do everything, inside its container as beside it.
 *
 * @throws ConfigurationError where there is no write token
 */
async function findDatastore(command: Command): Promise<OfflineDatastore> {
  const { url, address, port, state, writeToken, writeTokenFile } = readSettings<ClientOptions>(command);
  const { token } = await inspectWriteToken({
    ...{ token: writeToken, tokenFile: writeTokenFile, stateDirectory: resolve(state) },
  });
  if (token === undefined) {
    throw new ConfigurationError(
      `there is no write token in ${placeText(command, 'state')}: name the state directory of the datastore with ` +
        '--state, DATASTORE_STATE or --config, or give the token with DATASTORE_WRITE_TOKEN',
    );
  }
  return { url: url ?? localUrl({ address, port }), token };
}

/** Loaded for who needs it: it is the whole datastore. */
async function beginOffline(context: CommandContext, command: Command): Promise<OfflineDatastore> {
  const { startOffline } = await import('../offline-datastore.ts');
  return startOffline(context, command);
}

/**
 * Speaks to a datastore as its administrator: to the one that runs, or with `--offline` to one that begins and ends with
 * the command.
 *
 * @throws ConfigurationError
 */
export async function connectTo(command: Command, context: CommandContext): Promise<DatastoreClient> {
  const { signal } = context;
  const { offline: isOffline = false, url } = readSettings<ClientOptions>(command);
  if (isOffline && url !== undefined)
    throw new ConfigurationError('--url names a datastore that runs: it cannot stand beside --offline');
  const { url: base, token } = isOffline
    ? await beginOffline(context, command)
    : await findDatastore(command);

  async function reach(
    method: string,
    path: string,
    body: string | AsyncIterable<Uint8Array> | undefined,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const isStreamed = body !== undefined && typeof body !== 'string';
    const headers = {
      ...more,
      authorization: `Bearer ${token}`,
      ...(isStreamed && { expect: '100-continue', 'content-type': 'application/x-tar' }),
    };
    return send(new URL(path, base), { method, signal, headers }, body).catch((error: Error) => {
      const reason = errorMessage(error);
      throw new AnswerError(
        'DATASTORE_UNREACHABLE',
        `the datastore does not answer at ${base.origin} (${reason}): start it, name it with --url, or work on its folders with --offline`,
        { cause: error },
      );
    });
  }

  const ask: DatastoreClient['ask'] = async (method, path, document, more) => {
    const body = document === undefined ? undefined : JSON.stringify(document);
    const response = await reach(method, path, body, more);
    if (response.ok) return response;
    throw refusal(response, isOffline ? undefined : base.origin, await whyRefused(response));
  };

  async function parse<T>(response: Response, schema: z.ZodType<T>): Promise<T> {
    const parsed = schema.safeParse(await response.json().catch(() => undefined));
    if (parsed.success) return parsed.data;
    throw new AnswerError('DATASTORE_FAILED', `${base.origin} answers something else than a datastore does`);
  }

  return {
    isOffline,
    ask,
    read: async (method, path, schema, document) => parse(await ask(method, path, document), schema),

    async upload(path, content, schema) {
      let failure: unknown;
      async function* watched() {
        try {
          yield* content;
        } catch (error) {
          failure = error;
          throw error;
        }
      }
      const response = await reach('POST', path, watched()).catch((error: unknown) => {
        throw failure ?? error;
      });
      const isDocument = response.headers.get('content-type')?.startsWith('application/json') === true;
      if (response.ok || (response.status === 409 && isDocument)) return parse(response, schema);
      throw refusal(response, isOffline ? undefined : base.origin, await whyRefused(response));
    },
  };
}

/** An image as it is named on the command line. */
export interface NamedImage {
  readonly repository: string;
  /** A tag, or a digest such as `sha256:…`. */
  readonly reference: string;
  readonly isTag: boolean;
}

/**
 * Reads the name of an image; capital letters of a repository are made small, with a notice.
 *
 * @throws ConfigurationError; also where nothing is said but the repository, unless `isLatestMeant`
 */
export function requireImage(
  { stderr }: Pick<CommandContext, 'stderr'>,
  given: string,
  { isLatestMeant = false } = {},
): NamedImage {
  const { text, notice } = lowerCased(given);
  if (notice !== undefined) stderr.write(`${notice}\n`);
  const parsed = parseLocalReference(text);
  if (parsed.kind === 'invalid') throw new ConfigurationError(`"${text}": ${parsed.reason}`);
  if (!isLatestMeant && !/[:@]/.test(text)) {
    throw new ConfigurationError(`"${text}": say which image, such as ${text}:1.2 or ${text}@sha256:…`);
  }
  const { repository, reference } = parsed;
  return { repository, reference: formatManifestReference(reference), isTag: 'tag' in reference };
}
