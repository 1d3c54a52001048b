// SPDX-License-Identifier: Apache-2.0
import { constants, gunzip } from 'node:zlib';
import { isTarHeader, TAR_BLOCK_BYTES } from '@local-datastore/shared/tar/tar-header';
import type { FormatProblem } from './image-description.ts';
import { type ImageSource, incomplete } from './image-source.ts';
import { readJson } from './read-json.ts';
import { type TarMember, tarMembers } from './tar-members.ts';

/** Compressed bytes that are looked at; deflate makes at most about a thousand times as much of them. */
const GZIP_PREFIX_BYTES = 16 * 1024;
const MAX_INFLATED_BYTES = 32 * 1024 * 1024;
/** Members by which a compressed archive is told, for its marks stand last: blobs, then layers. */
const CONTAINER_PREFIXES = [
  { kind: 'oci-archive', name: /^blobs(?:\/|$)/ },
  { kind: 'docker-archive', name: /^[0-9a-f]{64}(?:\.json|\.tar|\/)/ },
] as const;
/** What macOS's tar puts beside files. */
export const APPLE_DOUBLE = /(?:^|\/)\._[^/]*$/;

/** What a tar archive is for. */
export interface TarContent {
  readonly kind: 'ova' | 'docker-archive' | 'oci-archive' | 'other';
  readonly isCompressed: boolean;
  readonly problems: readonly FormatProblem[];
}

type ContainerKind = 'docker-archive' | 'oci-archive';

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What marks an OCI image layout (image-layout.md), and what `docker save` writes. Their names alone mean nothing. */
async function containerMark(
  readAt: ImageSource['readAt'],
  member: TarMember,
): Promise<ContainerKind | undefined> {
  if (member.name === 'oci-layout') {
    const layout = await readJson(readAt, member);
    return isRecord(layout) && typeof layout.imageLayoutVersion === 'string' ? 'oci-archive' : undefined;
  }
  if (member.name !== 'manifest.json') return undefined;
  const images = await readJson(readAt, member);
  const isSaved =
    Array.isArray(images) &&
    images.length > 0 &&
    images.every(
      (image) => isRecord(image) && typeof image.Config === 'string' && Array.isArray(image.Layers),
    );
  return isSaved ? 'docker-archive' : undefined;
}

/**
 * An OVA (DMTF DSP0243 §5.3: a tar whose first file is the `.ovf` descriptor), or a container image as an OCI
 * layout or as `docker save` writes it; one that is both is a layout.
 */
async function lookIntoTar({ readAt, sizeBytes }: ImageSource): Promise<TarContent> {
  const members = tarMembers(readAt, sizeBytes);
  const marks = new Set<ContainerKind>();
  let isFirst = true;
  let isOva = false;
  for (;;) {
    const next = await members.next();
    if (next.done) {
      const kind = isOva
        ? 'ova'
        : (['oci-archive', 'docker-archive'] as const).find((each) => marks.has(each));
      const problems = next.value.isCut ? [incomplete('Its last member goes on')] : [];
      return { kind: kind ?? 'other', isCompressed: false, problems };
    }
    const member = next.value;
    if (!member.isFile || APPLE_DOUBLE.test(member.name)) continue;
    isOva ||= isFirst && /\.ovf$/i.test(member.name);
    const mark = await containerMark(readAt, member);
    if (mark !== undefined) marks.add(mark);
    isFirst = false;
  }
}

/** A container image that is compressed with gzip, as far as its beginning shows it. */
async function lookIntoGzip({ readAt }: ImageSource): Promise<TarContent | undefined> {
  const inflated = await inflatePrefix(await readAt(0, GZIP_PREFIX_BYTES));
  const readInflated: ImageSource['readAt'] = async (offset, length) =>
    inflated.subarray(offset, offset + length);
  const compressed = (kind: ContainerKind): TarContent => ({ kind, isCompressed: true, problems: [] });
  for await (const member of tarMembers(readInflated, inflated.length)) {
    if (APPLE_DOUBLE.test(member.name)) continue;
    const known = CONTAINER_PREFIXES.find(({ name }) => name.test(member.name));
    if (known !== undefined) return compressed(known.kind);
    if (!member.isFile) continue;
    const mark = await containerMark(readInflated, member);
    return mark && compressed(mark);
  }
  return undefined;
}

/** Several formats are tar archives, and ask the same of one content. */
const looked = new WeakMap<ImageSource, Promise<TarContent | undefined>>();

/** What a tar archive is, or one that is compressed with gzip and holds a container image; undefined: it is neither. */
export function tarContentOf(source: ImageSource): Promise<TarContent | undefined> {
  const { head } = source;
  const isGzip = head.length >= 3 && head.readUInt16BE(0) === 0x1f8b;
  if (!isGzip && !isTarHeader(head.subarray(0, TAR_BLOCK_BYTES))) return Promise.resolve(undefined);
  const known = looked.get(source) ?? (isGzip ? lookIntoGzip(source) : lookIntoTar(source));
  looked.set(source, known);
  return known;
}

/** As much as the beginning of a gzip file yields; empty when it is not sound. */
function inflatePrefix(prefix: Buffer): Promise<Buffer> {
  const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MAX_INFLATED_BYTES };
  return new Promise((resolve) => {
    gunzip(prefix, options, (error, inflated) => resolve(error === null ? inflated : Buffer.alloc(0)));
  });
}
