// SPDX-License-Identifier: Apache-2.0
import { createHash, X509Certificate } from 'node:crypto';
import { domainToUnicode } from 'node:url';
import { isLocalHost } from '@local-datastore/shared/dns-sd/host-name';
import { errorMessage } from '@local-datastore/shared/errors';
import type { ContentTree } from '@local-datastore/shared/eve/content-tree';
import type { DatastoreConfig, DsType } from '@local-datastore/shared/eve/datastore-config';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { parseImageUrl } from '../discovery/locate.ts';
import { type RegistryContent, readRegistryPlace } from './registry-place.ts';

/** One place to fetch content from, and how. */
export interface Source {
  /**
   * The same for the same URL, size, credential and certificates: what is known of a source ends with its key.
   * The size, as trees may share content, and one that states a wrong size must not stand in another's way.
   */
  readonly key: string;
  readonly datastoreId: string;
  /**
   * Scheme, host and port, and which authority is trusted there: where two datastores differ in `dsCertPEM` alone,
   * a certificate that one of them does not trust must not hold up the other.
   */
  readonly originKey: string;
  readonly url: URL;
  /** What a registry is asked for; null: a file. */
  readonly registry: RegistryContent | null;
  /** The value of `Authorization`; of a registry, what a token is asked for with. A secret. */
  readonly authorization: string | null;
  /** Whether there is a credential that only the device can read. */
  readonly hasCipherData: boolean;
  /** PEM that replaces the system's roots. */
  readonly ca: string | null;
  /** Lower case, without the final dot. */
  readonly host: string;
  /** Found by multicast DNS. */
  readonly isLocal: boolean;
}

export interface SourceOptions {
  /** Whether a credential may cross the network unencrypted. */
  readonly allowPlainCredentials: boolean;
}

const PRINTABLE = /^[\x20-\x7e]{1,8192}$/;

/**
 * The URL of a file in a datastore, joined as EVE's downloader does: scheme and host of `fqdn`, whose path is
 * dropped, then `dpath`, then the content tree's URL, each with one slash between.
 *
 * @throws ConfigurationError, DiscoveryError naming what is wrong
 */
export function joinSourceUrl(fqdn: string, dpath: string, relativeUrl: string): URL {
  const base = parseImageUrl(fqdn);
  const parts = [dpath, relativeUrl].map((part) => part.replace(/^\/+|\/+$/g, '')).filter(Boolean);
  const url = parseImageUrl(`${base.protocol}//${base.host}/${parts.join('/')}`);
  // As text `#` would start a fragment, which is never sent.
  if (url.hash !== '') throw new Error(`"${printableText(relativeUrl)}" holds "#": write %23`);
  return url;
}

type AuthorizationOf = (datastore: DatastoreConfig) => string | null;

/** EVE sends `apiKey` and `password` as they are, with a space between. */
const plainAuthorization: AuthorizationOf = ({ apiKey = '', password = '' }) =>
  `${apiKey} ${password}`.trim() || null;

/** To a registry they are the name of a user and the password (RFC 7617), as for EVE. */
const basicAuthorization: AuthorizationOf = ({ apiKey = '', password = '' }) =>
  apiKey === '' && password === ''
    ? null
    : `Basic ${Buffer.from(`${apiKey}:${password}`).toString('base64')}`;

/** Whether a message or text says anything. */
const isFilled = (value: unknown) =>
  typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : Boolean(value);

/** PEM from the base64 of `dsCertPEM`; null without. @throws when one is no certificate */
function caOf({ dsCertPEM = [] }: DatastoreConfig): string | null {
  if (dsCertPEM.length === 0) return null;
  return dsCertPEM
    .map((encoded, i) => {
      const pem = Buffer.from(encoded, 'base64').toString();
      try {
        new X509Certificate(pem);
      } catch (error) {
        throw new Error(`dsCertPEM[${i}] holds no PEM certificate: ${errorMessage(error)}`);
      }
      return pem.endsWith('\n') ? pem : `${pem}\n`;
    })
    .join('');
}

