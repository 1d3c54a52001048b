// SPDX-License-Identifier: Apache-2.0
/**
 * Which files below the root are images, by name alone. The same rules hold for what a URL may ask for, for
 * what the catalogue lists, and for where an opened file really stands.
 */

/** Linux's NAME_MAX, and bounds well within PATH_MAX. */
const MAX_NAME_BYTES = 255;
const MAX_PATH_BYTES = 1024;
export const MAX_DEPTH = 16;

/** mke2fs makes this directory in every new ext4 volume; it is not an image. */
const RECOVERY_DIRECTORY = 'lost+found';
/** `/-/` is the datastore's own part of the URL space. */
const RESERVED_FIRST_NAME = '-';
/** `/v2/` is the URL space of the registry; `/token` stands where some registries issue theirs. */
const KEPT_PATHS = ['v2', 'token'];
const KEPT_FOLDER = 'v2/';
/** Disks of the registry are listed and read below it. */
const KEPT_PREFIX = 'oci:';

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const FORBIDDEN_CHARACTERS = /[\u0000-\u001f\u007f\\\ufffd/]/;

/** Whether one path segment may be seen from outside. False for dotfiles (and so for `.` and `..`). */
export function isVisibleName(name: string): boolean {
  return (
    name.length > 0 &&
    name.charCodeAt(0) !== 0x2e &&
    name !== RECOVERY_DIRECTORY &&
    !FORBIDDEN_CHARACTERS.test(name) &&
    (name.length * 3 <= MAX_NAME_BYTES || Buffer.byteLength(name) <= MAX_NAME_BYTES)
  );
}

/** Names that need no second look, as most are; `lost+found` and `-` are none of them. */
const PLAIN_PATH = /^(?:\w[\w.-]*\/)*\w[\w.-]*$/;
/** Of which no path is too long or too deep, nor a name in it. */
const PLAIN_LENGTH = 2 * MAX_DEPTH;

/** Whether a path relative to the root, separated by `/`, may be seen from outside. */
export function isImagePath(path: string): boolean {
  if (path.length < PLAIN_LENGTH && PLAIN_PATH.test(path)) return true;
  const names = path.split('/');
  return (
    names.length <= MAX_DEPTH &&
    names[0] !== RESERVED_FIRST_NAME &&
    names.every(isVisibleName) &&
    Buffer.byteLength(path) <= MAX_PATH_BYTES
  );
}

/**
 * Whether a path is kept for the registry: no new image may have it. Images that have it from before are listed, and
 * those below `v2` are not served: the registry answers there.
 *
 * @param path one that isImagePath holds for
 */
export const isKeptPath = (path: string): boolean =>
  KEPT_PATHS.includes(path) || path.startsWith(KEPT_FOLDER) || path.startsWith(KEPT_PREFIX);

/** Whether a path is one of some, or stands below one. The empty path is the root itself. */
export function isWithin(path: string, tops: ReadonlySet<string>): boolean {
  if (tops.has(path) || tops.has('')) return true;
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    if (tops.has(path.slice(0, end))) return true;
  }
  return false;
}

/** The path of a request target in origin or absolute form (RFC 9112 §3.2), without the query. */
export function pathOfTarget(target: string): string {
  const queryAt = target.indexOf('?');
  const withoutQuery = queryAt === -1 ? target : target.slice(0, queryAt);
  if (withoutQuery.startsWith('/')) return withoutQuery;
  const authority = /^https?:\/\/[^/]*/i.exec(withoutQuery)?.[0];
  return authority === undefined ? withoutQuery : withoutQuery.slice(authority.length) || '/';
}

/** Whether a URL path is the datastore's own: everything below `/-/`, and `/`, which leads there. */
export const isOwnPath = (urlPath: string): boolean =>
  urlPath === '/' || urlPath === '/-' || urlPath.startsWith('/-/');

/**
 * The path below the root that a URL path names. Percent-encoding is undone once, segment by segment, so that
 * an encoded slash stays inside its name (and is refused). Empty segments are merged, as nginx and Apache do:
 * a directory joined to a file name by hand often brings a second slash.
 *
 * @param urlPath as sent, without the query
 * @returns the relative path; undefined when no image can have it
 */
export function parseImagePath(urlPath: string): string | undefined {
  if (!urlPath.startsWith('/') || urlPath.length > 3 * MAX_PATH_BYTES) return undefined;
  let path = urlPath.slice(1);
  if (path.includes('//') || path.startsWith('/')) path = path.replace(/\/{2,}/g, '/').replace(/^\//, '');
  if (path.includes('%')) {
    const names = path.split('/').map(decodeName);
    if (names.some((name) => name === undefined || name.includes('/'))) return undefined;
    path = names.join('/');
  }
  return isImagePath(path) ? path : undefined;
}

/** The relative reference that names an image in a URL: {@link parseImagePath} the other way round. */
export const imageReference = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

function decodeName(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}
