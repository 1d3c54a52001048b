// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { CodedError } from '../errors.ts';
import { ANNOTATIONS, DESCRIPTOR, type Descriptor, MEDIA_TYPE } from './descriptor.ts';
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  isSchema1,
  type ManifestKind,
  manifestKind,
  OCI_INDEX,
  OCI_MANIFEST,
} from './media-types.ts';

/** What a manifest refers to, and what is told of it where it is listed. */
export interface ManifestLinks {
  readonly kind: ManifestKind;
  readonly mediaType: string;
  readonly config?: Descriptor | undefined;
  /** Of those that are not distributable no blob need be there. */
  readonly layers: readonly Descriptor[];
  /** The manifests of an index. */
  readonly children: readonly Descriptor[];
  /** The manifest that this one is about; it need not be there. */
  readonly subject?: Descriptor | undefined;
  /** Of an image without one the media type of its config; absent where there is none. */
  readonly artifactType?: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

/** MANIFEST_TOO_LARGE: larger than anybody has to take; UNSUPPORTED: none of the media types that are kept here. */
export type ManifestErrorCode = 'MANIFEST_INVALID' | 'MANIFEST_TOO_LARGE' | 'UNSUPPORTED';
export class ManifestError extends CodedError<ManifestErrorCode> {}

/** What every registry should take ("Pushing Manifests"). */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
/** Indexes in use hold dozens. */
export const MAX_CHILDREN = 1000;
/** Engines take 127; an artifact may have a layer for every file of a folder. */
export const MAX_LAYERS = 10_000;

const COMMON = {
  schemaVersion: z.literal(2),
  mediaType: MEDIA_TYPE.nullish(),
  artifactType: MEDIA_TYPE.nullish(),
  subject: DESCRIPTOR.nullish(),
  annotations: ANNOTATIONS,
};
/** What would make a document mean one thing to one client and another to the next (CVE-2021-41190). */
const ABSENT = z.null('stands in a document of the other kind').optional();

/** Go's programs write `null` for a list that was never made. */
const IMAGE = z.object({
  ...COMMON,
  config: DESCRIPTOR,
  layers: z.array(DESCRIPTOR).max(MAX_LAYERS).nullish(),
  manifests: ABSENT,
});
const INDEX = z.object({
  ...COMMON,
  manifests: z.array(DESCRIPTOR).max(MAX_CHILDREN).nullish(),
  config: ABSENT,
  layers: ABSENT,
});

const invalid = (message: string, cause?: unknown) =>
  new ManifestError('MANIFEST_INVALID', message, { cause });

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    throw invalid('The manifest is no JSON document.', error);
  }
}

const LABEL = z.object({ mediaType: z.string().optional(), manifests: z.array(z.unknown()).optional() });

/** What a document is of which nothing was said. */
function mediaTypeOf(document: unknown): string {
  const label = LABEL.safeParse(document).data;
  return label?.mediaType ?? (label?.manifests === undefined ? OCI_MANIFEST : OCI_INDEX);
}

function check<T>(schema: z.ZodType<T>, document: unknown): T {
  const result = schema.safeParse(document);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = issue?.path.join('.') || 'the document';
  throw invalid(`The manifest is wrong: ${place}: ${issue?.message ?? 'not as it must be'}.`, result.error);
}

/**
 * Reads what a manifest of OCI, or of Docker's schema 2, refers to. The bytes themselves are what its digest names:
 * nobody may write them anew.
 *
 * @param mediaType as the Content-Type said it, without parameters; undefined: it was not said
 * @throws ManifestError
 */
export function parseManifest(bytes: Uint8Array, mediaType: string | undefined): ManifestLinks {
  if (bytes.length > MAX_MANIFEST_BYTES) {
    throw new ManifestError('MANIFEST_TOO_LARGE', `A manifest has at most ${MAX_MANIFEST_BYTES} bytes.`);
  }
  if (mediaType !== undefined) requireKind(mediaType);
  const document = parseJson(bytes);
  const type = mediaType ?? mediaTypeOf(document);
  const kind = requireKind(type);
  return kind === 'index'
    ? indexLinks(type, check(INDEX, document))
    : imageLinks(type, check(IMAGE, document));
}

function requireKind(mediaType: string): ManifestKind {
  if (isSchema1(mediaType)) {
    throw invalid(
      "Docker's schema 1 is not kept here: push with Docker 1.10 or newer, or with --format v2s2 of skopeo.",
    );
  }
  const kind = manifestKind(mediaType);
  if (kind !== undefined) return kind;
  throw new ManifestError(
    'UNSUPPORTED',
    `"${mediaType}" is the media type of no manifest that is kept here.`,
  );
}

function requireMediaType(said: string, written: string | null | undefined): void {
  const isDocker = said === DOCKER_MANIFEST || said === DOCKER_LIST;
  if (written === said || (!isDocker && (written === undefined || written === null))) return;
  throw invalid(`The manifest was sent as ${said}, and says itself ${JSON.stringify(written ?? null)}.`);
}

function imageLinks(mediaType: string, document: z.infer<typeof IMAGE>): ManifestLinks {
  requireMediaType(mediaType, document.mediaType);
  const { config, layers, subject, artifactType, annotations } = document;
  return {
    kind: 'manifest',
    mediaType,
    config,
    layers: layers ?? [],
    children: [],
    ...(subject && { subject }),
    artifactType: artifactType || config.mediaType,
    annotations: annotations ?? {},
  };
}

function indexLinks(mediaType: string, document: z.infer<typeof INDEX>): ManifestLinks {
  requireMediaType(mediaType, document.mediaType);
  const { manifests, subject, artifactType, annotations } = document;
  return {
    kind: 'index',
    mediaType,
    layers: [],
    children: manifests ?? [],
    ...(subject && { subject }),
    ...(artifactType && { artifactType }),
    annotations: annotations ?? {},
  };
}
