// SPDX-License-Identifier: Apache-2.0
import { formatDigest, type OciDigest, parseOciDigest } from './digest.ts';
import type { OciErrorCode } from './error-body.ts';
import {
  type ManifestReference,
  parseManifestReference,
  type RepositoryName,
  TAG_RULES,
  whyNoRepositoryName,
} from './reference.ts';

/** What a URL path below `/v2/` names. `end-N`: of the table of endpoints in the distribution specification. */
export type RegistryResourcePath =
  /** `/v2/` (end-1) */
  | { readonly kind: 'base' }
  /** `/v2/_catalog`, which came with Docker's registry */
  | { readonly kind: 'catalog' }
  /** `/v2/<name>/blobs/<digest>` (end-2, end-10) */
  | { readonly kind: 'blob'; readonly repository: RepositoryName; readonly digest: OciDigest }
  /** `/v2/<name>/manifests/<tag-or-digest>` (end-3, end-7, end-9) */
  | { readonly kind: 'manifest'; readonly repository: RepositoryName; readonly reference: ManifestReference }
  /** `/v2/<name>/blobs/uploads/` (end-4, end-11) */
  | { readonly kind: 'uploads'; readonly repository: RepositoryName }
  /** `/v2/<name>/blobs/uploads/<id>` (end-5, end-6, end-13, end-14) */
  | { readonly kind: 'upload'; readonly repository: RepositoryName; readonly id: string }
  /** `/v2/<name>/tags/list` (end-8) */
  | { readonly kind: 'tags'; readonly repository: RepositoryName }
  /** `/v2/<name>/referrers/<digest>` (end-12) */
  | { readonly kind: 'referrers'; readonly repository: RepositoryName; readonly digest: OciDigest };

export type RegistryPath =
  | RegistryResourcePath
  /** An endpoint that is there, with a name, a tag or a digest that cannot be. @property reason as a sentence */
  | {
      readonly kind: 'invalid';
      readonly code: Extract<OciErrorCode, 'NAME_INVALID' | 'DIGEST_INVALID' | 'TAG_INVALID'>;
      readonly reason: string;
    }
  /** No endpoint. */
  | { readonly kind: 'unknown' };

/** Whether a URL path, as sent, is the registry's. */
export const isRegistryPath = (urlPath: string): boolean => urlPath === '/v2' || urlPath.startsWith('/v2/');

const UNKNOWN: RegistryPath = { kind: 'unknown' };
const DIGEST_RULES = 'A digest is "sha256:" and 64 digits, or "sha512:" and 128, in lower case.';
const UPLOAD_ID = /^[A-Za-z0-9_-]{1,128}$/;

const invalid = (code: Extract<RegistryPath, { kind: 'invalid' }>['code'], reason: string): RegistryPath => ({
  kind: 'invalid',
  code,
  reason,
});

/**
 * What a URL path is for. Percent-encoding is undone once, over the whole path, as Go's registries do it: some clients
 * encode the colon of a digest, others the slashes of a name. A name may hold what endpoints are called by, so the
 * path is read from its end.
 *
 * @param urlPath as sent, without the query; isRegistryPath holds for it
 * @param whyNoName why a text is no name here, as a sentence; undefined: it is one
 */
export function parseRegistryPath(
  urlPath: string,
  whyNoName: (text: string) => string | undefined = whyNoRepositoryName,
): RegistryPath {
  const decoded = decode(urlPath);
  if (decoded === undefined) return invalid('NAME_INVALID', 'The path is not percent-encoded correctly.');
  // `blobs/uploads/` is written with a slash at its end; for all else one does no harm.
  const path = decoded.slice('/v2/'.length).replace(/\/$/, '');
  if (path === '') return { kind: 'base' };
  if (path === '_catalog') return { kind: 'catalog' };
  const parts = path.split('/');
  const last = parts.at(-1) ?? '';
  const secondLast = parts.at(-2);
  const nameBefore = (count: number) => parts.slice(0, -count).join('/');
  function named(name: string, pathOf: (repository: RepositoryName) => RegistryPath): RegistryPath {
    const whyNot = whyNoName(name);
    return whyNot === undefined ? pathOf(name) : invalid('NAME_INVALID', whyNot);
  }

  if (secondLast === 'blobs' && last === 'uploads')
    return named(nameBefore(2), (repository) => ({ kind: 'uploads', repository }));
  if (parts.at(-3) === 'blobs' && secondLast === 'uploads') {
    return named(nameBefore(3), (repository) =>
      UPLOAD_ID.test(last) ? { kind: 'upload', repository, id: last } : UNKNOWN,
    );
  }
  if (secondLast === 'tags' && last === 'list')
    return named(nameBefore(2), (repository) => ({ kind: 'tags', repository }));
  if (secondLast === 'manifests') return named(nameBefore(2), (repository) => manifestPath(repository, last));
  if (secondLast === 'blobs' || secondLast === 'referrers') {
    const kind = secondLast === 'blobs' ? 'blob' : 'referrers';
    return named(nameBefore(2), (repository) => {
      const digest = parseOciDigest(last);
      return digest === undefined ? invalid('DIGEST_INVALID', DIGEST_RULES) : { kind, repository, digest };
    });
  }
  return UNKNOWN;
}

function decode(urlPath: string): string | undefined {
  try {
    return decodeURIComponent(urlPath);
  } catch {
    return undefined;
  }
}

function manifestPath(repository: RepositoryName, text: string): RegistryPath {
  const reference = parseManifestReference(text);
  if (reference !== undefined) return { kind: 'manifest', repository, reference };
  return text.includes(':') ? invalid('DIGEST_INVALID', DIGEST_RULES) : invalid('TAG_INVALID', TAG_RULES);
}

/** The path of a blob as a Location has it. */
export const blobLocation = (repository: RepositoryName, digest: OciDigest): string =>
  `/v2/${repository}/blobs/${formatDigest(digest)}`;

export const manifestLocation = (repository: RepositoryName, digest: OciDigest): string =>
  `/v2/${repository}/manifests/${formatDigest(digest)}`;

export const uploadLocation = (repository: RepositoryName, id: string): string =>
  `/v2/${repository}/blobs/uploads/${id}`;
