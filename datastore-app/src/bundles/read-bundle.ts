import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { createTarDecoder, type ParsedTarEntry } from 'modern-tar';
import { MAX_IMAGES } from '../images/catalogue.ts';
import { requireImagePath } from '../images/placing.ts';
import { StoreError } from '../images/store-error.ts';
import { CHECKSUM_LIST, parseChecksumList, withoutDotSlash } from './checksum-list.ts';

/** A file of a bundle. */
export interface BundleFile {
  /** May be the path of an image. */
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

async function readList({ header, body }: ParsedTarEntry): Promise<Map<string, string>> {
  if (header.size > MAX_LIST_BYTES) throw invalid(`${CHECKSUM_LIST} has more than ${MAX_LIST_BYTES} bytes.`);
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return parseChecksumList(Buffer.concat(pieces));
}

/** What compressed files begin with (RFC 1952, RFC 8878, the xz and bzip2 formats). */
const COMPRESSIONS: readonly (readonly [name: string, magic: Buffer])[] = [
  ['gzip', Buffer.from([0x1f, 0x8b])],
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
  ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])],
  ['bzip2', Buffer.from('BZh')],
];

/** @throws StoreError BUNDLE_INVALID when it is compressed: to the tar decoder that is mere damage */
async function* refuseCompressed(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let isFirst = true;
  for await (const piece of content) {
    const [name] =
      COMPRESSIONS.find(([, magic]) => isFirst && magic.equals(piece.subarray(0, magic.length))) ?? [];
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

/**
 * Reads a tar of images with a list of their digests, which may stand anywhere in it.
 *
 * @param takeFile is given one file after another, with the digest that is listed where the list came before;
 *   returns what the file's digest really is
 * @throws StoreError BUNDLE_INVALID, NAME_INVALID, NAME_RESERVED or DIGEST_MISMATCH; whatever `takeFile` and `content` throw
 */
export async function readBundle(
  content: AsyncIterable<Uint8Array>,
  takeFile: (file: BundleFile, listedSha256: string | undefined) => Promise<string>,
): Promise<void> {
  const found = new Map<string, string>();
  let listed: Map<string, string> | undefined;

  async function takeEntry(entry: ParsedTarEntry): Promise<void> {
    const { header, body } = entry;
    if (header.type === 'directory') return;
    const refusal = whyRefused(header);
    if (refusal !== undefined) throw invalid(refusal);
    const path = withoutDotSlash(header.name);
    if (path === CHECKSUM_LIST) {
      if (listed !== undefined) throw invalid(`${CHECKSUM_LIST} is there twice.`);
      listed = await readList(entry);
      return;
    }
    requireImagePath(path);
    if (found.has(path)) throw invalid(`"${path}" is there twice.`);
    if (listed !== undefined && !listed.has(path)) throw invalid(`"${path}" is not in ${CHECKSUM_LIST}.`);
    if (found.size >= MAX_IMAGES) throw invalid(`More than ${MAX_IMAGES} files.`);
    found.set(path, await takeFile({ path, sizeBytes: header.size, content: body }, listed?.get(path)));
  }

  try {
    const entries = ReadableStream.from(refuseCompressed(content)).pipeThrough(
      createTarDecoder({ strict: true }),
    );
    for await (const entry of entries) {
      await takeEntry(entry);
      // What was not wanted is passed over; of a file nothing is left.
      await entry.body.cancel();
    }
  } catch (error) {
    throw explain(error);
  }
  if (listed === undefined) throw invalid(`There is no ${CHECKSUM_LIST} in the tar, next to the images.`);
  for (const [path, sha256] of found) {
    const expected = listed.get(path);
    if (expected === undefined) throw invalid(`"${path}" is not in ${CHECKSUM_LIST}.`);
    if (expected !== sha256) {
      const message = `"${path}" has the sha256 ${sha256}, not ${expected} as ${CHECKSUM_LIST} says.`;
      throw new StoreError('DIGEST_MISMATCH', message);
    }
  }
  for (const path of listed.keys()) {
    if (!found.has(path)) throw invalid(`"${path}" is in ${CHECKSUM_LIST}, but not in the tar.`);
  }
}
