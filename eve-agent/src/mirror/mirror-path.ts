// SPDX-License-Identifier: Apache-2.0
import { isLocalHost } from '@local-datastore/shared/dns-sd/host-name';
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import { type ManifestReference, whyNoRepositoryName } from '@local-datastore/shared/oci/reference';
import { isRegistryPath, parseRegistryPath } from '@local-datastore/shared/oci/registry-path';

/** A repository of a registry, as a client of the mirror names it. */
export interface MirroredName {
  /** The registry, with its port where it has one, such as `ds.local`. */
  readonly host: string;
  readonly repository: string;
}

/** What a client of the mirror asks for (OCI distribution-spec end-1, end-2, end-3, end-8, end-12). */
export type MirrorRequest =
  | { readonly kind: 'base' }
  | { readonly kind: 'manifest'; readonly name: MirroredName; readonly reference: ManifestReference }
  | { readonly kind: 'blob'; readonly name: MirroredName; readonly digest: OciDigest }
  | { readonly kind: 'tags'; readonly name: MirroredName; readonly query: URLSearchParams }
  | {
      readonly kind: 'referrers';
      readonly name: MirroredName;
      readonly digest: OciDigest;
      readonly query: URLSearchParams;
    }
  /** A name that is none, or what no mirror has. */
  | { readonly kind: 'unknown' };

const HOST = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?$/;
const MAX_HOST_LENGTH = 255;
/** Whose images have names without a host. */
const HUB = 'docker.io';

/**
 * A port as it can stand in the path of an image: clients take no colon there, and no host has an underscore
 * (distribution's `reference.go`; RFC 1123 §2.1).
 */
const PORT_IN_PATH = /_(\d{1,5})$/;

/** Whether the registry of a name is found by multicast DNS. */
export const isLocalName = ({ host }: MirroredName): boolean => isLocalHost(host.replace(/:\d+$/, ''));

/** The whole name of a repository, as clients have it in the path. */
export const pathName = ({ host, repository }: MirroredName): string =>
  `${host.replace(':', '_')}/${repository}`;

/** As Docker tells a host from the first part of a name: it has a dot or a port. */
const isHostPart = (text: string) => /[.:]/.test(text) || text.toLowerCase() === 'localhost';

/**
 * Reads which registry is meant: containerd says it as `?ns=`, others as the first part of the name. Docker's own
 * mirrors say neither: it is Docker Hub then.
 *
 * @returns undefined: it is no name
 */
function readName(path: string, namespace: string | null): MirroredName | undefined {
  const slash = path.indexOf('/');
  const first = slash < 0 ? path : path.slice(0, slash);
  const isNamed = namespace === null && isHostPart(first);
  const host = (isNamed ? first.replace(PORT_IN_PATH, ':$1') : (namespace ?? HUB)).toLowerCase();
  const repository = isNamed ? path.slice(first.length + 1) : path;
  const isHost = host.length <= MAX_HOST_LENGTH && HOST.test(host);
  return isHost && whyNoRepositoryName(repository) === undefined ? { host, repository } : undefined;
}

/** Reads the target of a request (RFC 9112 §3.2). */
export function parseMirrorRequest(target: string): MirrorRequest {
  const mark = target.indexOf('?');
  const urlPath = mark < 0 ? target : target.slice(0, mark);
  if (!isRegistryPath(urlPath)) return { kind: 'unknown' };
  const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
  const namespace = query.get('ns');
  const whyNoName = (text: string) =>
    readName(text, namespace) === undefined ? 'It is no name.' : undefined;
  const path = parseRegistryPath(urlPath, whyNoName);
  if (path.kind === 'base') return path;
  const name = 'repository' in path ? readName(path.repository, namespace) : undefined;
  if (name === undefined) return { kind: 'unknown' };
  switch (path.kind) {
    case 'manifest':
      return { kind: 'manifest', name, reference: path.reference };
    case 'blob':
      return { kind: 'blob', name, digest: path.digest };
    case 'tags':
      return { kind: 'tags', name, query };
    case 'referrers':
      return { kind: 'referrers', name, digest: path.digest, query };
    default:
      return { kind: 'unknown' };
  }
}
