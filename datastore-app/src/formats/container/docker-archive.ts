import * as z from 'zod';
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

export const SAVED_FILE = 'manifest.json';
/** Overlay file systems take 128 layers; nobody has found a use for a thousand. */
const MAX_LAYERS = 1000;

const IMAGES = z
  .array(
    z.object({
      Config: z.string(),
      RepoTags: z.array(z.string()).nullish(),
      Layers: z.array(z.string()).max(MAX_LAYERS).nullish(),
    }),
  )
  .min(1);

/** One image as it stands in the document. */
export type SavedEntry = z.infer<typeof IMAGES>[number];

/** The entries of `manifest.json`; undefined where it is something else of the name. */
export const savedEntries = (document: unknown): readonly SavedEntry[] | undefined =>
  IMAGES.safeParse(document).data;

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
