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
    const header = parseTarHeader(await readAt(offset, TAR_BLOCK_BYTES));
    if (header === undefined) break;
    const { type, sizeBytes: own } = header;
    const content = offset + TAR_BLOCK_BYTES;
    const isDescription = type === 'x' || type === 'g' || type === 'L' || type === 'K';
    const size = isDescription ? own : (described.size ?? own);
    if (size === undefined) break;
    if (isDescription) {
      const bytes = await readAt(content, Math.min(size, MAX_DESCRIPTION_BYTES));
      if (type === 'x') described = { ...described, ...parsePax(bytes) };
      if (type === 'L') described = { ...described, path: tarText(bytes, 0, bytes.length) };
      if (type === 'K') described = { ...described, linkpath: tarText(bytes, 0, bytes.length) };
    } else {
      members += 1;
      const name = withoutDots(described.path ?? header.name);
      const isFile = type === '0' || type === '7';
      const link = linkIn(header, described);
      yield { name, offset: content, sizeBytes: size, isFile, ...(link && { link }) };
      described = {};
    }
    offset = content + Math.ceil(size / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;
    if (content + size > sizeBytes) return { isCut: true };
  }
  return { isCut: false };
}
