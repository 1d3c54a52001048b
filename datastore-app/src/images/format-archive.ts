import { constants, gunzip } from 'node:zlib';
import type { ReadAt } from './read-at.ts';

const BLOCK_BYTES = 512;
/** The layers of an image are few; beyond this it is some other archive. */
const MAX_MEMBERS = 1000;
/** Compressed bytes that are looked at; deflate makes at most about a thousand times as much of them. */
const GZIP_PREFIX_BYTES = 16 * 1024;
const MAX_INFLATED_BYTES = 32 * 1024 * 1024;

/** What marks an OCI image layout, and what `docker save` writes. */
const CONTAINER_MARKS = new Set(['oci-layout', 'manifest.json']);
/** Earlier members of the same archives, by which a compressed one is told: blobs, then old layers. */
const CONTAINER_PREFIXES = [/^blobs(?:\/|$)/, /^[0-9a-f]{64}(?:\.json|\/)/];

interface TarMember {
  readonly name: string;
  readonly sizeBytes: number;
  readonly type: string;
}

/** POSIX.1-2001 pax, "ustar Interchange Format"; undefined for what is no member header. */
function parseMember(block: Buffer): TarMember | undefined {
  if (block.length < BLOCK_BYTES || block.toString('latin1', 257, 262) !== 'ustar') return undefined;
  const field = (start: number, end: number) => block.toString('latin1', start, end).replace(/\0.*$/s, '');
  const sizeText = field(124, 136).trim();
  if (!/^[0-7]{1,12}$/.test(sizeText)) return undefined;
  const prefix = field(345, 500);
  const name = field(0, 100);
  const isUstar = block.toString('latin1', 257, 263) === 'ustar\0';
  return {
    name: (isUstar && prefix !== '' ? `${prefix}/${name}` : name).replace(/^\.\//, ''),
    sizeBytes: Number.parseInt(sizeText, 8),
    type: field(156, 157),
  };
}

/** Members that describe the next one and are no files themselves: pax headers and GNU long names. */
const DESCRIBING_TYPES = new Set(['x', 'g', 'L', 'K']);

/** The names of the files of a tar archive, as long as its headers are sound. */
async function* memberNames(readAt: ReadAt, sizeBytes: number): AsyncGenerator<string> {
  let offset = 0;
  for (let i = 0; i < MAX_MEMBERS && offset < sizeBytes; i += 1) {
    const member = parseMember(await readAt(offset, BLOCK_BYTES));
    if (member === undefined) return;
    if (!DESCRIBING_TYPES.has(member.type)) yield member.name;
    offset += BLOCK_BYTES * (1 + Math.ceil(member.sizeBytes / BLOCK_BYTES));
  }
}

/**
 * An OVA (DMTF DSP0243 §5.3: a tar whose first file is the `.ovf` descriptor), or a container image as an OCI
 * layout or as `docker save` writes it, also compressed with gzip. Undefined for anything else.
 *
 * @param head the first block of the file at least
 */
export async function detectArchive(
  head: Buffer,
  readAt: ReadAt,
  sizeBytes: number,
): Promise<'ova' | 'container' | undefined> {
  if (head.length >= 3 && head.readUInt16BE(0) === 0x1f8b) {
    const inflated = await inflatePrefix(await readAt(0, GZIP_PREFIX_BYTES));
    const readInflated: ReadAt = async (offset, length) => inflated.subarray(offset, offset + length);
    for await (const name of memberNames(readInflated, inflated.length)) {
      const isContainer = CONTAINER_MARKS.has(name) || CONTAINER_PREFIXES.some((prefix) => prefix.test(name));
      return isContainer ? 'container' : undefined;
    }
    return undefined;
  }
  let isFirst = true;
  for await (const name of memberNames(readAt, sizeBytes)) {
    if (isFirst && /\.ovf$/i.test(name)) return 'ova';
    if (CONTAINER_MARKS.has(name)) return 'container';
    isFirst = false;
  }
  return undefined;
}

/** As much as the beginning of a gzip file yields; empty when it is not sound. */
function inflatePrefix(prefix: Buffer): Promise<Buffer> {
  const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MAX_INFLATED_BYTES };
  return new Promise((resolve) => {
    gunzip(prefix, options, (error, inflated) => resolve(error === null ? inflated : Buffer.alloc(0)));
  });
}
