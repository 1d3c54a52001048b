// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** Where `docker save` says what an archive holds (Docker Image Specification v1.2). */
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
