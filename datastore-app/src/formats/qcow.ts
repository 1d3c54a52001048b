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

/** QEMU docs/interop/qcow2: what an image may need of a reader, of version 3. */
const INCOMPATIBLE = { corrupt: 1n << 1n, externalData: 1n << 2n, known: 0x1fn } as const;
const HEADER_BYTES = { 1: 48, 2: 72, 3: 104 } as const;
const MAX_NAME_BYTES = 1023;
/** The first-level table of 4 TiB in clusters of 64 KiB; of more, this beginning is looked at. */
const MAX_TABLE_BYTES = 64 * 1024;
/** Bits 9 to 55 of an entry: where a second-level table stands; 0: nowhere. */
const TABLE_OFFSET = 0x00ff_ffff_ffff_fe00n;

async function backingFile({ head, readAt, sizeBytes }: ImageSource): Promise<FormatProblem | undefined> {
  const offset = head.readBigUInt64BE(8);
  const length = head.readUInt32BE(16);
  if (offset === 0n || length === 0) return undefined;
  const position = Number(offset);
  const name =
    position < sizeBytes ? await readAt(position, Math.min(length, MAX_NAME_BYTES)) : Buffer.from('?');
  return problem(
    'NEEDS_OTHER_FILE',
    `It holds only what differs from its backing file ${quoted(name.toString())}, which EVE does not download. Make one file of both, where the backing file is: ${CONVERT}`,
  );
}

function encryption(method: number): FormatProblem | undefined {
  if (method === 0) return undefined;
  return problem(
    'ENCRYPTED',
    'It is encrypted, and EVE cannot give the key. Offer it decrypted: qemu-img convert, with --object secret and --image-opts, makes such a one.',
  );
}

/** Whether second-level tables, which are spread over the file, stand beyond its end. */
async function isCut({ readAt, sizeBytes }: ImageSource, offset: bigint, entries: number): Promise<boolean> {
  if (offset + BigInt(entries) * 8n > BigInt(sizeBytes)) return true;
  const table = await readAt(Number(offset), Math.min(entries * 8, MAX_TABLE_BYTES));
  for (let i = 0; i + 8 <= table.length; i += 8) {
    if ((table.readBigUInt64BE(i) & TABLE_OFFSET) >= BigInt(sizeBytes)) return true;
  }
  return false;
}

function* features(incompatible: bigint): Generator<FormatProblem> {
  if ((incompatible & INCOMPATIBLE.externalData) !== 0n) {
    yield problem(
      'NEEDS_OTHER_FILE',
      `Its content stands in an external data file, which EVE does not download. Make one file of both, where the data file is: ${CONVERT}`,
    );
  }
  if ((incompatible & INCOMPATIBLE.corrupt) !== 0n) {
    yield problem(
      'INCOMPLETE',
      'QEMU has marked its tables as not sound, and writes to it no more. Repair a copy: qemu-img check -r all FILE',
    );
  }
  if ((incompatible & ~INCOMPATIBLE.known) !== 0n) {
    yield problem(
      'UNKNOWN_VARIANT',
      `It needs a feature that not every QEMU has. Make it over without: ${CONVERT}`,
    );
  }
}

async function* problemsOf2(source: ImageSource, version: number): AsyncGenerator<FormatProblem | undefined> {
  const { head, sizeBytes } = source;
  yield await backingFile(source);
  yield encryption(head.readUInt32BE(32));
  if (version >= 3) yield* features(head.readBigUInt64BE(72));
  const clusterBits = head.readUInt32BE(20);
  const refcounts = head.readBigUInt64BE(48);
  if (clusterBits < 9 || clusterBits > 21) {
    yield problem('UNKNOWN_VARIANT', 'Its header gives a size of clusters that there is not: copy it again.');
  } else if (
    refcounts >= BigInt(sizeBytes) ||
    (await isCut(source, head.readBigUInt64BE(40), head.readUInt32BE(36)))
  ) {
    yield incomplete('Its tables lead');
  }
}

async function* problemsOf1(source: ImageSource): AsyncGenerator<FormatProblem | undefined> {
  const { head } = source;
  yield await backingFile(source);
  yield encryption(head.readUInt32BE(36));
  const entryBits = BigInt(head.readUInt8(32)) + BigInt(head.readUInt8(33));
  const sizeBytes = head.readBigUInt64BE(24);
  const entries = entryBits < 62n ? (sizeBytes + (1n << entryBits) - 1n) >> entryBits : 0n;
  if (head.readBigUInt64BE(40) + entries * 8n > BigInt(source.sizeBytes)) yield incomplete('Its tables lead');
}

/** QCOW and QCOW2 (QEMU docs/interop/qcow2): magic, version (big endian); the size stands at 24 in all versions. */
export const describeQcow: DescribeFormat = async (source) => {
  const { head, sizeBytes } = source;
  if (!startsWith(head, 'QFI\u00fb') || sizeBytes < 8) return undefined;
  const version = head.readUInt32BE(4);
  const format = version === 1 ? 'qcow' : 'qcow2';
  if (version !== 1 && version !== 2 && version !== 3) {
    const message = `It is of version ${version}, which EVE's QEMU does not know. Convert it with the program that made it.`;
    const problems = [problem('UNKNOWN_VARIANT', message)];
    return { format, content: format, virtualSizeBytes: null, problems };
  }
  if (sizeBytes < HEADER_BYTES[version] || sizeBytes < SECTOR_BYTES) {
    return { format, content: format, virtualSizeBytes: null, problems: [incomplete('Its header goes on')] };
  }
  const problems: FormatProblem[] = [];
  for await (const found of version === 1 ? problemsOf1(source) : problemsOf2(source, version)) {
    if (found !== undefined) problems.push(found);
  }
  return { format, content: format, virtualSizeBytes: toSafeNumber(head.readBigUInt64BE(24)), problems };
};
