// SPDX-License-Identifier: Apache-2.0
import { compressionOf } from '@local-datastore/shared/compression/compression-of';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { createTarDecoder, type ParsedTarEntry } from 'modern-tar';
import { StoreError } from '../content/store-error.ts';
import { MAX_IMAGES } from '../images/catalogue.ts';
import { requireImagePath } from '../images/placing.ts';
import { CHECKSUM_LIST, parseChecksumList, withoutDotSlash } from './checksum-list.ts';
import { isLitter, isOtherList } from './litter.ts';
import { guardTar } from './tar-guard.ts';

/** A file of a bundle. */
export interface BundleFile {
  /** In the tar. */
  readonly name: string;
  /** Where the image will stand, as far as is known before the list has come. */
  readonly path: string;
  readonly sizeBytes: number;
  /** To be read before the next file is asked for. */
  readonly content: AsyncIterable<Uint8Array>;
}

/** A line for each of {@link MAX_IMAGES} images with names of usual length. */
const MAX_LIST_BYTES = 16 * 1024 * 1024;

const invalid = (message: string, cause?: unknown) => new StoreError('BUNDLE_INVALID', message, { cause });

/** Why an entry has no place in a bundle; undefined: it is a file. */
function whyRefused({ type, name, pax }: ParsedTarEntry['header']): string | undefined {
  if (type === 'link') {
    return `"${name}" is a hard link: let tar write the content once more, with --hard-dereference.`;
  }
  if (type !== undefined && type !== 'file') return `"${name}" is a ${type}: only files can be images.`;
  if (Object.keys(pax ?? {}).some((key) => key.startsWith('GNU.sparse.'))) {
    return `"${name}" is stored sparse: make the tar without --sparse.`;
  }
  if (name.startsWith('/')) return `"${name}" is an absolute name.`;
  return undefined;
}

async function readWhole({ body }: ParsedTarEntry): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** @throws StoreError BUNDLE_INVALID when it is compressed: to the tar decoder that is mere damage */
async function* refuseCompressed(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let isFirst = true;
  for await (const piece of content) {
    const name = isFirst ? compressionOf(piece) : undefined;
    if (name !== undefined) {
      throw invalid(
        `The tar is compressed by ${name}: make it without, as "tar cf" does in place of "tar czf".`,
      );
    }
    isFirst = false;
    yield piece;
  }
}

/** Gives errors of the archive itself a message that says so. */
function explain(error: unknown): unknown {
  if (error instanceof StoreError || systemErrorCode(error) !== undefined) return error;
  return invalid(`The tar is damaged or not complete: ${errorMessage(error)}`, error);
}

/** The list of a bundle, and the folder that it stands in: `stick/`, or nothing. */
interface FoundList {
  readonly folder: string;
  readonly digests: ReadonlyMap<string, string>;
}

/** Names may be written as they are below the list, or with the folder around it all. */
function placeList(folder: string, written: ReadonlyMap<string, string>): FoundList {
  const digests = new Map<string, string>();
  for (const [name, sha256] of written) {
    const path = folder !== '' && name.startsWith(folder) ? name.slice(folder.length) : name;
    // A list that was made after itself holds a line of its own, whose digest it cannot know.
    if (path === CHECKSUM_LIST || isOtherList(path) || isLitter(path)) continue;
    if (digests.has(path)) throw invalid(`${CHECKSUM_LIST}: "${path}" is listed twice.`);
    digests.set(path, sha256);
  }
  return { folder, digests };
}

/** The path of an image, below the folder of the list. @throws StoreError */
function pathBelow(name: string, { folder }: FoundList): string {
  if (!name.startsWith(folder)) {
    throw invalid(`"${name}" stands outside of the folder of ${CHECKSUM_LIST}, "${folder}".`);
  }
  const path = name.slice(folder.length);
  requireImagePath(path);
  return path;
}

/**
 * Reads a tar of images with a list of their digests, which may stand anywhere in it, and in a folder that all is in.
 * What desktops leave behind is passed over.
 *
 * @param takeFile is given one file after another, with the digest that is listed where the list came before;
 *   returns what the file's digest really is
 * @returns the paths of the images by the names that `takeFile` was given; a name that is missing is no image's
 * @throws StoreError BUNDLE_INVALID, NAME_INVALID or DIGEST_MISMATCH; whatever `takeFile` and `content` throw
 */
