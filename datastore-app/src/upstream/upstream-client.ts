// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { findBearerChallenge } from '@local-datastore/shared/oci/challenge';
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import { formatDigest, type OciDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import { parseOciErrors } from '@local-datastore/shared/oci/error-body';
import type { ManifestDocument } from '@local-datastore/shared/oci/image-archive';
import { MAX_MANIFEST_BYTES, ManifestError, parseManifest } from '@local-datastore/shared/oci/manifest';
import { MANIFEST_KINDS, manifestKind, withoutParameters } from '@local-datastore/shared/oci/media-types';
import { formatManifestReference } from '@local-datastore/shared/oci/reference';
import { MAX_TOKEN_ANSWER_BYTES, readToken } from '@local-datastore/shared/oci/token-answer';
import { printableText } from '@local-datastore/shared/text/printable-text';
import type { ManifestReference } from '../blobs/registry-store.ts';
import { explainFailure } from './explain-failure.ts';
import type { FindLocalHost } from './find-local-host.ts';
import { UpstreamError } from './upstream-error.ts';
import {
  abandon,
  type ByteStream,
  byteStreamOf,
  createUpstreamRequests,
  headerOf,
  readBounded,
  redirectOf,
  statusOf,
} from './upstream-requests.ts';

/** A registry from which images are imported. */
export interface UpstreamAddress {
  /** Scheme, host and port. */
  readonly url: URL;
  /** PEM that replaces the system's roots. */
  readonly ca?: string | undefined;
  readonly credential?: { readonly user: string; readonly password: string } | undefined;
  /** Whether somebody named it who may not have this machine and its links reached. */
  readonly isUntrusted?: boolean | undefined;
}

/** A document that is no manifest. */
export interface UpstreamDocument {
  readonly bytes: Buffer;
  /** Of the header `Link` (RFC 8288). */
  readonly link: string | undefined;
}

export interface DocumentWish {
  /** Below `/v2/<repository>/`, with its query. */
  readonly path: string;
  readonly accept: string;
  readonly maxBytes: number;
  /** As a person calls it. */
  readonly what: string;
}

/** Reads from another registry. Everything throws UpstreamError, or the signal's reason. */
export interface UpstreamClient {
  /** Verified against its digest. */
  readManifest(
    repository: string,
    reference: ManifestReference,
    signal: AbortSignal,
  ): Promise<ManifestDocument>;
  /** What a tag leads to now, without reading it; undefined: the upstream does not say. */
  resolveTag(repository: string, tag: string, signal: AbortSignal): Promise<OciDigest | undefined>;
  /** Whoever reads it verifies it. */
  openBlob(repository: string, digest: OciDigest, position: number, signal: AbortSignal): Promise<ByteStream>;
  /** Lists, such as that of the tags. An error's details hold the `status` of the answer, where there was one. */
  readDocument(repository: string, wish: DocumentWish, signal: AbortSignal): Promise<UpstreamDocument>;
  close(): Promise<void>;
}

const ACCEPT = Object.keys(MANIFEST_KINDS).join(', ');
const MAX_ERROR_BYTES = 16 * 1024;

/** @param findLocalHost for upstreams, and what they lead to, on `.local` */
export function createUpstreamClient(
  { url: base, ca, credential, isUntrusted = false }: UpstreamAddress,
  findLocalHost: FindLocalHost,
): UpstreamClient {
  const host = base.host;
  const requests = createUpstreamRequests({ ca, isUntrusted }, findLocalHost);
  const send = (
    target: URL,
    method: 'GET' | 'HEAD',
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ) => requests.send(target, method, headers, signal, base);
  const basic =
    credential && `Basic ${Buffer.from(`${credential.user}:${credential.password}`).toString('base64')}`;
  /** By repository: what the upstream is shown. */
  const tokens = new Map<string, string>();

  /** Whether the password may go to a token service: over https, or to the registry itself. */
  function requireTrusted(realm: URL | null): URL {
    if (
      realm === null ||
      !/^https?:$/.test(realm.protocol) ||
      realm.username !== '' ||
      realm.password !== ''
    ) {
      throw new UpstreamError('INVALID', `${host} names a token service that has no URL`);
    }
    const isOwn = realm.host === host;
    if (realm.protocol === 'http:' && !isOwn && (basic !== undefined || base.protocol === 'https:')) {
      throw new UpstreamError(
        'DENIED',
        `the password would go unencrypted to ${realm.host}, which ${host} names`,
      );
    }
    return realm;
  }

  /** Asks for what the upstream wants to see (distribution's "Token Authentication"). @returns undefined: nothing helps */
  async function authorize(
    repository: string,
    challenge: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const bearer = findBearerChallenge(challenge);
    if (bearer === undefined) return /^basic\b/i.test(challenge.trim()) ? basic : undefined;
    const realm = requireTrusted(URL.parse(bearer.realm, base.href));
    if (bearer.service !== undefined) realm.searchParams.set('service', bearer.service);
    realm.searchParams.set('scope', bearer.scope || `repository:${repository}:pull`);
    const answer = await send(
      realm,
      'GET',
      { accept: 'application/json', ...(basic !== undefined && { authorization: basic }) },
      signal,
    );
    if (statusOf(answer) !== 200) {
      abandon(answer);
      const what =
        basic === undefined ? 'gives nobody a token without a credential' : 'refuses the credential';
      throw new UpstreamError('DENIED', `${realm.host} ${what} for ${repository} (${statusOf(answer)})`);
    }
    const token = readToken((await readBounded(answer, MAX_TOKEN_ANSWER_BYTES))?.toString() ?? '');
    if (token === null) throw new UpstreamError('INVALID', `${realm.host} gives no token that could be used`);
    return `Bearer ${token}`;
  }

  async function refusal(answer: IncomingMessage, what: string): Promise<UpstreamError> {
    const body = await readBounded(answer, MAX_ERROR_BYTES).catch(() => undefined);
    const [error] = parseOciErrors(body?.toString() ?? '');
    const reason =
      error === undefined ? '' : `: ${printableText(`${error.code} ${error.message}`.trim()).slice(0, 200)}`;
    const statusCode = statusOf(answer);
    const details = { status: statusCode };
    if (statusCode === 404)
      return new UpstreamError('NOT_FOUND', `${host} has no ${what}${reason}`, { details });
    const isDenial = statusCode === 401 || statusCode === 403;
    return new UpstreamError(
      isDenial ? 'DENIED' : 'UNREACHABLE',
      `${host} does not give ${what} (${statusCode})${reason}`,
      { retryable: !isDenial, details },
    );
  }

  /** Follows redirects, to where a credential never goes along, and shows what is wanted. */
  async function ask(
    repository: string,
    path: string,
    method: 'GET' | 'HEAD',
    headers: Record<string, string>,
    what: string,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    let target = new URL(`/v2/${repository}/${path}`, base);
    let isRenewed = false;
    for (let redirects = 0; ; ) {
      const token = target.origin === base.origin ? tokens.get(repository) : undefined;
      const shown = { ...headers, ...(token !== undefined && { authorization: token }) };
      const answer = await send(target, method, shown, signal);
      const statusCode = statusOf(answer);
      const next = redirectOf(answer, target, redirects);
      if (next !== undefined) {
        redirects += 1;
        target = next;
        continue;
      }
      if (statusCode === 401 && !isRenewed && target.origin === base.origin) {
        isRenewed = true;
        abandon(answer);
        const renewed = await authorize(repository, headerOf(answer, 'www-authenticate') ?? '', signal);
        if (renewed === undefined) {
          const advice = basic === undefined ? 'it wants a credential' : 'it refuses the credential';
          throw new UpstreamError('DENIED', `${host} does not give ${what}: ${advice}`);
        }
        tokens.set(repository, renewed);
        continue;
      }
      if (statusCode === 200 || statusCode === 206) return answer;
      throw await refusal(answer, what);
    }
  }

  const receive = (answer: IncomingMessage, maxBytes: number, signal: AbortSignal) =>
    readBounded(answer, maxBytes).catch((error: unknown) => {
      signal.throwIfAborted();
      throw explainFailure(host, error);
    });

  const nameOf = (repository: string, reference: ManifestReference) =>
    `${repository}${'tag' in reference ? ':' : '@'}${formatManifestReference(reference)}`;

  return {
    async readManifest(repository, reference, signal) {
      const name = nameOf(repository, reference);
      const path = `manifests/${formatManifestReference(reference)}`;
      const answer = await ask(repository, path, 'GET', { accept: ACCEPT }, `image ${name}`, signal);
      const bytes = await receive(answer, MAX_MANIFEST_BYTES, signal);
      if (bytes === undefined)
        throw new UpstreamError('INVALID', `${host} gives a manifest of ${name} that is too large`);
      const type = withoutParameters(headerOf(answer, 'content-type') ?? '');
      try {
        const { mediaType } = parseManifest(bytes, manifestKind(type) === undefined ? undefined : type);
        // Of a tag the upstream alone says what its manifest should be.
        const stated = parseOciDigest(headerOf(answer, 'docker-content-digest') ?? '');
        const digest: OciDigest = 'digest' in reference ? reference.digest : (stated ?? contentDigest(bytes));
        if (contentDigest(bytes, digest.algorithm).hex !== digest.hex) {
          throw new UpstreamError('INVALID', `${host} gives other content than ${name}`, { retryable: true });
        }
        return { digest, mediaType, bytes };
      } catch (error) {
        if (!(error instanceof ManifestError)) throw error;
        throw new UpstreamError('INVALID', `${host}: ${name}: ${error.message}`, { cause: error });
      }
    },

    async resolveTag(repository, tag, signal) {
      const answer = await ask(
        repository,
        `manifests/${tag}`,
        'HEAD',
        { accept: ACCEPT },
        `image ${repository}:${tag}`,
        signal,
      );
      abandon(answer);
      return parseOciDigest(headerOf(answer, 'docker-content-digest') ?? '');
    },

    async openBlob(repository, digest, position, signal) {
      const text = formatDigest(digest);
      const range = position === 0 ? {} : { range: `bytes=${position}-` };
      const answer = await ask(
        repository,
        `blobs/${text}`,
        'GET',
        range,
        `blob ${repository}@${text}`,
        signal,
      );
      return byteStreamOf(answer, { host, what: text, position, signal });
    },

    async readDocument(repository, { path, accept, maxBytes, what }, signal) {
      const answer = await ask(repository, path, 'GET', { accept }, what, signal);
      const bytes = await receive(answer, maxBytes, signal);
      if (bytes === undefined) throw new UpstreamError('INVALID', `${host} gives ${what} that is too large`);
      return { bytes, link: headerOf(answer, 'link') };
    },

    close: async () => requests.close(),
  };
}
