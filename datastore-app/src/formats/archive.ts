import { constants, gunzip } from 'node:zlib';
import type { FormatProblem, ImageDescription } from './image-description.ts';
import { type DescribeFormat, type ImageSource, incomplete, problem } from './image-source.ts';
import { BLOCK_BYTES, isTarHeader, type TarMember, tarMembers } from './tar-members.ts';

/** Compressed bytes that are looked at; deflate makes at most about a thousand times as much of them. */
const GZIP_PREFIX_BYTES = 16 * 1024;
const MAX_INFLATED_BYTES = 32 * 1024 * 1024;
/** What `docker save` writes of some thousand images. */
const MAX_MARK_BYTES = 1024 * 1024;
/** Members by which a compressed archive is told, for its marks stand last: blobs, then layers. */
const CONTAINER_PREFIXES = [/^blobs(?:\/|$)/, /^[0-9a-f]{64}(?:\.json|\.tar|\/)/];
/** What macOS's tar puts beside files. */
const APPLE_DOUBLE = /(?:^|\/)\._[^/]*$/;

const described = (
  format: 'ova' | 'container',
  problems: readonly FormatProblem[] = [],
): ImageDescription => ({ format, content: format, virtualSizeBytes: null, problems });

const PLAIN_TAR = problem(
  'NOT_AN_IMAGE',
  'It is a tar archive, neither an OVA nor a container image; EVE would take it for a raw disk. Unpack it, and offer the disk in it: tar -xf FILE',
);

type ReadAt = ImageSource['readAt'];

async function readJson(readAt: ReadAt, { offset, sizeBytes }: TarMember): Promise<unknown> {
  if (sizeBytes > MAX_MARK_BYTES) return undefined;
  try {
    return JSON.parse((await readAt(offset, sizeBytes)).toString('utf8'));
  } catch {
    return undefined;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What marks an OCI image layout (image-layout.md), and what `docker save` writes. Their names alone mean nothing. */
async function isContainerMark(readAt: ReadAt, member: TarMember): Promise<boolean> {
  if (member.name === 'oci-layout') {
    const layout = await readJson(readAt, member);
    return isRecord(layout) && typeof layout.imageLayoutVersion === 'string';
  }
  if (member.name !== 'manifest.json') return false;
  const images = await readJson(readAt, member);
  return (
    Array.isArray(images) &&
    images.length > 0 &&
    images.every(
      (image) => isRecord(image) && typeof image.Config === 'string' && Array.isArray(image.Layers),
    )
  );
}

/**
 * An OVA (DMTF DSP0243 §5.3: a tar whose first file is the `.ovf` descriptor), or a container image as an OCI
 * layout or as `docker save` writes it.
 */
async function describeTar({ readAt, sizeBytes }: ImageSource): Promise<ImageDescription> {
  const members = tarMembers(readAt, sizeBytes);
  let isFirst = true;
  let isOva = false;
  let isContainer = false;
  for (;;) {
    const next = await members.next();
    if (next.done) {
      const problems = next.value.isCut ? [incomplete('Its last member goes on')] : [];
      if (isOva) return described('ova', problems);
      if (isContainer) return described('container', problems);
      const all = [PLAIN_TAR, ...problems];
      return { format: 'raw', content: 'tar', virtualSizeBytes: null, problems: all };
    }
    const member = next.value;
    if (!member.isFile || APPLE_DOUBLE.test(member.name)) continue;
    isOva ||= isFirst && /\.ovf$/i.test(member.name);
    isContainer ||= await isContainerMark(readAt, member);
    isFirst = false;
  }
}

/** A container image that is compressed with gzip, as far as its beginning shows it. */
async function describeCompressed({ readAt }: ImageSource): Promise<ImageDescription | undefined> {
  const inflated = await inflatePrefix(await readAt(0, GZIP_PREFIX_BYTES));
  const readInflated: ReadAt = async (offset, length) => inflated.subarray(offset, offset + length);
  for await (const member of tarMembers(readInflated, inflated.length)) {
    if (APPLE_DOUBLE.test(member.name)) continue;
    if (CONTAINER_PREFIXES.some((prefix) => prefix.test(member.name))) return described('container');
    if (member.isFile)
      return (await isContainerMark(readInflated, member)) ? described('container') : undefined;
  }
  return undefined;
}

/** Tar archives, and such as are compressed with gzip and hold a container image. */
export const describeArchive: DescribeFormat = async (source) => {
  const { head } = source;
  if (head.length >= 3 && head.readUInt16BE(0) === 0x1f8b) return describeCompressed(source);
  return isTarHeader(head.subarray(0, BLOCK_BYTES)) ? describeTar(source) : undefined;
};

/** As much as the beginning of a gzip file yields; empty when it is not sound. */
function inflatePrefix(prefix: Buffer): Promise<Buffer> {
  const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MAX_INFLATED_BYTES };
  return new Promise((resolve) => {
    gunzip(prefix, options, (error, inflated) => resolve(error === null ? inflated : Buffer.alloc(0)));
  });
}
