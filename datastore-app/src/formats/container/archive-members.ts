import { posix } from 'node:path';
import type { ImageSource } from '../image-source.ts';
import { type TarMember, tarMembers } from '../tar-members.ts';

/** Where the content of a member stands in its archive. */
export interface MemberPlace {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** The files of an archive by name, links followed. */
export type ArchiveMembers = ReadonlyMap<string, MemberPlace>;

/** Of an image there are three members a layer at most, and an archive may hold many images. */
const MAX_MEMBERS = 20_000;
/** `docker save` of old made chains of one link; nobody makes long ones. */
const MAX_LINKS = 8;

function targetOf({ name, link }: TarMember): string | undefined {
  if (link === undefined) return undefined;
  if (!link.isSymbolic) return link.target;
  // A link out of the archive leads to no member of it.
  return posix.normalize(posix.join(posix.dirname(name), link.target));
}

/**
 * Lists the files of a tar archive. Of two with one name the last counts, as tar unpacks them.
 *
 * @returns undefined where the archive is cut off within a member
 * @throws what `readAt` throws
 */
export async function readArchiveMembers(
  readAt: ImageSource['readAt'],
  sizeBytes: number,
): Promise<ArchiveMembers | undefined> {
  const files = new Map<string, MemberPlace>();
  const links = new Map<string, string>();
  const members = tarMembers(readAt, sizeBytes, MAX_MEMBERS);
  for (;;) {
    const next = await members.next();
    if (next.done) {
      if (next.value.isCut) return undefined;
      break;
    }
    const member = next.value;
    const target = targetOf(member);
    files.delete(member.name);
    links.delete(member.name);
    if (member.isFile) files.set(member.name, { offset: member.offset, sizeBytes: member.sizeBytes });
    else if (target !== undefined) links.set(member.name, target);
  }
  for (const name of links.keys()) {
    let target: string | undefined = name;
    for (let i = 0; i < MAX_LINKS && target !== undefined && !files.has(target); i += 1) {
      target = links.get(target);
    }
    const place = target === undefined ? undefined : files.get(target);
    if (place !== undefined) files.set(name, place);
  }
  return files;
}
