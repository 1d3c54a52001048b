// SPDX-License-Identifier: Apache-2.0
import { type FileVersion, isSameVersion } from '../content/file-version.ts';
import { reprDigest, type Validators, validatorsOf } from './validators.ts';

/** What an answer says of the content of a file, besides the content. */
export interface FileIdentity {
  /** Undefined while the file is not hashed. */
  readonly sha256: string | undefined;
  readonly validators: Validators;
  /** The value of Repr-Digest; undefined while the file is not hashed. */
  readonly reprDigest: string | undefined;
  /** The head of an answer with the whole file: names and values by turns. Nobody changes it. */
  readonly wholeHeaders: string[];
}

interface Known extends FileIdentity {
  readonly version: FileVersion;
}

/** Some hundred bytes each. */
const MAX_FILES = 1000;

function wholeHeadersOf(
  { sizeBytes }: FileVersion,
  { validators: { entityTag, lastModified }, reprDigest }: Pick<FileIdentity, 'validators' | 'reprDigest'>,
): string[] {
  return [
    ...['Content-Type', 'application/octet-stream', 'Content-Length', String(sizeBytes)],
    ...['Accept-Ranges', 'bytes', 'ETag', entityTag, 'Last-Modified', lastModified],
    ...['X-Content-Type-Options', 'nosniff'],
    ...(reprDigest === undefined ? [] : ['Repr-Digest', reprDigest]),
  ];
}

/**
 * Remembers what was said of files that were asked for lately: to put it into words again takes longer than to read
 * a small file.
 *
 * @param maxFiles of so many
 * @returns a function that says it of exactly this version of the file at a path, with its digest if that is known
 */
export function createFileIdentities(
  maxFiles = MAX_FILES,
): (path: string, version: FileVersion, sha256: string | undefined) => FileIdentity {
  const known = new Map<string, Known>();
  return (path, version, sha256) => {
    const before = known.get(path);
    if (before !== undefined && before.sha256 === sha256 && isSameVersion(before.version, version)) {
      return before;
    }
    const [oldest] = known.keys();
    if (before === undefined && known.size >= maxFiles && oldest !== undefined) known.delete(oldest);
    const said = {
      validators: validatorsOf(version, sha256),
      reprDigest: sha256 === undefined ? undefined : reprDigest(sha256),
    };
    const identity: Known = { version, sha256, ...said, wholeHeaders: wholeHeadersOf(version, said) };
    known.set(path, identity);
    return identity;
  };
}
