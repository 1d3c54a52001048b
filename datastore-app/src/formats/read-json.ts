// SPDX-License-Identifier: Apache-2.0
import type { ImagePart } from './file-format.ts';
import type { ImageSource } from './image-source.ts';

/** What `docker save` writes of some thousand images. */
export const MAX_JSON_BYTES = 1024 * 1024;

/** The JSON document in a member; undefined where there is none, or none of a size that anybody writes. */
export async function readJson(
  readAt: ImageSource['readAt'],
  member: ImagePart | undefined,
): Promise<unknown> {
  if (member === undefined || member.sizeBytes > MAX_JSON_BYTES) return undefined;
  try {
    return JSON.parse((await readAt(member.offset, member.sizeBytes)).toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
