// SPDX-License-Identifier: Apache-2.0
import { readFile, stat } from 'node:fs/promises';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { parsePlatform } from '@local-datastore/shared/oci/platform';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { countText, sizeText } from '@local-datastore/shared/text/quantities';
import type { Command } from 'commander';
import { inventorySchema } from '../../archive-imports/inventory.ts';
import type { CommandContext } from '../command-context.ts';
import { createProgress } from '../import/progress.ts';
import { connectTo, type DatastoreClient, requireImage } from './datastore-client.ts';
import { type GatheredSet, gatherSet } from './gather-set.ts';
import { isJson } from './records.ts';
import { writeSet } from './write-set.ts';

/** Two hundred thousand blobs, and what surrounds them. */
const MAX_INVENTORY_BYTES = 64 * 1024 * 1024;

/** Which images are meant, and what of them. */
export interface SetSource {
  /** Images as they were said. */
  readonly texts: readonly string[];
  /** A file with an inventory. */
  readonly except: string | undefined;
  readonly platform: string | undefined;
}

export interface SetWish extends SetSource {
  /** What the names of the files begin with. */
  readonly out: string;
  readonly chunkBytes: number | undefined;
}

/** The digests of an inventory. @throws ConfigurationError */
async function readInventory(file: string): Promise<ReadonlySet<string>> {
  try {
    const { size } = await stat(file);
    if (size > MAX_INVENTORY_BYTES) throw new Error(`it has ${size} bytes`);
    const { blobs } = inventorySchema().parse(JSON.parse(await readFile(file, 'utf8')));
    return new Set(blobs.map(({ digest }) => digest));
  } catch (error) {
    const reason = error instanceof Error && error.name === 'ZodError' ? 'it is none' : errorMessage(error);
    throw new ConfigurationError(`--except ${file}: no inventory can be read there: ${reason}`, {
      cause: error,
    });
  }
}

/** Finds the images that are meant. @throws ConfigurationError; as {@link gatherSet} */
export async function sourceOfSet(
  context: CommandContext,
  client: DatastoreClient,
  { texts, except, platform }: SetSource,
): Promise<GatheredSet> {
  const wanted = texts.map((text) => requireImage(context, text, { isLatestMeant: true }));
  const elsewhere = except === undefined ? new Set<string>() : await readInventory(except);
  const platforms = [platform === undefined ? null : parsePlatform(platform)].filter((each) => each !== null);
  return gatherSet(client, wanted, platforms, ({ digest }) => elsewhere.has(formatDigest(digest)));
}

/** Writes images as a set of files that can be carried to another datastore. */
export async function exportSet(
  context: CommandContext,
  command: Command,
  { out, chunkBytes, ...source }: SetWish,
): Promise<void> {
  const { stdout, stderr } = context;
  const client = await connectTo(command, context);
  const set = await sourceOfSet(context, client, source);
  const progress = createProgress(context, isJson(command));
  const { list, chunks } = await writeSet(set, chunkBytes, (chunk) => `${out}.${chunk}.tar`, progress.watch);
  const expectedBytes = list.expected.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (isJson(command)) {
    const images = list.images.map(({ name, digest }) => ({ name, digest }));
    stdout.write(
      jsonText({ set: list.set, images, files: chunks, expected: list.expected.length, expectedBytes }),
    );
    return;
  }
  for (const { file, sizeBytes } of chunks) stderr.write(`${printableText(file)}: ${sizeText(sizeBytes)}\n`);
  if (list.expected.length > 0) {
    stderr.write(
      `expected at the other side: ${countText(list.expected.length, 'blob')}, ${sizeText(expectedBytes)}\n`,
    );
  }
}
