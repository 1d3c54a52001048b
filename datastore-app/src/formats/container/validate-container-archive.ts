import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import { MAX_MANIFEST_BYTES, parseManifest } from '@local-datastore/shared/oci/manifest';
import { isImageConfig } from '@local-datastore/shared/oci/media-types';
import * as z from 'zod';
import { type Defect, damaged, type ImagePart, type ValidationSource } from '../file-format.ts';
import { problem } from '../image-source.ts';
import { tarContentOf } from '../tar-content.ts';
import {
  type ArchivedManifest,
  ArchiveError,
  type ContainerArchive,
  readContainerArchive,
} from './container-archive.ts';

const CONFIG = z.object({ rootfs: z.object({ diff_ids: z.array(z.string()) }) });
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

/** The config and the layers of an image, from where they stand; undefined for what is no image, or not whole. */
function partsOf({ blobs }: ContainerArchive, manifest: ArchivedManifest) {
  if (manifest.kind === 'described') return { config: manifest.config, layers: manifest.layers };
  const { config, layers } = parseManifest(manifest.bytes, manifest.descriptor.mediaType);
  if (config === undefined || !isImageConfig(config.mediaType)) return undefined;
  const placeOf = (digest: typeof config.digest) =>
    blobs.find(({ expected }) => expected !== undefined && formatDigest(expected) === formatDigest(digest));
  const configPlace = placeOf(config.digest);
  const layerPlaces = layers.map(({ digest }) => placeOf(digest));
  if (configPlace === undefined || layerPlaces.includes(undefined)) return undefined;
  return { config: configPlace, layers: layerPlaces.filter((each) => each !== undefined) };
}

/** Whether each layer is what the config of its image says that it unpacks to. */
async function* checkLayers(source: ValidationSource, archive: ContainerArchive): AsyncGenerator<Defect> {
  const budget = { leftBytes: MAX_UNPACKED_BYTES };
  const known = new Map<number, string | undefined>();
  for (const manifest of [...archive.images.map((image) => image.manifest), ...archive.children]) {
    const parts = partsOf(archive, manifest);
    if (parts === undefined || parts.config.sizeBytes > MAX_MANIFEST_BYTES) continue;
    const text = (await source.readAt(parts.config.offset, parts.config.sizeBytes)).toString();
    const config = CONFIG.safeParse(parseJson(text));
    if (!config.success) continue;
    const diffIds = config.data.rootfs.diff_ids;
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
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
