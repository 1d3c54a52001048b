// SPDX-License-Identifier: Apache-2.0
import { createForwardReader, type ForwardReader } from '@local-datastore/shared/tar/forward-reader';
import {
  parsePaxRecords,
  parseTarHeader,
  TAR_BLOCK_BYTES,
  type TarHeader,
  tarText,
} from '@local-datastore/shared/tar/tar-header';
import { safeLinkTarget, safeName, shownName } from './entry-name.ts';
import { explainForeign } from './explain-foreign.ts';
import { cutOff, damaged, ImageStreamError } from './image-stream-error.ts';

/** One entry of a tar, in the order in which they come. */
export type TarEntry =
  | { readonly kind: 'folder'; readonly name: string }
  | { readonly kind: 'link'; readonly name: string; readonly target: string }
  | {
      readonly kind: 'file';
      readonly name: string;
      readonly sizeBytes: number;
      /** Its first block, or all of it. */
      readonly head: Buffer;
      /** All of it. What nobody reads is passed over. @throws ImageStreamError ARCHIVE_CUT_OFF */
      readonly content: AsyncGenerator<Uint8Array>;
    };

/** An image has three entries a layer at most, and an index of many platforms some hundred images. */
const MAX_ENTRIES = 10_000;
/** Headers that describe the next entry: a name, and attributes that nobody needs here. */
const MAX_DESCRIPTION_BYTES = 64 * 1024;
/** A long name, a long link, attributes for one and for all: nobody writes more before an entry. */
const MAX_DESCRIPTIONS = 8;
/** Writers fill the last record of a tape; nobody's tapes are larger. */
const MAX_TRAILING_BYTES = 64 * 1024 * 1024;

/** What is not taken, by its type, in words. */
const REFUSED: Readonly<Record<string, string>> = {
  '3': 'a device',
  '4': 'a device',
  '6': 'a pipe',
  S: 'stored sparse: make the archive without --sparse',
};
/** Those of a header for all entries that would change them; a comment, as git writes it, changes none. */
const MEANT_FOR_ONE = ['path', 'linkpath', 'size'];

const padded = (sizeBytes: number) => Math.ceil(sizeBytes / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;
const isZero = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);
const unsafe = (name: string, why: string) =>
  new ImageStreamError('ARCHIVE_UNSAFE', `The archive holds ${shownName(name)}, which is ${why}.`);

/** What headers before an entry say of it. */
interface Described {
  path?: string;
  linkpath?: string;
  size?: number;
}

function readPax(content: Buffer, isForAll: boolean): Described {
  const { records, isSound } = parsePaxRecords(content);
  if (!isSound) throw damaged('a pax header cannot be read');
  const sparse = [...records.keys()].some((key) => key.startsWith('GNU.sparse.'));
  if (sparse) throw unsafe(records.get('GNU.sparse.name') ?? records.get('path') ?? '', REFUSED.S ?? '');
  if (isForAll) {
    const key = MEANT_FOR_ONE.find((each) => records.has(each));
    if (key !== undefined) throw damaged(`a header for all entries tells the "${key}" of one`);
    return {};
  }
  const size = records.get('size');
  if (size !== undefined && !/^\d{1,15}$/.test(size)) throw damaged('a pax header tells no size');
  const path = records.get('path');
  const linkpath = records.get('linkpath');
  return {
    ...(path !== undefined && { path }),
    ...(linkpath !== undefined && { linkpath }),
    ...(size !== undefined && { size: Number(size) }),
  };
}

function describe(type: string, content: Buffer): Described {
  if (type === 'x' || type === 'g') return readPax(content, type === 'g');
  const text = tarText(content, 0, content.length);
  return type === 'L' ? { path: text } : { linkpath: text };
}

/** Links and folders have no content, whatever some writers of old put there. */
function toEntry(header: TarHeader, described: Described, sizeBytes: number): TarEntry | 'file' {
  const written = described.path ?? header.name;
  const name = safeName(written);
  const { type } = header;
  if (type === '1' || type === '2') {
    const target = described.linkpath ?? header.linkName;
    if (sizeBytes > 0) throw damaged(`the link ${shownName(name)} has content`);
    return { kind: 'link', name, target: safeLinkTarget(name, target, type === '2') };
  }
  if (type === '5' || (type === '0' && written.endsWith('/'))) {
    if (sizeBytes > 0) throw damaged(`the folder ${shownName(name)} has content`);
    return { kind: 'folder', name };
  }
  if (type === '0' || type === '7') {
    if (name === '') throw damaged('a file has no name');
    return 'file';
  }
  throw unsafe(name, REFUSED[type] ?? 'of a kind that image archives do not hold');
}

