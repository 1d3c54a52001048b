import { createHash } from 'node:crypto';
import { lookup as lookupBySystem } from 'node:dns';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { isLocalHost } from '@local-datastore/shared/dns-sd/host-name';
import { findBearerChallenge } from '@local-datastore/shared/oci/challenge';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
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

/** A registry from which images are imported. */
export interface UpstreamAddress {
  /** Scheme, host and port. */
  readonly url: URL;
  /** PEM that replaces the system's roots. */
  readonly ca?: string | undefined;
  readonly credential?: { readonly user: string; readonly password: string } | undefined;
}

/** The bytes of a blob from a position on. */
export interface BlobStream {
  readonly content: AsyncIterable<Uint8Array>;
  /** Where they begin: 0 where the upstream gives the whole, whatever was asked for. */
  readonly position: number;
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
  openBlob(repository: string, digest: OciDigest, position: number, signal: AbortSignal): Promise<BlobStream>;
  close(): Promise<void>;
}

const ACCEPT = Object.keys(MANIFEST_KINDS).join(', ');
const MAX_REDIRECTS = 5;
const MAX_ERROR_BYTES = 16 * 1024;
/** A flight that gets nothing for so long ends; it goes on from there with the next who asks. */
const IDLE_TIMEOUT_MS = 60_000;

const headerOf = ({ headers }: IncomingMessage, name: string): string | undefined => {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
};
const statusOf = ({ statusCode = 0 }: IncomingMessage) => statusCode;

async function readBounded(answer: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of answer as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > maxBytes) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

const abandon = (answer: IncomingMessage) => {
  answer.on('error', () => {});
  answer.destroy();
};

/** In words that explainFailure knows. */
const tooLate = () => Object.assign(new Error('nothing came for too long'), { code: 'ETIMEDOUT' });

/** Finds hosts on `.local` by multicast DNS, and all others as the system does. */
function lookupBy(findLocalHost: FindLocalHost): LookupFunction {
  return (hostName, options, callback) => {
    if (!isLocalHost(hostName)) {
      lookupBySystem(hostName, options, callback);
      return;
    }
    findLocalHost(hostName).then(
      (address) => {
        if (address === undefined) {
          const code = 'LOCAL_HOST_NOT_FOUND';
          callback(Object.assign(new Error('nobody answers by this name'), { code }), '');
        } else if (options.all) callback(null, [{ address, family: 4 }]);
        else callback(null, address, 4);
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    );
  };
}

/** @param findLocalHost for upstreams, and what they lead to, on `.local` */
export function createUpstreamClient(
  { url: base, ca, credential }: UpstreamAddress,
  findLocalHost: FindLocalHost,
): UpstreamClient {
  const host = base.host;
  const lookup = lookupBy(findLocalHost);
  const agents = {
    'http:': new HttpAgent({ keepAlive: true, lookup }),
    'https:': new HttpsAgent({ keepAlive: true, lookup, ...(ca !== undefined && { ca }) }),
  };
  const basic =
    credential && `Basic ${Buffer.from(`${credential.user}:${credential.password}`).toString('base64')}`;
  /** By repository: what the upstream is shown. */
  const tokens = new Map<string, string>();

  function send(
    target: URL,
    method: 'GET' | 'HEAD',
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const isTls = target.protocol === 'https:';
    const options = {
      ...{ method, headers, signal, timeout: IDLE_TIMEOUT_MS },
      agent: agents[isTls ? 'https:' : 'http:'],
    };
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) =>
        reject(signal.aborted ? signal.reason : explainFailure(target.host, error));
      let answer: IncomingMessage | undefined;
      const sent = (isTls ? httpsRequest : httpRequest)(target, options);
      sent.on('response', (response) => {
        answer = response;
        resolve(response);
      });
      // Also while the body comes.
      sent.on('timeout', () => (answer ?? sent).destroy(tooLate()));
      sent.on('error', fail);
      sent.end();
    });
  }

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
    if (statusCode === 404) return new UpstreamError('NOT_FOUND', `${host} has no ${what}${reason}`);
    const isDenial = statusCode === 401 || statusCode === 403;
    return new UpstreamError(
      isDenial ? 'DENIED' : 'UNREACHABLE',
      `${host} does not give ${what} (${statusCode})${reason}`,
      { retryable: !isDenial },
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
      const location = headerOf(answer, 'location');
      if (statusCode >= 300 && statusCode < 400 && location !== undefined) {
        abandon(answer);
        redirects += 1;
        const next = URL.parse(location, target.href);
        const isDowngrade = target.protocol === 'https:' && next?.protocol !== 'https:';
        if (next === null || !/^https?:$/.test(next.protocol) || isDowngrade || redirects > MAX_REDIRECTS) {
          throw new UpstreamError('INVALID', `${host} leads elsewhere in a way that is not followed`);
        }
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

  const nameOf = (repository: string, reference: ManifestReference) =>
    `${repository}${'tag' in reference ? ':' : '@'}${formatManifestReference(reference)}`;

  return {
    async readManifest(repository, reference, signal) {
      const name = nameOf(repository, reference);
      const path = `manifests/${formatManifestReference(reference)}`;
      const answer = await ask(repository, path, 'GET', { accept: ACCEPT }, `image ${name}`, signal);
      const bytes = await readBounded(answer, MAX_MANIFEST_BYTES).catch((error: unknown) => {
        signal.throwIfAborted();
        throw explainFailure(host, error);
      });
      if (bytes === undefined)
        throw new UpstreamError('INVALID', `${host} gives a manifest of ${name} that is too large`);
      const stated = withoutParameters(headerOf(answer, 'content-type') ?? '');
      try {
        const { mediaType } = parseManifest(bytes, manifestKind(stated) === undefined ? undefined : stated);
        const digest: OciDigest =
          'digest' in reference ? reference.digest : { algorithm: 'sha256', hex: hexOf('sha256', bytes) };
        if (hexOf(digest.algorithm, bytes) !== digest.hex) {
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
      const [algorithm = '', hex = ''] = (headerOf(answer, 'docker-content-digest') ?? '').split(':');
      return algorithm === 'sha256' && /^[0-9a-f]{64}$/.test(hex) ? { algorithm, hex } : undefined;
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
      const [, first] = /^bytes (\d+)-/.exec(headerOf(answer, 'content-range') ?? '') ?? [];
      const start = statusOf(answer) === 206 ? Number(first ?? Number.NaN) : 0;
      if (start !== 0 && start !== position) {
        abandon(answer);
        throw new UpstreamError('INVALID', `${host} gives other bytes of ${text} than were asked for`);
      }
      async function* content(): AsyncGenerator<Uint8Array> {
        try {
          yield* answer as AsyncIterable<Uint8Array>;
        } catch (error) {
          signal.throwIfAborted();
          throw explainFailure(host, error);
        }
      }
      return { content: content(), position: start };
    },

    async close() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

const hexOf = (algorithm: string, bytes: Buffer) => createHash(algorithm).update(bytes).digest('hex');
