import { isLocalHost } from '@local-datastore/shared/dns-sd/host-name';
import { type OciDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import {
  isRepositoryName,
  type ManifestReference,
  parseManifestReference,
} from '@local-datastore/shared/oci/reference';

/** A repository of a registry, as a client of the mirror names it. */
export interface MirroredName {
  /** The registry, with its port where it has one, such as `ds.local`. */
  readonly host: string;
  readonly repository: string;
}

/** What a client of the mirror asks for (OCI distribution-spec end-1, end-2, end-3, end-8). */
export type MirrorRequest =
  | { readonly kind: 'base' }
  | { readonly kind: 'manifest'; readonly name: MirroredName; readonly reference: ManifestReference }
  | { readonly kind: 'blob'; readonly name: MirroredName; readonly digest: OciDigest }
  | { readonly kind: 'tags'; readonly name: MirroredName; readonly query: URLSearchParams }
  /** A name that is none, or another registry's than one on `.local`: it is not here. */
  | { readonly kind: 'unknown' };

const HOST = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?$/;
const MANIFEST = /^\/v2\/(.+)\/manifests\/([^/]+)$/;
const BLOB = /^\/v2\/(.+)\/blobs\/([^/]+)$/;
const TAGS = /^\/v2\/(.+)\/tags\/list\/?$/;

const isHost = (text: string): boolean => HOST.test(text) && isLocalHost(text.replace(/:\d+$/, ''));

/**
 * Reads which registry is meant: containerd says it as `?ns=`, others as the first part of the name.
 *
 * @returns null: none on `.local`
 */
function readName(path: string, namespace: string | null): MirroredName | null {
  const slash = path.indexOf('/');
  const [host, repository] =
    namespace === null ? [path.slice(0, Math.max(slash, 0)), path.slice(slash + 1)] : [namespace, path];
  const name = { host: host.toLowerCase(), repository };
  return isHost(name.host) && isRepositoryName(repository) ? name : null;
}

/** Reads the target of a request (RFC 9112 §3.2). */
export function parseMirrorRequest(target: string): MirrorRequest {
  const url = URL.parse(target, 'http://mirror/');
  if (url === null) return { kind: 'unknown' };
  let path: string;
  try {
    path = decodeURIComponent(url.pathname);
  } catch {
    return { kind: 'unknown' };
  }
  if (path === '/v2' || path === '/v2/') return { kind: 'base' };
  const namespace = url.searchParams.get('ns');
  const of = ([, name = '']: RegExpExecArray) => readName(name, namespace);
  const tags = TAGS.exec(path);
  const manifest = MANIFEST.exec(path);
  const blob = BLOB.exec(path);
  if (tags !== null) {
    const name = of(tags);
    return name === null ? { kind: 'unknown' } : { kind: 'tags', name, query: url.searchParams };
  }
  if (manifest !== null) {
    const name = of(manifest);
    const reference = parseManifestReference(manifest[2] ?? '');
    return name === null || reference === undefined
      ? { kind: 'unknown' }
      : { kind: 'manifest', name, reference };
  }
  const name = blob && of(blob);
  const digest = parseOciDigest(blob?.[2] ?? '');
  return name === null || digest === undefined ? { kind: 'unknown' } : { kind: 'blob', name, digest };
}

/** Bytes of content, the last one included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Reads `Range` (RFC 9110 §14.2).
 *
 * @returns `whole`: none, or one of a form that may be passed over; `none`: nothing of it is there
 */
export function parseByteRange(text: string | undefined, sizeBytes: number): ByteRange | 'whole' | 'none' {
  const match = /^bytes=(\d*)-(\d*)$/.exec(text?.trim() ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return 'whole';
  const [from, to] = [match[1] ?? '', match[2] ?? ''];
  const last = from === '' || to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1);
  const first = from === '' ? Math.max(sizeBytes - Number(to), 0) : Number(from);
  if (from !== '' && to !== '' && Number(to) < Number(from)) return 'whole';
  return first > last ? 'none' : { first, last };
}