/** Nothing but zeros may follow the end: else others read another archive out of the same bytes. */
async function requireEnd(reader: ForwardReader, from: number): Promise<void> {
  let trailing = 0;
  for (let at = from; ; at += TAR_BLOCK_BYTES) {
    const block = await reader.readAt(at, TAR_BLOCK_BYTES);
    if (!isZero(block)) {
      // A disc (ISO 9660 §6.2.1) begins with 32 KiB of zeros.
      throw from === TAR_BLOCK_BYTES ? explainForeign(block) : damaged('something else follows its end');
    }
    if (block.length === 0) return;
    if (block.length < TAR_BLOCK_BYTES) throw cutOff();
    trailing += block.length;
    if (trailing > MAX_TRAILING_BYTES) throw damaged('much more follows its end');
  }
}

/**
 * Reads a tar strictly, from its beginning to its end: what two readers might understand differently is refused.
 * It may end without the two blocks of zeros, which some writers leave out.
 *
 * @throws ImageStreamError; whatever `content` throws
 */
export async function* readTarEntries(content: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const reader = createForwardReader(content, cutOff);
  const passOver = async (offset: number, length: number) => {
    for await (const _piece of reader.content(offset, length));
  };
  let described: Described = {};
  let descriptions = 0;
  let entries = 0;
  let offset = 0;
  try {
    for (;;) {
      const block = await reader.readAt(offset, TAR_BLOCK_BYTES);
      const header = parseTarHeader(block);
      if (header === undefined) {
        if (offset === 0 && (block.length === 0 || !isZero(block))) throw explainForeign(block);
        if (block.length > 0 && block.length < TAR_BLOCK_BYTES) throw cutOff();
        if (!isZero(block)) throw damaged('a header cannot be read');
        if (descriptions > 0) throw cutOff();
        if (block.length > 0) await requireEnd(reader, offset + TAR_BLOCK_BYTES);
        return;
      }
      const { type } = header;
      const start = offset + TAR_BLOCK_BYTES;
      if (header.sizeBytes === undefined) throw damaged('a header tells no size');
      if (type === 'x' || type === 'g' || type === 'L' || type === 'K') {
        descriptions += 1;
        if (header.sizeBytes > MAX_DESCRIPTION_BYTES || descriptions > MAX_DESCRIPTIONS) {
          throw new ImageStreamError(
            'ARCHIVE_TOO_LARGE',
            'A header of the archive is larger than anybody writes.',
          );
        }
        const bytes = await reader.readAt(start, header.sizeBytes);
        if (bytes.length < header.sizeBytes) throw cutOff();
        described = { ...described, ...describe(type, bytes) };
        offset = start + padded(header.sizeBytes);
        await passOver(start + header.sizeBytes, offset - start - header.sizeBytes);
        continue;
      }
      entries += 1;
      if (entries > MAX_ENTRIES) {
        throw new ImageStreamError(
          'ARCHIVE_TOO_LARGE',
          `The archive holds more than ${MAX_ENTRIES} entries.`,
        );
      }
      const sizeBytes = described.size ?? header.sizeBytes;
      const entry = toEntry(header, described, sizeBytes);
      if (entry === 'file') {
        const head = await reader.readAt(start, Math.min(sizeBytes, TAR_BLOCK_BYTES));
        const all = contentOf(reader, start, head, sizeBytes);
        yield { kind: 'file', name: safeName(described.path ?? header.name), sizeBytes, head, content: all };
        for await (const _piece of all);
      } else yield entry;
      offset = start + padded(sizeBytes);
      await passOver(start + sizeBytes, offset - start - sizeBytes);
      described = {};
      descriptions = 0;
    }
  } finally {
    await reader.close();
  }
}

async function* contentOf(
  reader: ForwardReader,
  start: number,
  head: Buffer,
  sizeBytes: number,
): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  yield* reader.content(start + head.length, sizeBytes - head.length);
}
