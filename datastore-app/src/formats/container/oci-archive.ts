// SPDX-License-Identifier: Apache-2.0
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { blobPath, INDEX_FILE, LAYOUT_FILE } from '@local-datastore/shared/oci/image-archive';
import { isLayoutMark, type LayoutEntry, layoutEntries } from '@local-datastore/shared/oci/layout-entries';
import type { ImageSource } from '../image-source.ts';
import { readJson } from '../read-json.ts';
import type { ArchiveMembers, MemberPlace } from './archive-members.ts';

/** Where a layout has the content of a digest (image-spec, image-layout.md, "Blobs"). */
export const blobMember = (members: ArchiveMembers, digest: OciDigest): MemberPlace | undefined =>
  members.get(blobPath(digest));

/**
 * What the `index.json` of an image layout in an archive says (image-spec, image-layout.md).
 *
 * @returns undefined where the archive is no image layout; a sentence where it names what the archive has not
 * @throws what `readAt` throws
 */
export async function readOciArchive(
  readAt: ImageSource['readAt'],
  members: ArchiveMembers,
): Promise<readonly LayoutEntry[] | string | undefined> {
  const isLayout = isLayoutMark(await readJson(readAt, members.get(LAYOUT_FILE)));
  const entries = layoutEntries(await readJson(readAt, members.get(INDEX_FILE)));
  if (!isLayout || entries === undefined) return undefined;
  const missing = entries.find(({ descriptor }) => blobMember(members, descriptor.digest) === undefined);
  return missing === undefined
    ? entries
    : `Its index.json names ${formatDigest(missing.descriptor.digest)}, which is not in it.`;
}
