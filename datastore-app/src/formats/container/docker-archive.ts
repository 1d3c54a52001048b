import * as z from 'zod';
import type { ImageSource } from '../image-source.ts';
import type { ArchiveMembers, MemberPlace } from './archive-members.ts';
import { readJson } from './read-json.ts';

/** One image as `docker save` describes it. */
export interface DockerArchiveImage {
  readonly config: MemberPlace;
  readonly layers: readonly MemberPlace[];
  /** As `name:tag`; none where it was saved by its id. */
  readonly names: readonly string[];
}

const MANIFEST = 'manifest.json';
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
  const parsed = IMAGES.safeParse(await readJson(readAt, members.get(MANIFEST)));
  if (!parsed.success) return undefined;
  const images: DockerArchiveImage[] = [];
  for (const { Config, RepoTags, Layers } of parsed.data) {
    const names = [Config, ...(Layers ?? [])];
    const missing = names.find((name) => !members.has(name));
    if (missing !== undefined) return `Its ${MANIFEST} names "${missing}", which is not in it.`;
    const [config, ...layers] = names.map((name) => members.get(name) as MemberPlace);
    if (config !== undefined) images.push({ config, layers, names: RepoTags ?? [] });
  }
  return images;
}
