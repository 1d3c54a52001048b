/** POSIX.1-2001 pax, "ustar Interchange Format", and what GNU tar and star make of it. */
export const BLOCK_BYTES = 512;
/** The layers of an image are few; beyond this it is some other archive. */
const MAX_MEMBERS = 1000;
/** Headers that describe the next member: names and sizes are all that is wanted of them. */
const MAX_DESCRIPTION_BYTES = 64 * 1024;

export interface TarMember {
  /** Without the `./` in front. */
  readonly name: string;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly isFile: boolean;
  /** Of a hard link, the name of another member; of a symbolic one, a path from the folder of this. */
  readonly link?: { readonly isSymbolic: boolean; readonly target: string };
}

type ReadAt = (offset: number, length: number) => Promise<Buffer>;

const text = (block: Buffer, start: number, end: number) =>
  block.toString('utf8', start, end).replace(/\0.*$/s, '');

/** Octal digits, or of large numbers the bytes themselves behind a first bit of 1 (base-256). */
export function parseTarNumber(field: Buffer): number | undefined {
  const first = field[0] ?? 0;
  if ((first & 0x80) !== 0) {
    // A negative number has all first bits set.
    if ((first & 0x40) !== 0) return undefined;
    const value = BigInt(`0x${field.toString('hex')}`) & ((1n << BigInt(field.length * 8 - 1)) - 1n);
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
  }
  const digits = field.toString('latin1').replace(/\0.*$/s, '').trim();
  return /^[0-7]{1,12}$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
}

/** Whether a block is a member's header: its checksum counts its own field as spaces, by signed bytes in old tars. */
export function isTarHeader(block: Buffer): boolean {
  if (block.length < BLOCK_BYTES || block[0] === 0) return false;
  const expected = parseTarNumber(block.subarray(148, 156));
  let unsigned = 8 * 0x20;
  let signed = unsigned;
  for (let i = 0; i < BLOCK_BYTES; i += 1) {
    if (i >= 148 && i < 156) continue;
    unsigned += block[i] ?? 0;
    signed += block.readInt8(i);
  }
  return expected === unsigned || expected === signed;
}

/** What headers before a member say of it. */
interface Described {
  path?: string;
  size?: number;
  linkpath?: string;
}

/** `25 path=a/b\n`: the keys that matter here. */
function parsePax(content: Buffer): Described {
  const found: Described = {};
  for (let offset = 0; offset < content.length; ) {
    const space = content.indexOf(0x20, offset);
    const length = Number(content.toString('latin1', offset, space));
    if (space < 0 || !Number.isSafeInteger(length) || length <= space - offset) break;
    const [key = '', ...rest] = content.toString('utf8', space + 1, offset + length - 1).split('=');
    const value = rest.join('=');
    if (key === 'path') found.path = value;
    if (key === 'linkpath') found.linkpath = value;
    if (key === 'size' && /^\d{1,15}$/.test(value)) found.size = Number(value);
    offset += length;
  }
  return found;
}

const withoutDots = (path: string) => path.replace(/^(?:\.\/+)+/, '');

function linkIn(block: Buffer, { linkpath }: Described): TarMember['link'] {
  const type = block[156];
  if (type !== 0x31 && type !== 0x32) return undefined;
  const target = linkpath ?? text(block, 157, 257);
  return type === 0x32 ? { isSymbolic: true, target } : { isSymbolic: false, target: withoutDots(target) };
}

function nameIn(block: Buffer): string {
  const prefix = text(block, 345, 500);
  const isUstar = block.toString('latin1', 257, 263) === 'ustar\0';
  return isUstar && prefix !== '' ? `${prefix}/${text(block, 0, 100)}` : text(block, 0, 100);
}

/**
 * The members of a tar archive, as long as its headers are sound.
 *
 * @param maxMembers what stands behind so many is not looked at
 * @returns at its end, whether the archive ends before its last member does
 */
export async function* tarMembers(
  readAt: ReadAt,
  sizeBytes: number,
  maxMembers = MAX_MEMBERS,
): AsyncGenerator<TarMember, { readonly isCut: boolean }> {
  let described: Described = {};
  let offset = 0;
  for (let members = 0, headers = 0; members < maxMembers && headers < 3 * maxMembers; headers += 1) {
    const block = await readAt(offset, BLOCK_BYTES);
    if (!isTarHeader(block)) break;
    const own = parseTarNumber(block.subarray(124, 136));
    const type = String.fromCharCode(block[156] ?? 0);
    const content = offset + BLOCK_BYTES;
    const isDescription = type === 'x' || type === 'g' || type === 'L' || type === 'K';
    const size = isDescription ? own : (described.size ?? own);
    if (size === undefined) break;
    if (isDescription) {
      const bytes = await readAt(content, Math.min(size, MAX_DESCRIPTION_BYTES));
      if (type === 'x') described = { ...described, ...parsePax(bytes) };
      if (type === 'L') described = { ...described, path: text(bytes, 0, bytes.length) };
      if (type === 'K') described = { ...described, linkpath: text(bytes, 0, bytes.length) };
    } else {
      members += 1;
      const name = withoutDots(described.path ?? nameIn(block));
      const isFile = type === '0' || type === '\0' || type === '7';
      const link = linkIn(block, described);
      yield { name, offset: content, sizeBytes: size, isFile, ...(link && { link }) };
      described = {};
    }
    offset = content + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
    if (content + size > sizeBytes) return { isCut: true };
  }
  return { isCut: false };
}
