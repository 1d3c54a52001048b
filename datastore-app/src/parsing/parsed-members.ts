// SPDX-License-Identifier: Apache-2.0
import { TAR_BLOCK_BYTES } from '@local-datastore/shared/tar/tar-header';
import {
  blockBehind,
  type FindMember,
  type FoundMember,
  MAX_DESCRIPTION_BYTES,
  membersFound,
  type TarMembers,
} from '../formats/tar-members.ts';
import type { FileParser, ParsedFile } from './file-parser.ts';

/** The headers of one member: attributes of the largest size, long names, and what is said of all. */
const MAX_HEADER_BYTES = 2 * MAX_DESCRIPTION_BYTES;

/** What stands in a part that begins at an offset, as it is in the archive; nothing that no part can say. */
function moved({ member, end, flaw }: FoundMember, from: number): FoundMember {
  const isPossible = Number.isSafeInteger(from + end) && (member?.offset ?? 0) <= MAX_HEADER_BYTES;
  if (!isPossible) return { member: null, end: from, flaw };
  return { member: member && { ...member, offset: from + member.offset }, end: from + end, flaw };
}

/**
 * The members of a tar archive, each of which is told by a parser that sees nothing but the headers of it.
 *
 * @param readAt what stands at an offset of the archive, which is behind the members that were told
 * @param sizeBytes of the archive; Infinity: nobody knows it yet
 * @throws as {@link FileParser.parse}
 */
export function parsedMembers(
  parser: FileParser,
  readAt: ParsedFile['readAt'],
  sizeBytes: number,
  maxMembers: number,
): TarMembers {
  const find: FindMember = async (from) => {
    const partBytes = Math.max(0, Math.min(MAX_HEADER_BYTES, sizeBytes - from));
    const part: ParsedFile = {
      sizeBytes: partBytes,
      readAt: (offset, wanted) => {
        const length = Math.max(0, Math.min(wanted, partBytes - offset));
        return length === 0 ? Promise.resolve(Buffer.alloc(0)) : readAt(from + offset, length);
      },
    };
    return moved(await parser.parse('member', part), from);
  };
  return membersFound(find, sizeBytes, maxMembers);
}

/** What stands behind the last member that was told, or where the first one should. */
export type TarEnd =
  /** Zeros, or nothing any more. */
  | 'end'
  /** The same where there was no member, and less than an archive without one has. */
  | 'nothing'
  /** As many members as are looked at, and perhaps more. */
  | 'too-many'
  /** A part of a header. */
  | 'cut-off'
  | 'no-header';

/**
 * @param readAt of the archive
 * @param end of the last member, as it was told
 * @param members how many were told, of those that are looked at
 * @throws whatever `readAt` throws
 */
export async function judgeTarEnd(
  readAt: ParsedFile['readAt'],
  end: number,
  members: number,
  maxMembers: number,
): Promise<TarEnd> {
  if (members >= maxMembers) return 'too-many';
  const block = await readAt(blockBehind(end), TAR_BLOCK_BYTES);
  const isWhole = block.length === TAR_BLOCK_BYTES;
  if (block.every((byte) => byte === 0)) return members === 0 && !isWhole ? 'nothing' : 'end';
  return isWhole ? 'no-header' : 'cut-off';
}
