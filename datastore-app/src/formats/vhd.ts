import type { FormatProblem } from './image-description.ts';
import {
  CONVERT,
  type DescribeFormat,
  type ImageSource,
  incomplete,
  problem,
  quoted,
  SECTOR_BYTES,
  startsWith,
  toSafeNumber,
} from './image-source.ts';

/** Virtual Hard Disk Image Format Specification. */
const COOKIE = 'conectix';
const DYNAMIC_COOKIE = 'cxsparse';
const DISK_TYPES = { fixed: 2, dynamic: 3, differencing: 4 } as const;
/** Virtual PC's first versions wrote a byte less. */
const OLD_FOOTER_BYTES = SECTOR_BYTES - 1;
const DYNAMIC_HEADER_BYTES = 1024;
const PARENT_NAME = { start: 64, end: 64 + 512 } as const;

async function findEndFooter({ readAt, sizeBytes }: ImageSource): Promise<Buffer | undefined> {
  const end = await readAt(Math.max(0, sizeBytes - SECTOR_BYTES), SECTOR_BYTES);
  const footer = [end, end.subarray(end.length - OLD_FOOTER_BYTES)].find((bytes) =>
    startsWith(bytes, COOKIE),
  );
  return footer !== undefined && footer.length >= OLD_FOOTER_BYTES ? footer : undefined;
}

/** UTF-16, big endian. */
const parentNameOf = (header: Buffer) =>
  Buffer.from(header.subarray(PARENT_NAME.start, PARENT_NAME.end)).swap16().toString('utf16le');

async function* problemsOf(
  { readAt, sizeBytes }: ImageSource,
  footer: Buffer,
  hasEndFooter: boolean,
): AsyncGenerator<FormatProblem> {
  const type = footer.readUInt32BE(60);
  if (type !== DISK_TYPES.dynamic && type !== DISK_TYPES.differencing) {
    if (!hasEndFooter) yield incomplete('Its content goes on');
    return;
  }
  const offset = footer.readBigUInt64BE(16);
  const header =
    offset + BigInt(DYNAMIC_HEADER_BYTES) <= BigInt(sizeBytes)
      ? await readAt(Number(offset), DYNAMIC_HEADER_BYTES)
      : Buffer.alloc(0);
  if (!startsWith(header, DYNAMIC_COOKIE) || header.length < DYNAMIC_HEADER_BYTES) {
    yield incomplete('Its tables stand');
    return;
  }
  if (type === DISK_TYPES.differencing) {
    yield problem(
      'NEEDS_OTHER_FILE',
      `It holds only what differs from ${quoted(parentNameOf(header))}, which EVE does not download. Make one file of both, where the other is: ${CONVERT}`,
    );
  }
  const tableEnd = header.readBigUInt64BE(16) + BigInt(header.readUInt32BE(28)) * 4n;
  if (tableEnd > BigInt(sizeBytes) || !hasEndFooter) yield incomplete('Its content goes on');
}

/** The footer, or a dynamic disk's copy of it at the front. */
export const describeVhd: DescribeFormat = async (source) => {
  const atEnd = await findEndFooter(source);
  const atFront = startsWith(source.head, COOKIE) && source.head.length >= SECTOR_BYTES;
  const footer = atEnd ?? (atFront ? source.head : undefined);
  if (footer === undefined) return undefined;
  const problems: FormatProblem[] = [];
  for await (const found of problemsOf(source, footer, atEnd !== undefined)) problems.push(found);
  return {
    format: 'vhd',
    content: 'vhd',
    virtualSizeBytes: toSafeNumber(footer.readBigUInt64BE(48)),
    problems,
  };
};
