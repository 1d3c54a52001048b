// SPDX-License-Identifier: Apache-2.0
import { parsePlatform } from '@local-datastore/shared/oci/platform';
import { isRepositoryName, isTag } from '@local-datastore/shared/oci/reference';
import * as z from 'zod';
import { parseImportSource } from './import-source.ts';
import { JOB_FAILURES } from './job-failure.ts';

/** queued and running go on by themselves after a restart; the others are ends. */
export const IMPORT_STATES = ['queued', 'running', 'done', 'failed', 'cancelled'] as const;
export type ImportState = (typeof IMPORT_STATES)[number];

export const hasEnded = (state: ImportState): boolean => state !== 'queued' && state !== 'running';

export const MAX_PLATFORMS = 20;
export const MAX_PATTERNS = 20;
const MAX_PATTERN_LENGTH = 128;

/** A platform such as `linux/arm/v7`. */
export const platformName = () =>
  z
    .string()
    .max(100)
    .refine((text) => parsePlatform(text) !== null, 'a platform such as linux/arm64 expected');
/** What tags are to be called: `*` and `?` are wildcards. */
export const tagPattern = () =>
  z
    .string()
    .max(MAX_PATTERN_LENGTH)
    .regex(/^[a-zA-Z0-9_.*?-]+$/, 'a tag expected, with * and ? as wildcards');

/** Files of secrets are named, not given by a path: they stand in one folder. */
export const secretFileName = () =>
  z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$/, 'the name of a file expected, without a folder');

const text = (max: number) => z.string().min(1).max(max);

/** With the password itself, or with the name of a file that holds it. */
export const credentialSchema = () =>
  z.union([
    z.strictObject({ user: text(255), password: text(4096) }),
    z.strictObject({ user: text(255), passwordFile: secretFileName() }),
  ]);
export type ImportCredential = z.infer<ReturnType<typeof credentialSchema>>;

/** What the file of a job holds; its last words on how it went stand there when it has ended. */
export const importJobSchema = () =>
  z.object({
    version: z.literal(1),
    id: z.string().regex(/^[0-9a-f]{16}$/),
    source: z.string().refine((value) => parseImportSource(value).kind === 'parsed'),
    repository: z.string().refine(isRepositoryName),
    /** null: it is found by its digest, or there are several. */
    tag: z.string().refine(isTag).nullable(),
    /** Which tags of the source; none: the one that it names. */
    tags: z.array(tagPattern()).max(MAX_PATTERNS).readonly(),
    /** None: all. */
    platforms: z.array(platformName()).max(MAX_PLATFORMS).readonly(),
    isInsecure: z.boolean(),
    /** Only as long as it has not ended. */
    credential: credentialSchema().optional(),
    by: z.string(),
    /** The address of who asked for it; absent: it was asked for before addresses were written down. */
    client: z.string().nullable().optional(),
    /** Whether an administrator asked for it, who may name any host. */
    isAdmin: z.boolean(),
    state: z.enum(IMPORT_STATES),
    created: z.iso.datetime(),
    ended: z.iso.datetime().nullable(),
    failure: z.object({ code: z.enum(JOB_FAILURES), message: z.string() }).nullable(),
    /** Of what was imported; null: not known, or several. */
    digest: z.string().nullable(),
    imagesTotal: z.number().int().nonnegative(),
    imagesDone: z.number().int().nonnegative(),
    sizeBytes: z.number().int().nonnegative(),
    doneBytes: z.number().int().nonnegative(),
    /** What came from the registry for it. */
    fetchedBytes: z.number().int().nonnegative(),
    /** What a person should know though it was done. */
    notes: z.array(z.string()).readonly(),
  });

export type ImportJobRecord = z.infer<ReturnType<typeof importJobSchema>>;

/** What is asked for, once it was looked at. */
export type ImportWish = Pick<
  ImportJobRecord,
  'source' | 'repository' | 'tag' | 'tags' | 'platforms' | 'isInsecure' | 'credential'
> & { readonly notes: readonly string[] };

/** A job that nothing has been done for yet. */
export const newImportJob = (
  wish: ImportWish,
  { id, created, by, client, isAdmin }: Pick<ImportJobRecord, 'id' | 'created' | 'by' | 'client' | 'isAdmin'>,
): ImportJobRecord => ({
  ...{ version: 1, ...wish, id, created, by, client, isAdmin },
  ...{ state: 'queued', ended: null, failure: null, digest: null },
  ...{ imagesTotal: 0, imagesDone: 0, sizeBytes: 0, doneBytes: 0, fetchedBytes: 0 },
});
