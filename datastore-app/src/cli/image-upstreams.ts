// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { jsonLine, jsonText } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { countText, sizeText } from '@local-datastore/shared/text/quantities';
import { Command } from 'commander';
import type * as z from 'zod';
import { bytes } from '../http/openapi/scalars.ts';
import { FETCH, imageUpstreamsSchema, UPSTREAMS } from '../http/routes/image-upstreams.ts';
import { imageSchema, imagesSchema } from '../http/routes/images.ts';
import { imageReference, parseImagePath } from '../images/image-path.ts';
import type { CommandContext } from './command-context.ts';
import { AnswerError } from './exit-code.ts';
import { findImage } from './named-images.ts';
import { addClientOptions, connectTo, type DatastoreClient } from './registry/datastore-client.ts';
import { isJson } from './registry/records.ts';

type ShownImage = z.infer<ReturnType<typeof imageSchema>>;

const IMAGES = '/-/api/v1/images';
const POLL_MS = 500;
/** Progress is told so often. */
const TELL_MS = 2000;

function requirePath(text: string): string {
  const path = parseImagePath(`/${imageReference(text.replace(/^\//, ''))}`);
  if (path !== undefined) return path;
  throw new ConfigurationError(`"${text}": the path of an image expected, such as linux/disk.qcow2`);
}

/** Waits until an image is here. @throws AnswerError where it does not come */
async function waitFor(
  { read }: DatastoreClient,
  started: ShownImage,
  tell: (image: ShownImage) => void,
  signal: AbortSignal,
): Promise<ShownImage> {
  let toldMs = Number.NEGATIVE_INFINITY;
  for (let image = started; ; ) {
    if (image.state !== 'upstream') return image;
    const { path, upstream } = image;
    if (upstream === undefined || upstream.receivedBytes === null) {
      const why = upstream?.reason ?? 'it does not come any more; the log of the datastore says why';
      throw new AnswerError('DATASTORE_FAILED', `${path} could not be fetched: ${why}`);
    }
    if (performance.now() - toldMs >= TELL_MS) {
      toldMs = performance.now();
      tell(image);
    }
    await delay(POLL_MS, undefined, { signal });
    image = await read('GET', `${IMAGES}/${imageReference(path)}`, imageSchema());
  }
}

/** What `images fetch --json` says on stderr meanwhile: a document a line. */
export const fetchLineSchema = () =>
  imageSchema().pick({ path: true, sizeBytes: true }).extend({ receivedBytes: bytes });
type FetchLine = z.infer<ReturnType<typeof fetchLineSchema>>;

/** `datastore-app images fetch PATH...`. */
export function fetchCommand(context: CommandContext): Command {
  const { stdout, stderr, signal } = context;
  const command = new Command('fetch')
    .description('Lets images come now from their upstreams, by the datastore that runs.')
    .argument('<path...>', 'as they are called here, such as hub/linux/disk.qcow2');
  return addClientOptions(command).action(async (texts: string[]) => {
    const paths = texts.map(requirePath);
    const client = await connectTo(command, context);
    const json = isJson(command);
    const tell = ({ path, sizeBytes, upstream }: ShownImage) => {
      const receivedBytes = upstream?.receivedBytes ?? 0;
      const line: FetchLine = { path, receivedBytes, sizeBytes };
      if (json) stderr.write(jsonLine(line));
      else stderr.write(`${printableText(path)}: ${sizeText(receivedBytes)} of ${sizeText(sizeBytes)}\n`);
    };
    const images: Pick<ShownImage, 'path' | 'sizeBytes' | 'sha256'>[] = [];
    for (const given of paths) {
      const wanted = await findImage(client, given, (notice) => stderr.write(`${notice}\n`));
      const started = await client.read('POST', `${FETCH}/${imageReference(wanted)}`, imageSchema());
      const { path, sizeBytes, sha256 } = await waitFor(client, started, tell, signal);
      images.push({ path, sizeBytes, sha256 });
      if (!json) stdout.write(`${sha256 ?? '(not hashed yet)'}  ${sizeBytes}  /${printableText(path)}\n`);
    }
    if (json) stdout.write(jsonText({ images }));
  });
}

/** `datastore-app images upstreams`. */
export function imageUpstreamsCommand(context: CommandContext): Command {
  const { stdout, stderr } = context;
  const command = new Command('upstreams')
    .description('Shows from where the datastore that runs fetches images, and what is on its way.')
    .option('--check', 'ask all of them now what they have')
    .option('--list', 'list the images that can come');
  return addClientOptions(command).action(async () => {
    const { check, list } = command.opts<{ check?: true; list?: true }>();
    const { read } = await connectTo(command, context);
    const found = await read(check === true ? 'POST' : 'GET', UPSTREAMS, imageUpstreamsSchema());
    const images = list === true ? (await read('GET', IMAGES, imagesSchema())).images : [];
    const coming = images.filter(({ state }) => state === 'upstream');
    if (isJson(command)) {
      stdout.write(jsonText({ ...found, ...(list === true && { images: coming }) }));
      return;
    }
    for (const { name, state, reason, images: count, leftOut, leftOutReasons } of found.upstreams) {
      const why = reason === null ? '' : `: ${reason}`;
      stdout.write(`${printableText(name)}  ${state}  ${countText(count, 'image')}${why}\n`);
      if (leftOut > 0)
        stderr.write(`${printableText(name)}: ${countText(leftOut, 'entry', 'entries')} cannot be used\n`);
      for (const sentence of leftOutReasons) stderr.write(`  ${printableText(sentence)}\n`);
    }
    for (const { path, receivedBytes, sizeBytes } of found.fetches) {
      stdout.write(`/${printableText(path)}  ${sizeText(receivedBytes)} of ${sizeText(sizeBytes)}\n`);
    }
    for (const { path, sizeBytes, sha256 } of coming) {
      stdout.write(`${sha256}  ${sizeBytes}  /${printableText(path)}\n`);
    }
  });
}
