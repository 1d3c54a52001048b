// SPDX-License-Identifier: Apache-2.0
/** What the check makes of bytes, and what the engine would see of it. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { tarParts } from '@local-datastore/shared/oci/tar-parts';
import { type CheckedImage, checkImageStream, type WantedImage } from '../check-image-stream.ts';
import { readTarEntries } from '../tar-entries.ts';

export const TAG = 'ed_web:of-this-test';
const AMD64 = { os: 'linux', architecture: 'amd64' };

export interface Checked {
  readonly image: CheckedImage;
  /** What the engine gets: the bytes of each file by name, in their order. */
  readonly files: ReadonlyMap<string, Buffer>;
}

export async function* inPieces(bytes: Buffer, pieceBytes = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

/** What a check is given where a test does not say it. */
export const wantedOf = (more: Partial<WantedImage> = {}): WantedImage => ({
  tagsFor: () => [TAG],
  platform: AMD64,
  maxBytes: 2 ** 30,
  takesZstdLayers: true,
  signal: new AbortController().signal,
  ...more,
});

/**
 * @param onHandedOn is told of all that the engine gets, also where the check fails
 * @throws what the check throws
 */
export async function checkSource(
  source: AsyncIterable<Uint8Array>,
  more: Partial<WantedImage> = {},
  onHandedOn: (bytes: Buffer) => void = () => undefined,
): Promise<Checked> {
  const { archive, image } = checkImageStream(source, wantedOf(more));
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of archive) pieces.push(Uint8Array.from(piece));
  } finally {
    onHandedOn(Buffer.concat(pieces));
  }
  return { image: await image, files: await readFiles(Buffer.concat(pieces)) };
}

export const checkBytes = (
  bytes: Buffer,
  more: Partial<WantedImage> = {},
  pieceBytes?: number,
): Promise<Checked> => checkSource(inPieces(bytes, pieceBytes), more);

/** The files of a tar by name; of one that was broken off, those that are whole. */
export async function readFiles(bytes: Buffer): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  try {
    for await (const entry of readTarEntries(inPieces(bytes))) {
      if (entry.kind !== 'file') continue;
      const pieces: Uint8Array[] = [];
      for await (const piece of entry.content) pieces.push(piece);
      files.set(entry.name, Buffer.concat(pieces));
    }
  } catch {
    await nextTurn();
  }
  return files;
}

/** What every tar ends with. */
export const END_BYTES = Buffer.concat(
  tarParts([]).flatMap((part) => (part.kind === 'bytes' ? [part.bytes] : [])),
);
