// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { OPERATION_FORMATS } from '../../operations/image-operations.ts';
import { bytes } from './scalars.ts';

/** What operations on images take and answer, beside the name of the image. */

const IMAGE = z
  .string()
  .max(2048)
  .describe('The path of an image, or `oci:` and a repository, `oci:lab/app:1.2`, `oci:lab/app@sha256:…`.');
const DRY_RUN = z.boolean().optional().describe('`true`: it is only said what would happen.');

export const imageWishSchema = () => z.strictObject({ image: IMAGE });
export const releaseWishSchema = () =>
  z.strictObject({ image: IMAGE, undo: z.boolean().optional().describe('`true`: it is let go.') });
export const removalWishSchema = () =>
  z.strictObject({
    image: IMAGE,
    dryRun: DRY_RUN,
    force: z.boolean().optional().describe('`true`: also where an index names it.'),
    tagOnly: z.boolean().optional().describe('`true`: of the registry, the tag alone; the image stays.'),
  });
export const renameWishSchema = () =>
  z.strictObject({
    image: IMAGE,
    to: z.string().max(2048).describe('A path; of a repository another name, of a tag another tag.'),
    dryRun: DRY_RUN,
  });
export const versionWishSchema = () =>
  z.strictObject({
    image: IMAGE,
    digest: z.string().describe('Of a manifest that was pushed there: `sha256:…`.'),
  });

const ABOUT = {
  image: z.string().describe('As it is called.'),
  notice: z.string().nullable().describe('What a person should know of the name.'),
};
const format = z.enum(OPERATION_FORMATS);
const defect = z.object({ code: z.string(), message: z.string() });

export const imageFactsSchema = () =>
  z.object({
    ...ABOUT,
    format,
    sizeBytes: bytes,
    digest: z.string().nullable().describe('sha256 of a file; `sha256:…` of the manifest in the registry.'),
    isReleased: z.boolean(),
    virtualSizeBytes: bytes.nullable().describe('What a guest sees.'),
    content: z.string().describe('What it is, in a word.'),
    problems: z.array(defect).describe('What keeps EVE from using it as it is.'),
    members: z.array(z.looseObject({ kind: z.enum(['file', 'image']) })).describe('Of an archive.'),
    tags: z.array(z.string()),
    platforms: z.array(z.string()),
    referrers: z.array(z.object({ digest: z.string(), artifactType: z.string().nullable() })),
    origin: z.string().nullable().describe('Of a repository: `pushed`, `archive` or `upstream`.'),
  });
export const imageValidationSchema = () =>
  z.object({
    ...ABOUT,
    format,
    checks: z.array(z.string()).describe('What was compared: `content`, `sha256`, `qemu-img`, `digests`…'),
    checkedBytes: bytes,
    defects: z.array(defect).describe('None: it is sound.'),
  });
export const hashUpdateSchema = () =>
  z.object({
    ...ABOUT,
    digest: z.string(),
    before: z.string().nullable().describe('What was known; null: nothing was.'),
    isDifferent: z.boolean(),
    sizeBytes: bytes,
    topLayerBytes: bytes.nullable().describe('Of an image of the registry.'),
  });
export const imageChangeSchema = () =>
  z.object({
    ...ABOUT,
    isDone: z.boolean().describe('false: of a dry run.'),
    sentences: z.array(z.string()).describe('What was done, or would be, in plain words.'),
    freedBytes: bytes
      .optional()
      .describe('Of a removal: what comes free; of the registry at most, and once it is collected.'),
  });
export const imageVersionSchema = () =>
  z.object({
    ...ABOUT,
    digest: z.string(),
    version: z
      .string()
      .nullable()
      .describe(
        'The tag: the number of the version, beside `latest`, or what was asked for; null: of a file.',
      ),
    notices: z.array(z.string()).optional().describe('Of an import: what a person should know.'),
  });
