// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { CompressionError } from '@local-datastore/shared/compression/compression-error';
import {
  COMPRESSION_MAGIC_BYTES,
  compressionOf,
  isUnpacked,
} from '@local-datastore/shared/compression/compression-of';
import { unpack } from '@local-datastore/shared/compression/unpack';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { type Defect, damaged, type ImagePart, type ValidationSource } from '../file-format.ts';
import { problem } from '../image-source.ts';
import { tarContentOf } from '../tar-content.ts';
import { partsOf, readArchivedConfig } from './archived-parts.ts';
import { ArchiveError, type ContainerArchive, readContainerArchive } from './container-archive.ts';

const PIECE_BYTES = 256 * 1024;
/** What the layers of an archive may come to, unpacked: a few megabytes can be made to unpack without end. */
const MAX_UNPACKED_BYTES = 256 * 1024 ** 3;

async function* piecesOf({ readAt, signal }: ValidationSource, { offset, sizeBytes }: ImagePart) {
  for (let done = 0; done < sizeBytes; done += PIECE_BYTES) {
    signal.throwIfAborted();
    yield await readAt(offset + done, Math.min(PIECE_BYTES, sizeBytes - done));
  }
}

/** What a layer unpacks to: its digest, or why it has none. */
type Unpacked = { readonly digest: string } | 'unsound' | 'too much';

async function unpackLayer(
  source: ValidationSource,
  part: ImagePart,
  budget: { leftBytes: number },
): Promise<Unpacked> {
  const compression = compressionOf(await source.readAt(part.offset, COMPRESSION_MAGIC_BYTES));
  // Others have no name among the types of layers: such a layer is what it is.
  if (!isUnpacked(compression)) return { digest: `sha256:${await source.hashOf(part, 'sha256')}` };
  const hash = createHash('sha256');
  try {
    for await (const piece of unpack(piecesOf(source, part), compression)) {
      budget.leftBytes -= piece.length;
      if (budget.leftBytes < 0) return 'too much';
      hash.update(piece);
    }
  } catch (error) {
    if (!(error instanceof CompressionError)) throw error;
    return error.code === 'WINDOW_TOO_LARGE' ? 'too much' : 'unsound';
  }
  return { digest: `sha256:${hash.digest('hex')}` };
}

/** Whether each layer is what the config of its image says that it unpacks to. */
async function* checkLayers(source: ValidationSource, archive: ContainerArchive): AsyncGenerator<Defect> {
  const budget = { leftBytes: MAX_UNPACKED_BYTES };
  const known = new Map<number, Unpacked>();
  for (const manifest of [...archive.images.map((image) => image.manifest), ...archive.children]) {
    const parts = partsOf(archive, manifest);
    const diffIds = parts && (await readArchivedConfig(source.readAt, parts.config))?.diffIds;
    if (parts === undefined || diffIds === undefined) continue;
    if (diffIds.length !== parts.layers.length) {
      yield damaged(
        `The config of an image tells of ${diffIds.length} layers, and it has ${parts.layers.length}.`,
      );
      continue;
    }
    for (const [index, layer] of parts.layers.entries()) {
      const unpacked = known.get(layer.offset) ?? (await unpackLayer(source, layer, budget));
      known.set(layer.offset, unpacked);
      if (typeof unpacked === 'object' && unpacked.digest === diffIds[index]) continue;
      if (unpacked === 'too much') {
        yield problem('COMPRESSED', 'A layer takes too much memory or time to unpack: it is not compared.');
        continue;
      }
      yield damaged(`A layer does not unpack to ${diffIds[index]}, as the config of its image says.`);
    }
  }
}

async function* checkMembers(source: ValidationSource, archive: ContainerArchive): AsyncGenerator<Defect> {
  for (const { expected, ...part } of archive.blobs) {
    if (expected === undefined) continue;
    const hex = await source.hashOf(part, expected.algorithm);
    if (hex === expected.hex) continue;
    yield damaged(
      `The part of it that should have ${formatDigest(expected)} has ${expected.algorithm}:${hex}.`,
    );
  }
}

/** Reads every part of an archive of containers, and compares it with its digest and with what it unpacks to. */
export async function* validateContainerArchive(source: ValidationSource): AsyncGenerator<Defect> {
  if ((await tarContentOf(source))?.isCompressed === true) {
    yield problem(
      'COMPRESSED',
      'It is compressed by gzip: only what is in it can be compared. Import it, or unpack it first: gunzip < FILE > NEW',
    );
    return;
  }
  let archive: ContainerArchive | undefined;
  try {
    archive = await readContainerArchive(source.readAt, source.sizeBytes);
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    yield damaged(error.message);
    return;
  }
  if (archive === undefined) {
    yield damaged('What it says of its images cannot be understood.');
    return;
  }
  let isSound = true;
  for await (const defect of checkMembers(source, archive)) {
    isSound = false;
    yield defect;
  }
  if (isSound) yield* checkLayers(source, archive);
}
