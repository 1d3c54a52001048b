// SPDX-License-Identifier: Apache-2.0
import { isLocalHost } from '@local-datastore/shared/dns-sd/host-name';
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import { formatImageReference, parseImageReference } from '@local-datastore/shared/oci/reference';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { RegistryError } from './errors.ts';

/** An image in a registry. */
export interface RegistryImage {
  /** The full name, as other clients take it. */
  readonly name: string;
  /** The same without a digest, as archives carry it; null: there is no tag. */
  readonly taggedName: string | null;
  /** Where the registry is spoken to: scheme, host and port. */
  readonly registry: URL;
  readonly repository: string;
  /** Null: only the digest was given. */
  readonly tag: string | null;
  /** Says which image is meant, whatever the tag leads to by now; null: the tag says it. */
  readonly digest: OciDigest | null;
}

export type RegistryScheme = 'http' | 'https';

const SCHEME = /^docker:\/\//;
const HUB = 'docker.io';
/** The registry of Docker Hub has another name than its images do. */
const HUB_REGISTRY = 'registry-1.docker.io';
/** Docker Hub by the names that it had before. */
const HUB_ALIASES = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);
const DEFAULT_TAG = 'latest';
const CREDENTIAL = /^[^/]*@[^/]*\//;

const invalid = (message: string) => new RegistryError('REFERENCE_INVALID', message);

/** Whether a text names an image in a registry: `docker://…`, as skopeo has it. */
export const isImageReference = (text: string): boolean => SCHEME.test(text);

/** As Docker tells a host from the first part of a name: it has a dot or a port, or is `localhost`. */
function hasHost(name: string): boolean {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0));
  return slash > 0 && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
}

/** The full form of a name on Docker Hub, where `nginx` is `docker.io/library/nginx`. */
function normalize(text: string): string {
  const full = hasHost(text) ? text : `${HUB}/${text}`;
  const slash = full.indexOf('/');
  if (!HUB_ALIASES.has(full.slice(0, slash))) return full;
  const path = full.slice(slash + 1);
  return `${HUB}/${path.includes('/') ? '' : 'library/'}${path}`;
}

/** Those are spoken to over http, as all clients do with loopback, and datastores without certificates need. */
function defaultScheme(host: string): RegistryScheme {
  const name = host.replace(/:\d+$/, '');
  const isPlain = isLocalHost(name) || /^(?:localhost|127\.[\d.]+|\[::1\])$/.test(name);
  return isPlain ? 'http' : 'https';
}

/**
 * Reads `docker://[HOST[:PORT]/]NAME[:TAG][@DIGEST]`. Without a host it is Docker Hub, without tag and digest `latest`.
 *
 * @param scheme how the registry is spoken to; undefined: https, and http for names on `.local` and loopback
 * @throws RegistryError `REFERENCE_INVALID`
 */
export function parseRegistryImage(text: string, scheme?: RegistryScheme): RegistryImage {
  const given = text.replace(SCHEME, '');
  // The text itself is not repeated: it holds a password.
  if (CREDENTIAL.test(given)) throw invalid('The reference holds a user name: leave it out and use --auth.');
  const shown = `"${printableText(text)}"`;
  if (given === '' || isLocalHost(given.replace(/:\d*$/, '')))
    throw invalid(`${shown}: the repository is missing behind the host.`);
  const parsed = parseImageReference(normalize(given));
  if (parsed.kind === 'invalid') throw invalid(`${shown}: ${parsed.reason}`);
  const { host, repository, digest = null } = parsed.reference;
  const tag = parsed.reference.tag ?? (digest === null ? DEFAULT_TAG : null);
  const registryHost = host === HUB ? HUB_REGISTRY : host;
  const registry = URL.parse(`${scheme ?? defaultScheme(host)}://${registryHost}/`);
  if (registry === null || registry.host === '') {
    throw invalid(`${shown}: "${host}" is no host.`);
  }
  const reference = { host, repository, ...(tag !== null && { tag }), ...(digest !== null && { digest }) };
  const taggedName = tag === null ? null : formatImageReference({ host, repository, tag });
  return { name: formatImageReference(reference), taggedName, registry, repository, tag, digest };
}
