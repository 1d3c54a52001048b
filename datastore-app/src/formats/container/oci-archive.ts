import { ANNOTATIONS, DESCRIPTOR, type Descriptor } from '@local-datastore/shared/oci/descriptor';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import {
  blobPath,
  FULL_NAME,
  INDEX_FILE,
  LAYOUT_FILE,
  REF_NAME,
} from '@local-datastore/shared/oci/image-archive';
import * as z from 'zod';
import type { ImageSource } from '../image-source.ts';
import { readJson } from '../read-json.ts';
import type { ArchiveMembers, MemberPlace } from './archive-members.ts';

/** A manifest that the index of a layout names, and how it is called there. */
export interface OciArchiveImage {
  readonly descriptor: Descriptor;
  /** A name, `name:tag`, or a tag alone; undefined: it has none. */
  readonly name: string | undefined;
}

const LAYOUT = z.object({ imageLayoutVersion: z.string() });
const INDEX = z.object({ manifests: z.array(DESCRIPTOR).max(1000), annotations: ANNOTATIONS });

/** The entries of the `index.json` of a layout with their names; undefined where it is something else. */
export function layoutEntries(document: unknown): readonly OciArchiveImage[] | undefined {
  return INDEX.safeParse(document).data?.manifests.map((descriptor) => {
    const { [FULL_NAME]: fullName, [REF_NAME]: refName } = descriptor.annotations ?? {};
    return { descriptor, name: fullName ?? refName };
  });
}

/** Whether a document is what marks a layout. */
export const isLayoutMark = (document: unknown): boolean => LAYOUT.safeParse(document).success;

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
): Promise<readonly OciArchiveImage[] | string | undefined> {
  const isLayout = isLayoutMark(await readJson(readAt, members.get(LAYOUT_FILE)));
  const entries = layoutEntries(await readJson(readAt, members.get(INDEX_FILE)));
  if (!isLayout || entries === undefined) return undefined;
  const missing = entries.find(({ descriptor }) => blobMember(members, descriptor.digest) === undefined);
  return missing === undefined
    ? entries
    : `Its index.json names ${formatDigest(missing.descriptor.digest)}, which is not in it.`;
}
