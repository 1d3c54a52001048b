// SPDX-License-Identifier: Apache-2.0
import { compressionOf } from '@local-datastore/shared/compression/compression-of';
import { createForwardReader, type ForwardReader } from '@local-datastore/shared/tar/forward-reader';
import { StoreError } from '../content/store-error.ts';
import type { TarFlaw, TarMember, TarMembers } from '../formats/tar-members.ts';
import { MAX_IMAGES } from '../images/catalogue.ts';
import { requireImagePath } from '../images/placing.ts';
import { type FileParser, UnreadableContentError } from '../parsing/file-parser.ts';
import { judgeTarEnd, parsedMembers, type TarEnd } from '../parsing/parsed-members.ts';
import { CHECKSUM_LIST, parseChecksumList } from './checksum-list.ts';
import { isLitter, isOtherList } from './litter.ts';

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
/** Files, folders, and what is passed over. */
const MAX_ENTRIES = 400_000;

const invalid = (message: string, cause?: unknown) => new StoreError('BUNDLE_INVALID', message, { cause });

/** A folder, which a tar of before 1988 tells by its name alone. */
const isFolder = ({ type, name, sizeBytes }: TarMember) =>
  type === '5' || (type === '0' && sizeBytes === 0 && (name === '' || name.endsWith('/')));

const SPECIAL_TYPES: Readonly<Record<string, string>> = {
  '2': 'a symlink',
  '3': 'a character device',
  '4': 'a block device',
  '6': 'a fifo',
};

const WITHOUT_ATTRIBUTES = 'make it without extended attributes (--no-xattrs, COPYFILE_DISABLE=1)';
const FLAWS: Readonly<Record<TarFlaw, string>> = {
  'no-size': 'The tar is damaged: a header holds no size.',
  'large-description': `A header of the tar is too large: ${WITHOUT_ATTRIBUTES}.`,
  'unsound-attributes': `A header of the tar holds too many attributes, or damaged ones: ${WITHOUT_ATTRIBUTES}.`,
};

/** Why a member has no place in a bundle; undefined: it is a file. */
function whyRefused({ type, name, isFile, isSparse }: TarMember): string | undefined {
  if (isSparse) return `"${name}" is stored sparse: make the tar without --sparse.`;
  if (type === '1') {
    return `"${name}" is a hard link: let tar write the content once more, with --hard-dereference.`;
  }
  if (!isFile) {
    const what = SPECIAL_TYPES[type] ?? 'of a kind that is not known';
    return `"${name}" is ${what}: only files can be images.`;
  }
  if (name.startsWith('/')) return `"${name}" is an absolute name.`;
  return undefined;
}

/** A member, and what stands in it. */
interface Entry {
  readonly member: TarMember;
  readonly body: AsyncIterable<Uint8Array>;
}

async function readWhole({ body }: Entry): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** What a tar holds, one member after another; what was not read of one is passed over. @throws StoreError BUNDLE_INVALID */
async function* entriesOf(reader: ForwardReader, members: TarMembers): AsyncGenerator<Entry> {
  for (let count = 0; ; count += 1) {
    const next = await members.next();
    if (next.value.flaw !== null) throw invalid(FLAWS[next.value.flaw]);
    if (next.done) {
      requireEnd(await judgeTarEnd(reader.readAt, next.value.end, count, MAX_ENTRIES), count);
      return;
    }
    const { offset, sizeBytes } = next.value;
    yield { member: next.value, body: reader.content(offset, sizeBytes) };
    await reader.readAt(offset + sizeBytes, 0);
  }
}

/** @throws StoreError BUNDLE_INVALID unless a tar ends so */
function requireEnd(end: TarEnd, members: number): void {
  if (end === 'end') return;
  if (end === 'too-many') throw invalid(`The tar holds more than ${MAX_ENTRIES} entries.`);
  if (members === 0) throw invalid('That is no tar.');
  throw invalid('The tar is damaged: something else stands where a header should.');
}

/** @throws StoreError BUNDLE_INVALID when it is compressed: as a tar that would be mere damage */
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
 * @param parser tells where the members stand
 * @throws StoreError BUNDLE_INVALID, NAME_INVALID or DIGEST_MISMATCH; ParserUnavailableError; whatever `takeFile` and
 *   `content` throw
 */
export async function readBundle(
  content: AsyncIterable<Uint8Array>,
  parser: FileParser,
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

  async function readCandidate(name: string, entry: Entry): Promise<AsyncIterable<Uint8Array> | undefined> {
    const isCandidate = listed === undefined && name.endsWith(`/${CHECKSUM_LIST}`);
    if (!isCandidate || candidateBytes + entry.member.sizeBytes > MAX_LIST_BYTES) return undefined;
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

  async function takeEntry(entry: Entry): Promise<void> {
    const { member, body } = entry;
    const { name, sizeBytes } = member;
    if (isFolder(member) || isLitter(name)) return;
    const refusal = whyRefused(member);
    if (refusal !== undefined) throw invalid(refusal);
    if (name === CHECKSUM_LIST) {
      if (listed !== undefined) throw invalid(`${CHECKSUM_LIST} is there twice.`);
      if (sizeBytes > MAX_LIST_BYTES) {
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
    const file = { name, path, sizeBytes, content };
    found.set(name, await takeFile(file, listed?.digests.get(path)));
  }

  const reader = createForwardReader(refuseCompressed(content), () =>
    invalid('The tar is not complete: it ends in the middle of a file.'),
  );
  try {
    const members = parsedMembers(parser, reader.peekAt, Number.POSITIVE_INFINITY, MAX_ENTRIES);
    for await (const entry of entriesOf(reader, members)) await takeEntry(entry);
    // What made it writes more zeros; whoever sends it is heard out.
    await reader.drain(Number.MAX_SAFE_INTEGER);
  } catch (error) {
    if (!(error instanceof UnreadableContentError)) throw error;
    throw invalid(`The tar cannot be read: ${error.message}.`, error);
  } finally {
    await reader.close();
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
