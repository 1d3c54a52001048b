// SPDX-License-Identifier: Apache-2.0
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { sizeText } from '@local-datastore/shared/text/quantities';
import type { Command } from 'commander';
import * as z from 'zod';
import { imageChangeSchema } from '../http/openapi/operation-schemas.ts';
import { OPERATIONS_API } from '../http/permit-operation.ts';
import { imageReference } from '../images/image-path.ts';
import { parseImageName } from '../operations/image-name.ts';
import type { CommandContext } from './command-context.ts';
import { AnswerError } from './exit-code.ts';
import { findImage } from './named-images.ts';
import { connectTo, type DatastoreClient } from './registry/datastore-client.ts';
import { isJson } from './registry/records.ts';
import { writeWhole } from './write-whole.ts';

/** The usual name for stdout. */
const STANDARD = '-';
/** Operations that tell of the digest that is known. */
const NEEDS_DIGEST = new Set(['release']);
/** Where the image that is meant is gone, another that begins so is not taken for it. */
const NEEDS_WHOLE_NAME = new Set(['remove', 'rename']);
const HASH_LOOK_MS = 200;
const stateSchema = () => z.object({ state: z.string() });

/** Whether the command was told to say nothing but what went wrong. */
const isQuiet = (command: Command): boolean => command.opts<{ quiet?: true }>().quiet === true;

/** Checks the name of an image before anything is asked; says what is taken for what. @throws ConfigurationError */
export function requireImageName({ stderr }: Pick<CommandContext, 'stderr'>, given: string): string {
  const parsed = parseImageName(given);
  if (parsed.kind === 'invalid') throw new ConfigurationError(parsed.reason);
  if (parsed.notice !== undefined) stderr.write(`${parsed.notice}\n`);
  return given;
}

/** A datastore that has just begun knows no digests yet: waits until an image has one. */
async function untilHashed(
  { isOffline, read }: DatastoreClient,
  image: string,
  signal: AbortSignal,
): Promise<void> {
  const parsed = parseImageName(image);
  if (!isOffline || parsed.kind === 'invalid' || parsed.name.kind !== 'file') return;
  const path = `/-/api/v1/images/${imageReference(parsed.name.path)}`;
  while (!signal.aborted) {
    const found = await read('GET', path, stateSchema()).catch((error) => {
      // The operation itself says that there is none.
      if (error instanceof ConfigurationError) return undefined;
      throw error;
    });
    if (found?.state !== 'hashing') return;
    await delay(HASH_LOOK_MS, undefined, { signal }).catch(() => {});
  }
}

/** A name that may be the beginning of one; those of the registry are whole. @throws ConfigurationError */
async function resolveName(
  client: DatastoreClient,
  { stderr }: Pick<CommandContext, 'stderr'>,
  image: string,
): Promise<string> {
  const parsed = parseImageName(image);
  if (parsed.kind === 'invalid' || parsed.name.kind !== 'file') return image;
  return findImage(client, parsed.name.path, (notice) => stderr.write(`${notice}\n`));
}

/** What an operation is asked for: the image, and how. */
export interface OperationBody {
  readonly image: string;
  readonly [wish: string]: string | boolean;
}

/** Asks for one operation on one image. @throws ConfigurationError, AnswerError */
export async function operate<T>(
  context: CommandContext,
  command: Command,
  operation: string,
  body: OperationBody,
  schema: z.ZodType<T>,
): Promise<T> {
  const client = await connectTo(command, context);
  const image = NEEDS_WHOLE_NAME.has(operation) ? body.image : await resolveName(client, context, body.image);
  if (NEEDS_DIGEST.has(operation)) await untilHashed(client, image, context.signal);
  return client.read('POST', `${OPERATIONS_API}/${operation}`, schema, { ...body, image });
}

/** Asks for a change, and says what was done, or would be. */
export async function change(
  context: CommandContext,
  command: Command,
  operation: string,
  body: OperationBody,
): Promise<void> {
  const done = await operate(context, command, operation, body, imageChangeSchema());
  const { stdout, stderr } = context;
  if (isJson(command)) stdout.write(jsonText(done));
  else if (!isQuiet(command))
    for (const sentence of done.sentences) stdout.write(`${printableText(sentence)}\n`);
  if (!done.isDone && !isJson(command) && !isQuiet(command)) {
    stderr.write('nothing was changed: leave --dry-run out to do it\n');
  }
}

/** What an answer proposes as the name of its file: of no folder. */
function fileNameOf(response: Response): string {
  const [, name] = /filename="([\w.-]+)"/.exec(response.headers.get('content-disposition') ?? '') ?? [];
  return name === undefined || name.startsWith('.') ? 'image' : name;
}

/** Writes what an operation sends, whole or not at all. */
export async function fetchFile(
  context: CommandContext,
  command: Command,
  operation: string,
  query: Readonly<Record<string, string | undefined>> & { readonly image: string },
  out: string | undefined,
): Promise<void> {
  const client = await connectTo(command, context);
  const image = await resolveName(client, context, query.image);
  await untilHashed(client, image, context.signal);
  const asked = Object.entries({ ...query, image }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const response = await client.ask('GET', `${OPERATIONS_API}/${operation}?${new URLSearchParams(asked)}`);
  if (response.body === null) throw new AnswerError('DATASTORE_FAILED', 'the datastore sent nothing');
  if (out === STANDARD) {
    await pipeline(response.body, context.output, { end: false });
    return;
  }
  const file = out ?? fileNameOf(response);
  const sizeBytes = Number(response.headers.get('content-length'));
  await writeWhole(file, response.body).catch((error: unknown) => {
    throw new ConfigurationError(`${file} cannot be written: ${errorMessage(error)}`, { cause: error });
  });
  if (isJson(command)) context.stdout.write(jsonText({ file, sizeBytes }));
  else if (!isQuiet(command)) context.stderr.write(`${printableText(file)}: ${sizeText(sizeBytes)}\n`);
}