/** The origin alone where no authority is named. People read it in the log. */
function originKeyOf({ origin, protocol }: URL, ca: string | null): string {
  if (ca === null || protocol === 'http:') return origin;
  return `${origin} (dsCertPEM ${createHash('sha256').update(ca).digest('hex').slice(0, 8)})`;
}

type SourceTree = Pick<ContentTree, 'URL' | 'maxSizeBytes' | 'iformat' | 'sha256'>;

/** Where a tree's content is in a datastore. */
interface Place {
  readonly url: URL;
  readonly registry: RegistryContent | null;
  /** 0: not known. */
  readonly sizeBytes: number;
}

/** How datastores of a type are used. */
interface Kind {
  /** @throws what is wrong */
  placeOf(datastore: DatastoreConfig, tree: SourceTree): Place;
  readonly authorizationOf: AuthorizationOf;
}

const HTTP: Kind = {
  placeOf: ({ fqdn, dpath }, { URL: relativeUrl, maxSizeBytes }) => ({
    url: joinSourceUrl(fqdn, dpath, relativeUrl),
    registry: null,
    sizeBytes: maxSizeBytes,
  }),
  authorizationOf: plainAuthorization,
};

const CONTAINER_REGISTRY: Kind = {
  // `maxSizeBytes` is none of an image: its manifest states all sizes.
  placeOf: (datastore, tree) => ({ ...readRegistryPlace(datastore, tree), sizeBytes: 0 }),
  authorizationOf: basicAuthorization,
};

/** The types of datastores that can be used. */
const KINDS: Readonly<Partial<Record<DsType, Kind>>> = {
  DsHttp: HTTP,
  DsHttps: HTTP,
  DsContainerRegistry: CONTAINER_REGISTRY,
};

const keyOf = (url: URL, sizeBytes: number, authorization: string | null, ca: string | null): string =>
  createHash('sha256')
    .update(JSON.stringify([url.href, sizeBytes, authorization, ca]))
    .digest('hex')
    .slice(0, 16);

/** The source of something that belongs to an image, where the image itself has one. */
export function sourceOfContent(
  image: Source,
  url: URL,
  registry: RegistryContent,
  sizeBytes: number,
): Source {
  return { ...image, url, registry, key: keyOf(url, sizeBytes, image.authorization, image.ca) };
}

/**
 * How to fetch a content tree's file, or its image, from one of its datastores.
 *
 * @returns the source, or why this datastore cannot be used as it is configured: one sentence, without secrets
 */
export function buildSource(
  datastore: DatastoreConfig,
  tree: SourceTree,
  { allowPlainCredentials }: SourceOptions,
): Source | string {
  const name = `datastore ${datastore.id}`;
  const kind = KINDS[datastore.dType];
  if (kind === undefined) {
    const types = Object.keys(KINDS).join(' or ');
    return `${name}: dType ${datastore.dType} is not supported: ${types} expected`;
  }
  try {
    const { url, registry, sizeBytes } = kind.placeOf(datastore, tree);
    const authorization = kind.authorizationOf(datastore);
    if (authorization !== null && !PRINTABLE.test(authorization)) {
      return `${name}: apiKey and password must be printable ASCII`;
    }
    if (authorization !== null && url.protocol === 'http:' && !allowPlainCredentials) {
      return (
        `${name}: apiKey and password would cross the network unencrypted: use https, or start the agent ` +
        'with --allow-plain-credentials'
      );
    }
    const ca = caOf(datastore);
    const host = domainToUnicode(url.hostname).toLowerCase().replace(/\.$/, '');
    const key = keyOf(url, sizeBytes, authorization, ca);
    const origin = { originKey: originKeyOf(url, ca), host, isLocal: isLocalHost(host) };
    const hasCipherData = isFilled(datastore.cipherData);
    return { key, datastoreId: datastore.id, url, registry, authorization, hasCipherData, ca, ...origin };
  } catch (error) {
    return `${name}: ${errorMessage(error)}`;
  }
}
