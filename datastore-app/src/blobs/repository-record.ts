// SPDX-License-Identifier: Apache-2.0
import { parseOciDigest } from '@local-datastore/shared/oci/digest';
import { isTag } from '@local-datastore/shared/oci/reference';
import * as z from 'zod';
import type { DigestText } from './blob-files.ts';

/** What a tag points to. */
export interface TagRecord {
  readonly digest: DigestText;
  /** ISO 8601: since when. */
  readonly at: string;
  /** Who set it. */
  readonly by?: string | undefined;
  /** It is never moved. */
  readonly isReleased?: true | undefined;
}

/** A blob that a manifest needs, and its size as the manifest says it. */
export interface BlobRef {
  readonly digest: DigestText;
  readonly sizeBytes: number;
}

/** What is known of a manifest, so that its bytes need not be read at the start. */
export interface ManifestRecord {
  readonly mediaType: string;
  readonly sizeBytes: number;
  /** ISO 8601: when it was pushed, the last time. */
  readonly at: string;
  /** ISO 8601: when the last tag left it; absent: it has one, or never had. */
  readonly untagged?: string | undefined;
  readonly blobs: readonly BlobRef[];
  readonly children: readonly DigestText[];
  readonly subject?: DigestText | undefined;
  readonly artifactType?: string | undefined;
  /** Its blobs may be missing: they come from an upstream when they are asked for. */
  readonly isSparse?: true | undefined;
}

/** What a tag pointed to at one time; the latest last. */
export interface VersionRecord {
  readonly tag: string;
  readonly digest: DigestText;
  /** ISO 8601. */
  readonly at: string;
}

/** What a tag stands for as long as nothing of it is here: an image of another registry. */
export interface ReferenceRecord {
  /** Such as `docker://registry.example/lab/app:1.2`. */
  readonly source: string;
  /** It is asked over http. */
  readonly isInsecure?: true | undefined;
  /** ISO 8601: since when. */
  readonly at: string;
  readonly by?: string | undefined;
}

/** All that is remembered of a repository. Never changed: each change makes another one. */
export interface RepositoryRecord {
  readonly name: string;
  /** ISO 8601. */
  readonly created: string;
  /** How it is written where its images were imported from; absent: just so. */
  readonly source?: string | undefined;
  readonly tags: ReadonlyMap<string, TagRecord>;
  /** By tag; it stays when the image has come, whose parts come from there, too. Absent: none. */
  readonly references?: ReadonlyMap<string, ReferenceRecord> | undefined;
  readonly manifests: ReadonlyMap<DigestText, ManifestRecord>;
  readonly versions: readonly VersionRecord[];
  /** Of a repository that was just given this name, and that has not been changed since. */
  readonly renamedFrom?: RenamedFrom | undefined;
}

/** The record of which another is the successor: should it still be there, it is what a crash left behind. */
export interface RenamedFrom {
  readonly name: string;
  /** Of the text of its record; a repository that is made anew under the old name has another. */
  readonly sha256: string;
}

const digest = z.string().refine((text) => parseOciDigest(text) !== undefined);
const size = z.number().int().nonnegative();
const time = z.iso.datetime();
const tagName = z.string().refine(isTag);

/** Lists, not objects with names as keys: `__proto__` may be a tag. */
const recordSchema = z.object({
  version: z.literal(1),
  name: z.string(),
  created: time,
  source: z.string().optional(),
  tags: z.array(
    z.object({
      tag: tagName,
      digest,
      at: time,
      by: z.string().optional(),
      isReleased: z.literal(true).optional(),
    }),
  ),
  references: z
    .array(
      z.object({
        tag: tagName,
        source: z.string(),
        isInsecure: z.literal(true).optional(),
        at: time,
        by: z.string().optional(),
      }),
    )
    .optional(),
  manifests: z.array(
    z.object({
      digest,
      mediaType: z.string(),
      sizeBytes: size,
      at: time,
      untagged: time.optional(),
      blobs: z.array(z.tuple([digest, size])),
      children: z.array(digest).readonly(),
      subject: digest.optional(),
      artifactType: z.string().optional(),
      isSparse: z.literal(true).optional(),
    }),
  ),
  versions: z.array(z.object({ tag: tagName, digest, at: time })).readonly(),
  renamedFrom: z.object({ name: z.string(), sha256: z.string() }).optional(),
});

/**
 * @param intern gives the one copy of a digest that is kept
 * @throws what tells a person why it is no record of this repository
 */
export function parseRepositoryRecord(
  text: string,
  name: string,
  intern: (digest: DigestText) => DigestText,
): RepositoryRecord {
  const result = recordSchema.safeParse(JSON.parse(text));
  if (!result.success) throw new Error(z.prettifyError(result.error).replace(/\s+/g, ' '));
  const { data } = result;
  if (data.name !== name) throw new Error(`it is the record of ${data.name}`);
  const manifests = new Map(
    data.manifests.map(({ digest: key, blobs, children, subject, ...rest }) => [
      intern(key),
      {
        ...rest,
        blobs: blobs.map(([each, sizeBytes]) => ({ digest: intern(each), sizeBytes })),
        children: children.map(intern),
        ...(subject !== undefined && { subject: intern(subject) }),
      },
    ]),
  );
  for (const { tag, digest: key } of data.tags) {
    if (!manifests.has(key)) throw new Error(`the tag ${tag} points to a manifest that is not listed`);
  }
  return {
    ...{ name, created: data.created, manifests, versions: data.versions },
    ...(data.source !== undefined && { source: data.source }),
    ...(data.renamedFrom !== undefined && { renamedFrom: data.renamedFrom }),
    tags: new Map(data.tags.map(({ tag, ...rest }) => [tag, { ...rest, digest: intern(rest.digest) }])),
    ...(data.references !== undefined && {
      references: new Map(data.references.map(({ tag, ...rest }) => [tag, rest])),
    }),
  };
}

export function repositoryRecordText(record: RepositoryRecord): string {
  const { name, created, source, tags, references, manifests, versions, renamedFrom } = record;
  return `${JSON.stringify({
    version: 1,
    name,
    created,
    source,
    tags: Array.from(tags, ([tag, rest]) => ({ tag, ...rest })),
    ...(references !== undefined && {
      references: Array.from(references, ([tag, rest]) => ({ tag, ...rest })),
    }),
    manifests: Array.from(manifests, ([key, { blobs, ...rest }]) => ({
      digest: key,
      ...rest,
      blobs: blobs.map((each) => [each.digest, each.sizeBytes]),
    })),
    versions,
    ...(renamedFrom !== undefined && { renamedFrom }),
  } satisfies z.input<typeof recordSchema>)}\n`;
}
