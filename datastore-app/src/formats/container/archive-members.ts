// SPDX-License-Identifier: Apache-2.0
import { posix } from 'node:path';
import type { ImageSource } from '../image-source.ts';
import { type TarMember, type TarMembers, tarMembers } from '../tar-members.ts';

/** Where the content of a member stands in its archive. */
export interface MemberPlace {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** The files of an archive by name, links followed. */
export type ArchiveMembers = ReadonlyMap<string, MemberPlace>;

/** Of an image there are three members a layer at most, and an archive may hold many images. */
export const MAX_MEMBERS = 20_000;
/** `docker save` of old made chains of one link; nobody makes long ones. */
const MAX_LINKS = 8;

function targetOf({ name, link }: TarMember): string | undefined {
  if (link === undefined) return undefined;
  if (!link.isSymbolic) return link.target;
  // A link out of the archive leads to no member of it.
  return posix.normalize(posix.join(posix.dirname(name), link.target));
}

/** The members of a tar archive one by one; in the end they are the files by name. */
export interface MemberList<Place> {
  /** @param place where the content of a file stands; undefined: it is none, or it is of no interest */
  add(member: TarMember, place: Place | undefined): void;
  /** Of two with one name the last counts, as tar unpacks them; links lead to what they name. */
  files(): Map<string, Place>;
}

export function createMemberList<Place>(): MemberList<Place> {
  const files = new Map<string, Place>();
  const links = new Map<string, string>();
  return {
    add(member, place) {
      const { name } = member;
      const target = targetOf(member);
      files.delete(name);
      links.delete(name);
      if (place !== undefined) files.set(name, place);
      else if (target !== undefined) links.set(name, target);
    },
    files() {
      const all = new Map(files);
      for (const name of links.keys()) {
        let target: string | undefined = name;
        for (let i = 0; i < MAX_LINKS && target !== undefined && !files.has(target); i += 1) {
          target = links.get(target);
        }
        const place = target === undefined ? undefined : files.get(target);
        if (place !== undefined) all.set(name, place);
      }
      return all;
    },
  };
}

/** Where the members of a tar archive are told from: by default they are looked for here. */
export type ListMembers = (
  readAt: ImageSource['readAt'],
  sizeBytes: number,
  maxMembers: number,
) => TarMembers;

/**
 * Lists the files of a tar archive.
 *
 * @returns undefined where the archive is cut off within a member
 * @throws what `readAt` and `listMembers` throw
 */
export async function readArchiveMembers(
  readAt: ImageSource['readAt'],
  sizeBytes: number,
  listMembers: ListMembers = tarMembers,
): Promise<ArchiveMembers | undefined> {
  const list = createMemberList<MemberPlace>();
  const members = listMembers(readAt, sizeBytes, MAX_MEMBERS);
  for (;;) {
    const next = await members.next();
    if (next.done) return next.value.isCut ? undefined : list.files();
    const { isFile, offset, sizeBytes: length } = next.value;
    list.add(next.value, isFile ? { offset, sizeBytes: length } : undefined);
  }
}
