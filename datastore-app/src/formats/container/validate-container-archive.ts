import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { type Defect, damaged, type ImagePart, type ValidationSource } from '../file-format.ts';
import { problem } from '../image-source.ts';
import { tarContentOf } from '../tar-content.ts';
import { partsOf, readArchivedConfig } from './archived-parts.ts';
import { ArchiveError, type ContainerArchive, readContainerArchive } from './container-archive.ts';

const PIECE_BYTES = 256 * 1024;
/** What the layers of an archive may come to, unpacked: a few megabytes can be made to unpack without end. */
const MAX_UNPACKED_BYTES = 256 * 1024 ** 3;
const DECOMPRESSIONS = [
  { magic: '1f8b', create: createGunzip },
  { magic: '28b52ffd', create: createZstdDecompress },
] as const;

async function* piecesOf({ readAt, signal }: ValidationSource, { offset, sizeBytes }: ImagePart) {
  for (let done = 0; done < sizeBytes; done += PIECE_BYTES) {
    signal.throwIfAborted();
    yield await readAt(offset + done, Math.min(PIECE_BYTES, sizeBytes - done));
  }
}

/** The digest of what a layer unpacks to; undefined where it is not compressed by what is known, or not sound. */
async function diffIdOf(
  source: ValidationSource,
  part: ImagePart,
  budget: { leftBytes: number },
): Promise<string | undefined> {
  const magic = (await source.readAt(part.offset, 4)).toString('hex');
  const compressed = DECOMPRESSIONS.find((each) => magic.startsWith(each.magic));
  if (compressed === undefined) return `sha256:${await source.hashOf(part, 'sha256')}`;
  const hash = createHash('sha256');
  try {
    await pipeline(piecesOf(source, part), compressed.create(), async (unpacked: AsyncIterable<Buffer>) => {
      for await (const piece of unpacked) {
        budget.leftBytes -= piece.length;
        if (budget.leftBytes < 0) throw new RangeError('it unpacks to too much');
        hash.update(piece);
      }
    });
  } catch (error) {
    source.signal.throwIfAborted();
    if (error instanceof RangeError || (error instanceof Error && 'errno' in error)) return undefined;
    throw error;
  }
  return `sha256:${hash.digest('hex')}`;
}

/** Whether each layer is what the config of its image says that it unpacks to. */
async function* checkLayers(source: ValidationSource, archive: ContainerArchive): AsyncGenerator<Defect> {
  const budget = { leftBytes: MAX_UNPACKED_BYTES };
  const known = new Map<number, string | undefined>();
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
      if (!known.has(layer.offset)) known.set(layer.offset, await diffIdOf(source, layer, budget));
      if (known.get(layer.offset) === diffIds[index]) continue;
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
