// SPDX-License-Identifier: Apache-2.0
import {
  parsePaxRecords,
  parseTarHeader,
  TAR_BLOCK_BYTES,
  type TarHeader,
  tarText,
} from '@local-datastore/shared/tar/tar-header';

/** The layers of an image are few; beyond this it is some other archive. */
const MAX_MEMBERS = 1000;
/**
 * Of one header that describes the next member: a name and a size are all that is wanted of it, but systems write beside
 * them what they like. A resource fork of macOS can be as large as its icon.
 */
export const MAX_DESCRIPTION_BYTES = 1024 * 1024;
/** Of one member: a name, the target of a link, attributes of its own, and those for all. */
const MAX_HEADERS = 16;

export interface TarMember {
  /** Without the `./` in front. */
  readonly name: string;
  readonly offset: number;
  readonly sizeBytes: number;
  /** As its header has it, one character: POSIX.1-2001 pax, "ustar Interchange Format", and what GNU tar has besides. */
  readonly type: string;
  readonly isFile: boolean;
  /** Whether holes are left out of the content that stands here, in one of GNU tar's ways. */
  readonly isSparse: boolean;
  /** Of a hard link, the name of another member; of a symbolic one, a path from the folder of this. */
  readonly link?: { readonly isSymbolic: boolean; readonly target: string } | undefined;
}

type ReadAt = (offset: number, length: number) => Promise<Buffer>;

/** What headers before a member say of it. */
interface Described {
  path?: string;
  size?: number;
  linkpath?: string;
  isSparse?: boolean;
  flaw?: TarFlaw;
}

/** Links, devices, folders and pipes: nothing comes behind these, whatever size is written; so has it Go's archive/tar. */
const BODYLESS_TYPES = new Set(['1', '2', '3', '4', '5', '6']);
const SPARSE_TYPE = 'S';
const SPARSE_KEYS = 'GNU.sparse.';

/** What a header lacks, or has too much of. */
export const TAR_FLAWS = ['no-size', 'large-description', 'unsound-attributes'] as const;
export type TarFlaw = (typeof TAR_FLAWS)[number];

/** The keys that matter here. */
function parsePax(content: Buffer): Described {
  const { records, isSound } = parsePaxRecords(content);
  const found: Described = isSound ? {} : { flaw: 'unsound-attributes' };
  const path = records.get('path');
  const linkpath = records.get('linkpath');
  const size = records.get('size');
  if (path !== undefined) found.path = path;
  if (linkpath !== undefined) found.linkpath = linkpath;
  if (size !== undefined && /^\d{1,15}$/.test(size)) found.size = Number(size);
  if ([...records.keys()].some((key) => key.startsWith(SPARSE_KEYS))) found.isSparse = true;
  return found;
}

/** A name without the `./` that `tar c .` and `sha256sum ./*` put in front. */
export const withoutDots = (path: string): string => path.replace(/^(?:\.\/+)+/, '');

function linkIn({ type, linkName }: TarHeader, { linkpath }: Described): TarMember['link'] {
  if (type !== '1' && type !== '2') return undefined;
  const target = linkpath ?? linkName;
  return type === '2' ? { isSymbolic: true, target } : { isSymbolic: false, target: withoutDots(target) };
}

/** What one look at a tar archive comes to. */
export interface FoundMember {
  /** null: no header stands where one should. */
  readonly member: TarMember | null;
  /** Where that which was understood ends; the next header, or what is none, begins with the block behind it. */
  readonly end: number;
  /** null: as far as the headers were understood, all is well with them. What they say counts all the same. */
  readonly flaw: TarFlaw | null;
}

/** Where the block begins that follows what ends there. */
export const blockBehind = (end: number): number => Math.ceil(end / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;

/** The member whose headers begin at an offset. @throws what `readAt` throws */
export async function findTarMember(readAt: ReadAt, from: number): Promise<FoundMember> {
  let described: Described = {};
  let end = from;
  for (let headers = 0; headers < MAX_HEADERS; headers += 1) {
    const offset = blockBehind(end);
    const header = parseTarHeader(await readAt(offset, TAR_BLOCK_BYTES));
    if (header === undefined) break;
    const { type, sizeBytes: own } = header;
    const content = offset + TAR_BLOCK_BYTES;
    const isDescription = type === 'x' || type === 'g' || type === 'L' || type === 'K';
    const written = isDescription ? own : (described.size ?? own);
    const size = BODYLESS_TYPES.has(type) ? 0 : written;
    if (size === undefined || !Number.isSafeInteger(content + size)) {
      return { member: null, end, flaw: 'no-size' };
    }
    end = content + size;
    if (!isDescription) {
      const { path = header.name, isSparse = type === SPARSE_TYPE, flaw = null } = described;
      const kind = { type, isFile: type === '0' || type === '7', isSparse };
      const link = linkIn(header, described);
      const place = { name: withoutDots(path), offset: content, sizeBytes: size };
      return { member: { ...place, ...kind, ...(link && { link }) }, end, flaw };
    }
    // What is said of all members can be none's name or size.
    if (type === 'g') continue;
    const bytes = await readAt(content, Math.min(size, MAX_DESCRIPTION_BYTES));
    if (type === 'x') described = { ...described, ...parsePax(bytes) };
    if (type === 'L') described = { ...described, path: tarText(bytes, 0, bytes.length) };
    if (type === 'K') described = { ...described, linkpath: tarText(bytes, 0, bytes.length) };
    if (size > bytes.length) described = { ...described, flaw: 'large-description' };
  }
  return { member: null, end, flaw: described.flaw ?? null };
}

/** Finds the member that begins at an offset. */
export type FindMember = (from: number) => Promise<FoundMember>;

/** The members of a tar archive, one after another. */
export type TarMembers = AsyncGenerator<TarMember & { readonly flaw: TarFlaw | null }, TarEnd>;

/** How the members of a tar archive end. */
export interface TarEnd {
  /** Whether the archive ends before its last member does. */
  readonly isCut: boolean;
  /** Where what was understood of it ends. */
  readonly end: number;
  /** Why no further member was found, where a header said so. */
  readonly flaw: TarFlaw | null;
}

/** The members of a tar archive, as one after another is found. @param maxMembers no more are looked for */
export async function* membersFound(find: FindMember, sizeBytes: number, maxMembers: number): TarMembers {
  let end = 0;
  for (let members = 0; members < maxMembers && end <= sizeBytes; members += 1) {
    const { member, flaw, ...found } = await find(blockBehind(end));
    end = found.end;
    if (member === null) return { isCut: end > sizeBytes, end, flaw };
    yield { ...member, flaw };
  }
  return { isCut: end > sizeBytes, end, flaw: null };
}

/**
 * The members of a tar archive, as long as its headers are sound.
 *
 * @param maxMembers what stands behind so many is not looked at
 */
export const tarMembers = (readAt: ReadAt, sizeBytes: number, maxMembers = MAX_MEMBERS): TarMembers =>
  membersFound((from) => findTarMember(readAt, from), sizeBytes, maxMembers);
