import { createHash, X509Certificate } from 'node:crypto';
import { domainToUnicode } from 'node:url';
import { isLocalHost } from '@local-datastore/shared/dns-sd/host-name';
import { errorMessage } from '@local-datastore/shared/errors';
import type { ContentTree } from '@local-datastore/shared/eve/content-tree';
import type { DatastoreConfig, DsType } from '@local-datastore/shared/eve/datastore-config';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { parseImageUrl } from '../discovery/locate.ts';

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
  /** The value of `Authorization`; a secret. */
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

/** EVE sends `apiKey` and `password` as they are, with a space between. */
function authorizationOf({ apiKey = '', password = '' }: DatastoreConfig): string | null {
  const value = `${apiKey} ${password}`.trim();
  return value === '' ? null : value;
}

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

type JoinUrl = (datastore: DatastoreConfig, tree: Pick<ContentTree, 'URL'>) => URL;

const joinHttp: JoinUrl = ({ fqdn, dpath }, tree) => joinSourceUrl(fqdn, dpath, tree.URL);

/** The types of datastores that can be used: where the content of a tree is in one. */
const URL_OF_TYPE: Readonly<Partial<Record<DsType, JoinUrl>>> = { DsHttp: joinHttp, DsHttps: joinHttp };

/**
 * How to fetch a content tree's file from one of its datastores.
 *
 * @returns the source, or why this datastore cannot be used as it is configured: one sentence, without secrets
 */
export function buildSource(
  datastore: DatastoreConfig,
  tree: Pick<ContentTree, 'URL' | 'maxSizeBytes'>,
  { allowPlainCredentials }: SourceOptions,
): Source | string {
  const name = `datastore ${datastore.id}`;
  const joinUrl = URL_OF_TYPE[datastore.dType];
  if (joinUrl === undefined) {
    const types = Object.keys(URL_OF_TYPE).join(' or ');
    return `${name}: dType ${datastore.dType} is not supported: ${types} expected`;
  }
  try {
    const url = joinUrl(datastore, tree);
    const authorization = authorizationOf(datastore);
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
    const key = createHash('sha256')
      .update(JSON.stringify([url.href, tree.maxSizeBytes, authorization, ca]))
      .digest('hex')
      .slice(0, 16);
    const origin = { originKey: originKeyOf(url, ca), host, isLocal: isLocalHost(host) };
    const hasCipherData = isFilled(datastore.cipherData);
    return { key, datastoreId: datastore.id, url, authorization, hasCipherData, ca, ...origin };
  } catch (error) {
    return `${name}: ${errorMessage(error)}`;
  }
}