export async function readBundle(
  content: AsyncIterable<Uint8Array>,
  takeFile: (file: BundleFile, listedSha256: string | undefined) => Promise<string>,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  let listed: FoundList | undefined;
  /**
   * Files of the list's name in folders, by these: the list, if none comes that stands above. All together they take
   * no more than one may.
   */
  const candidates = new Map<string, Buffer>();
  let candidateBytes = 0;

  async function readCandidate(
    name: string,
    entry: ParsedTarEntry,
  ): Promise<AsyncIterable<Uint8Array> | undefined> {
    const isCandidate = listed === undefined && name.endsWith(`/${CHECKSUM_LIST}`);
    if (!isCandidate || candidateBytes + entry.header.size > MAX_LIST_BYTES) return undefined;
    const content = await readWhole(entry);
    candidateBytes += content.length;
    candidates.set(name.slice(0, -CHECKSUM_LIST.length), content);
    return ReadableStream.from([content]);
  }

  /** The uppermost list in a folder, which is no file then. */
  function takeCandidate(): FoundList | undefined {
    const [folder] = [...candidates.keys()].sort((left, right) => left.length - right.length);
    if (folder === undefined) return undefined;
    found.delete(`${folder}${CHECKSUM_LIST}`);
    return placeList(folder, parseChecksumList(candidates.get(folder) ?? Buffer.alloc(0)));
  }

  async function takeEntry(entry: ParsedTarEntry): Promise<void> {
    const { header, body } = entry;
    const name = withoutDotSlash(header.name);
    if (header.type === 'directory' || isLitter(name)) return;
    const refusal = whyRefused(header);
    if (refusal !== undefined) throw invalid(refusal);
    if (name === CHECKSUM_LIST) {
      if (listed !== undefined) throw invalid(`${CHECKSUM_LIST} is there twice.`);
      if (header.size > MAX_LIST_BYTES) {
        throw invalid(`${CHECKSUM_LIST} has more than ${MAX_LIST_BYTES} bytes.`);
      }
      listed = placeList('', parseChecksumList(await readWhole(entry)));
      return;
    }
    if (isOtherList(name.slice(name.lastIndexOf('/') + 1))) return;
    const path = listed === undefined ? name : pathBelow(name, listed);
    if (listed === undefined) requireImagePath(path);
    if (found.has(name)) throw invalid(`"${name}" is there twice.`);
    if (listed !== undefined && !listed.digests.has(path))
      throw invalid(`"${path}" is not in ${CHECKSUM_LIST}.`);
    if (found.size >= MAX_IMAGES) throw invalid(`More than ${MAX_IMAGES} files.`);
    const content = (await readCandidate(name, entry)) ?? body;
    const file = { name, path, sizeBytes: header.size, content };
    found.set(name, await takeFile(file, listed?.digests.get(path)));
  }

  try {
    const entries = ReadableStream.from(guardTar(refuseCompressed(content))).pipeThrough(
      createTarDecoder({ strict: true }),
    );
    for await (const entry of entries) {
      await takeEntry(entry);
      // modern-tar 0.8 goes on once a body was read: what was not wanted is read and dropped.
      if (!entry.body.locked) for await (const _ of entry.body);
    }
  } catch (error) {
    throw explain(error);
  }
  const list = listed ?? takeCandidate();
  if (list === undefined) throw invalid(`There is no ${CHECKSUM_LIST} in the tar, next to the images.`);
  const { digests } = list;
  const paths = new Map<string, string>();
  for (const [name, sha256] of found) {
    const path = pathBelow(name, list);
    paths.set(name, path);
    const expected = digests.get(path);
    if (expected === undefined) throw invalid(`"${path}" is not in ${CHECKSUM_LIST}.`);
    if (expected !== sha256) {
      const message = `"${path}" has the sha256 ${sha256}, not ${expected} as ${CHECKSUM_LIST} says.`;
      throw new StoreError('DIGEST_MISMATCH', message);
    }
  }
  const present = new Set(paths.values());
  for (const path of digests.keys()) {
    if (!present.has(path)) throw invalid(`"${path}" is in ${CHECKSUM_LIST}, but not in the tar.`);
  }
  return paths;
}
