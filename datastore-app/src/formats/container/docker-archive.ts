// SPDX-License-Identifier: Apache-2.0
import { SAVED_FILE, type SavedEntry, savedEntries } from '@local-datastore/shared/oci/saved-entries';
import type { ImageSource } from '../image-source.ts';
import { readJson } from '../read-json.ts';
import type { ArchiveMembers, MemberPlace } from './archive-members.ts';

/** One image as `docker save` describes it. */
export interface DockerArchiveImage {
  readonly config: MemberPlace;
  readonly layers: readonly MemberPlace[];
  /** As `name:tag`; none where it was saved by its id. */
  readonly names: readonly string[];
}

/** Where the parts of an image are; a sentence where one of them is not there. */
export function placesOf(
  { Config, RepoTags, Layers }: SavedEntry,
  members: ArchiveMembers,
): DockerArchiveImage | string {
  const names = [Config, ...(Layers ?? [])];
  const missing = names.find((name) => !members.has(name));
  if (missing !== undefined) return `Its ${SAVED_FILE} names "${missing}", which is not in it.`;
  const [config, ...layers] = names.map((name) => members.get(name) as MemberPlace);
  return { config: config as MemberPlace, layers, names: RepoTags ?? [] };
}

/**
 * What the `manifest.json` of an archive says (Docker Image Specification v1.2, "Combined Image JSON + Filesystem
 * Changeset Format").
 *
 * @returns undefined where there is none, or it is something else of the name; a sentence where it names what the
 *   archive has not
 * @throws what `readAt` throws
 */
export async function readDockerArchive(
  readAt: ImageSource['readAt'],
  members: ArchiveMembers,
): Promise<readonly DockerArchiveImage[] | string | undefined> {
  const entries = savedEntries(await readJson(readAt, members.get(SAVED_FILE)));
  if (entries === undefined) return undefined;
  const images = entries.map((entry) => placesOf(entry, members));
  return images.find((each) => typeof each === 'string') ?? (images as DockerArchiveImage[]);
}
