// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { formatDigest, type OciDigest, parseOciDigest } from './digest.ts';

/** What an image of an index runs on (image-spec, image-index.md). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
  readonly osVersion?: string | undefined;
  readonly osFeatures?: readonly string[] | undefined;
}

/** What one document says of other content (image-spec, descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: OciDigest;
  readonly sizeBytes: number;
  readonly artifactType?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly platform?: Platform | undefined;
  /** Where else the content may be had. */
  readonly urls?: readonly string[] | undefined;
}

/** RFC 6838 §4.2: type and subtype have at most 127 characters each. */
const MAX_MEDIA_TYPE_LENGTH = 255;
export const MEDIA_TYPE = z.string().max(MAX_MEDIA_TYPE_LENGTH);
/** Go's programs write `null` for a map that was never made. */
export const ANNOTATIONS = z.record(z.string(), z.string()).nullish();

export const PLATFORM = z
  .object({
    os: z.string().nullish(),
    architecture: z.string().nullish(),
    variant: z.string().nullish(),
    'os.version': z.string().nullish(),
    'os.features': z.array(z.string()).nullish(),
  })
  .transform((given): Platform => {
    const optional = {
      variant: given.variant ?? undefined,
      osVersion: given['os.version'] ?? undefined,
      osFeatures: given['os.features'] ?? undefined,
    };
    return { os: given.os ?? '', architecture: given.architecture ?? '', ...withoutUndefined(optional) };
  });

const DIGEST = z.string().transform((text, context): OciDigest => {
  const digest = parseOciDigest(text);
  if (digest !== undefined) return digest;
  context.addIssue('must be "sha256:" and 64 digits, or "sha512:" and 128');
  return z.NEVER;
});

/** A descriptor as it stands in a document. Members that nobody here needs are passed over. */
export const DESCRIPTOR = z
  .object({
    mediaType: MEDIA_TYPE,
    digest: DIGEST,
    size: z.number().int().nonnegative(),
    artifactType: MEDIA_TYPE.nullish(),
    annotations: ANNOTATIONS,
    platform: PLATFORM.nullish(),
    urls: z.array(z.string()).nullish(),
  })
  .transform(({ mediaType, digest, size, artifactType, annotations, platform, urls }): Descriptor => {
    const optional = {
      artifactType: artifactType || undefined,
      annotations: annotations ?? undefined,
      platform: platform ?? undefined,
      urls: urls ?? undefined,
    };
    return { mediaType, digest, sizeBytes: size, ...withoutUndefined(optional) };
  });

function withoutUndefined<T extends object>(members: T): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T;
}

/** A descriptor as it is to stand in a document: {@link DESCRIPTOR} the other way round. */
export function descriptorDocument(descriptor: Descriptor): object {
  const { mediaType, digest, sizeBytes, artifactType, annotations, platform, urls } = descriptor;
  return {
    mediaType,
    digest: formatDigest(digest),
    size: sizeBytes,
    ...withoutUndefined({ urls, annotations, artifactType }),
    ...(platform && { platform: platformDocument(platform) }),
  };
}

const platformDocument = ({ os, architecture, variant, osVersion, osFeatures }: Platform) => ({
  architecture,
  os,
  ...withoutUndefined({ variant, 'os.version': osVersion, 'os.features': osFeatures }),
});
