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
import {
  CLIENT_OPTIONS,
  type StorageOptions,
  type UserOptions,
  type WriteTokenOptions,
} from '../../config.ts';
import { parseLocalReference } from '../../container-images/local-reference.ts';
import { StoreError } from '../../content/store-error.ts';
import { ImportError } from '../../imports/import-error.ts';
import { readSettings } from '../effective-options.ts';
import { placeText } from '../enter-storage.ts';
import { AnswerError } from '../exit-code.ts';

type ClientOptions = Pick<StorageOptions, 'state'> &
  UserOptions &
  WriteTokenOptions & { readonly port: number; readonly url?: URL };

/** The API of the datastore that runs, for who has its write token. */
export interface DatastoreClient {
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
  read<T>(method: string, path: string, schema: z.ZodType<T>): Promise<T>;
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

/** What a refusal is to whoever called. */
function refusal({ status }: Response, origin: string, { detail, code }: z.infer<typeof PROBLEM>): Error {
  const message = `${origin}: ${detail}`;
  if (status === 507) return new StoreError('NO_SPACE', message);
  if (code === 'ARCHIVE_INVALID' || code === 'ARCHIVE_TOO_LARGE') return new ImportError(code, message);
  return status >= 500 ? new AnswerError('DATASTORE_FAILED', message) : new ConfigurationError(message);
}

/**
 * Speaks to the datastore that runs, as its administrator. Who may read its state directory may do so, inside its
 * container as beside it.
 *
 * @throws ConfigurationError where there is no write token
 */
export async function connectTo(command: Command, signal: AbortSignal): Promise<DatastoreClient> {
  const { url, port, state, writeToken, writeTokenFile } = readSettings<ClientOptions>(command);
  const { token } = await inspectWriteToken({
    ...{ token: writeToken, tokenFile: writeTokenFile, stateDirectory: resolve(state) },
  });
  if (token === undefined) {
    throw new ConfigurationError(
      `there is no write token in ${placeText(command, 'state')}: name the state directory of the datastore with ` +
        '--state, DATASTORE_STATE or --config, or give the token with DATASTORE_WRITE_TOKEN',
    );
  }
  const base = url ?? new URL(`http://127.0.0.1:${port}`);

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
        `the datastore does not answer at ${base.origin} (${reason}): start it, or name it with --url`,
        { cause: error },
      );
    });
  }

  const ask: DatastoreClient['ask'] = async (method, path, document, more) => {
    const body = document === undefined ? undefined : JSON.stringify(document);
    const response = await reach(method, path, body, more);
    if (response.ok) return response;
    throw refusal(response, base.origin, await whyRefused(response));
  };

  async function parse<T>(response: Response, schema: z.ZodType<T>): Promise<T> {
    const parsed = schema.safeParse(await response.json().catch(() => undefined));
    if (parsed.success) return parsed.data;
    throw new AnswerError('DATASTORE_FAILED', `${base.origin} answers something else than a datastore does`);
  }

  return {
    ask,
    read: async (method, path, schema) => parse(await ask(method, path), schema),

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
      throw refusal(response, base.origin, await whyRefused(response));
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

/** @throws ConfigurationError; also where nothing is said but the repository, unless `isLatestMeant` */
export function requireImage(text: string, { isLatestMeant = false } = {}): NamedImage {
  const parsed = parseLocalReference(text);
  if (parsed.kind === 'invalid') throw new ConfigurationError(`"${text}": ${parsed.reason}`);
  if (!isLatestMeant && !/[:@]/.test(text)) {
    throw new ConfigurationError(`"${text}": say which image, such as ${text}:1.2 or ${text}@sha256:…`);
  }
  const { repository, reference } = parsed;
  return { repository, reference: formatManifestReference(reference), isTag: 'tag' in reference };
}
