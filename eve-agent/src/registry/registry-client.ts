// SPDX-License-Identifier: Apache-2.0
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import { formatDigest, type OciDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import {
  MAX_MANIFEST_BYTES,
  ManifestError,
  type ManifestLinks,
  parseManifest,
} from '@local-datastore/shared/oci/manifest';
import {
  isSchema1,
  MANIFEST_KINDS,
  manifestKind,
  withoutParameters,
} from '@local-datastore/shared/oci/media-types';
import type { ManifestReference } from '@local-datastore/shared/oci/reference';
import { type Origin, shownHost } from '../discovery/origin.ts';
import { ContentError } from '../transfer/errors.ts';
import { type HeaderFields, singleValue } from '../transfer/validators.ts';
import type { RegistryAuthorization } from './authorization.ts';
import { RegistryError } from './errors.ts';
import type { DocumentAnswer, FetchDocument } from './fetch-document.ts';
import type { RegistryImage } from './image-reference.ts';
import { refusalReason } from './refusal-reason.ts';

/** A manifest whose bytes have its digest. */
export interface Manifest {
  readonly bytes: Buffer;
  readonly digest: OciDigest;
  readonly mediaType: string;
  readonly links: ManifestLinks;
}

/** As it came. */
export interface FetchedManifest extends Manifest {
  readonly origin: Origin;
}

/** One repository of a registry. */
export interface RegistryClient {
  /**
   * OCI distribution-spec end-3.
   *
   * @throws RegistryError; ContentError; what the way there throws
   */
  readManifest(reference: ManifestReference, signal: AbortSignal): Promise<FetchedManifest>;
  /**
   * A blob that is read into memory, such as the configuration of an image (end-2).
   *
   * @throws as `readManifest`
   */
  readBlob(digest: OciDigest, sizeBytes: number, signal: AbortSignal): Promise<Buffer>;
  /** Where the bytes of a blob are (end-2). */
  blobUrl(digest: OciDigest): URL;
  /**
   * A list that is passed on as it is: tags (end-8), or what refers to a manifest (end-12).
   *
   * @param reference `list`, or a digest
   * @throws as `readManifest`
   */
  readList(
    kind: 'tags' | 'referrers',
    reference: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<DocumentAnswer>;
}

const ACCEPT = Object.keys(MANIFEST_KINDS).join(', ');
const ANYTHING = '*/*';
const MAX_LIST_BYTES = 4 * 1024 * 1024;

function requireDigest(bytes: Buffer, digest: OciDigest, what: string): void {
  const come = contentDigest(bytes, digest.algorithm);
  if (come.hex === digest.hex) return;
  const found = formatDigest(come);
  const expected = formatDigest(digest);
  throw new ContentError('DIGEST_MISMATCH', `${what} has the digest ${found}, not ${expected}`, {
    details: { found, expected },
  });
}

function refusal(answer: DocumentAnswer, what: string, isCredentialGiven: boolean): RegistryError {
  const { statusCode, origin } = answer;
  const host = shownHost(origin);
  const reason = refusalReason(answer.bytes);
  const details = { statusCode };
  if (statusCode === 404)
    return new RegistryError('IMAGE_NOT_FOUND', `${host} has no ${what}${reason}`, { details });
  const advice =
    statusCode === 401 && !isCredentialGiven ? '; give a credential with --auth "Basic …" or "Bearer …"' : '';
  const message = `${host} does not give ${what} (${statusCode})${reason}${advice}`;
  return new RegistryError('ACCESS_DENIED', message, { details });
}

/** The media type of a manifest as the registry says it; undefined: it says nothing of use. */
function statedMediaType(headers: HeaderFields): string | undefined {
  const stated = withoutParameters(singleValue(headers, 'content-type') ?? '');
  return manifestKind(stated) === undefined && !isSchema1(stated) ? undefined : stated;
}

function parse(bytes: Buffer, mediaType: string | undefined, what: string): ManifestLinks {
  try {
    return parseManifest(bytes, mediaType);
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    throw new RegistryError('MANIFEST_INVALID', `${what} cannot be used: ${error.message}`, { cause: error });
  }
}

export interface ClientOptions {
  readonly image: Pick<RegistryImage, 'registry' | 'repository'>;
  /** What a mirror is told of the registry that is meant (`?ns=`); absent: it is this one. */
  readonly namespace?: string | null;
  readonly authorization: RegistryAuthorization;
  readonly ca: string | null;
}

export function createRegistryClient(
  fetchDocument: FetchDocument,
  { image, authorization, ca, namespace = null }: ClientOptions,
): RegistryClient {
  const { registry, repository } = image;
  const urlOf = (kind: 'manifests' | 'blobs' | 'tags' | 'referrers', reference: string) => {
    const url = new URL(`/v2/${repository}/${kind}/${reference}`, registry);
    if (namespace !== null) url.searchParams.set('ns', namespace);
    return url;
  };

  async function ask(
    url: URL,
    what: string,
    { accept, maxBytes, isDigestKnown }: { accept: string; maxBytes: number; isDigestKnown: boolean },
    signal: AbortSignal,
  ): Promise<DocumentAnswer> {
    const credential = { authorization: authorization.current, renewAuthorization: authorization.renew };
    const answer = await fetchDocument({ url, ca, accept, maxBytes, isDigestKnown, ...credential }, signal);
    if (answer.statusCode !== 200) throw refusal(answer, what, authorization.isGiven);
    return answer;
  }

  return {
    blobUrl: (digest) => urlOf('blobs', formatDigest(digest)),
    async readManifest(reference, signal) {
      const isDigestKnown = 'digest' in reference;
      const text = isDigestKnown ? formatDigest(reference.digest) : reference.tag;
      const what = isDigestKnown ? `manifest ${repository}@${text}` : `image ${repository}:${text}`;
      const asked = { accept: ACCEPT, maxBytes: MAX_MANIFEST_BYTES, isDigestKnown };
      const { headers, bytes, origin } = await ask(urlOf('manifests', text), what, asked, signal);
      const stated = parseOciDigest(singleValue(headers, 'docker-content-digest') ?? '');
      const digest = isDigestKnown ? reference.digest : (stated ?? contentDigest(bytes));
      requireDigest(bytes, digest, `the ${what} as it came`);
      const links = parse(bytes, statedMediaType(headers), `the ${what}`);
      return { bytes, digest, mediaType: links.mediaType, links, origin };
    },
    async readList(kind, reference, query, signal) {
      const url = urlOf(kind, reference);
      for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
      const asked = { accept: ANYTHING, maxBytes: MAX_LIST_BYTES, isDigestKnown: false };
      return await ask(url, `list of ${kind} of ${repository}`, asked, signal);
    },
    async readBlob(digest, sizeBytes, signal) {
      const what = `blob ${formatDigest(digest)} of ${repository}`;
      const asked = { accept: ANYTHING, maxBytes: sizeBytes, isDigestKnown: true };
      const { bytes } = await ask(urlOf('blobs', formatDigest(digest)), what, asked, signal);
      requireDigest(bytes, digest, `the ${what} as it came`);
      return bytes;
    },
  };
}
