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
/** Headers that describe the next member: names and sizes are all that is wanted of them. */
const MAX_DESCRIPTION_BYTES = 64 * 1024;
/** Of one member: a name, the target of a link, attributes of its own, and those for all. */
const MAX_HEADERS = 16;

export interface TarMember {
  /** Without the `./` in front. */
  readonly name: string;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly isFile: boolean;
  /** Of a hard link, the name of another member; of a symbolic one, a path from the folder of this. */
  readonly link?: { readonly isSymbolic: boolean; readonly target: string } | undefined;
}

type ReadAt = (offset: number, length: number) => Promise<Buffer>;

/** What headers before a member say of it. */
interface Described {
  path?: string;
  size?: number;
  linkpath?: string;
}

/** The keys that matter here. */
function parsePax(content: Buffer): Described {
  const { records } = parsePaxRecords(content);
  const found: Described = {};
  const path = records.get('path');
  const linkpath = records.get('linkpath');
  const size = records.get('size');
  if (path !== undefined) found.path = path;
  if (linkpath !== undefined) found.linkpath = linkpath;
  if (size !== undefined && /^\d{1,15}$/.test(size)) found.size = Number(size);
  return found;
}

const withoutDots = (path: string) => path.replace(/^(?:\.\/+)+/, '');

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
    const size = isDescription ? own : (described.size ?? own);
    if (size === undefined || !Number.isSafeInteger(content + size)) break;
    end = content + size;
    if (!isDescription) {
      const name = withoutDots(described.path ?? header.name);
      const isFile = type === '0' || type === '7';
      const link = linkIn(header, described);
      return { member: { name, offset: content, sizeBytes: size, isFile, ...(link && { link }) }, end };
    }
    const bytes = await readAt(content, Math.min(size, MAX_DESCRIPTION_BYTES));
    if (type === 'x') described = { ...described, ...parsePax(bytes) };
    if (type === 'L') described = { ...described, path: tarText(bytes, 0, bytes.length) };
    if (type === 'K') described = { ...described, linkpath: tarText(bytes, 0, bytes.length) };
  }
  return { member: null, end };
}

/** Finds the member that begins at an offset. */
export type FindMember = (from: number) => Promise<FoundMember>;

/** The members of a tar archive, one after another. */
export type TarMembers = AsyncGenerator<TarMember, TarEnd>;

/** How the members of a tar archive end. */
export interface TarEnd {
  /** Whether the archive ends before its last member does. */
  readonly isCut: boolean;
  /** Where what was understood of it ends. */
  readonly end: number;
}

/** The members of a tar archive, as one after another is found. @param maxMembers no more are looked for */
export async function* membersFound(find: FindMember, sizeBytes: number, maxMembers: number): TarMembers {
  let end = 0;
  for (let members = 0; members < maxMembers && end <= sizeBytes; members += 1) {
    const found = await find(blockBehind(end));
    end = found.end;
    if (found.member === null) break;
    yield found.member;
  }
  return { isCut: end > sizeBytes, end };
}

/**
 * The members of a tar archive, as long as its headers are sound.
 *
 * @param maxMembers what stands behind so many is not looked at
 */
export const tarMembers = (readAt: ReadAt, sizeBytes: number, maxMembers = MAX_MEMBERS): TarMembers =>
  membersFound((from) => findTarMember(readAt, from), sizeBytes, maxMembers);
