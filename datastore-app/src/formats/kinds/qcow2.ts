// SPDX-License-Identifier: Apache-2.0
import { type Defect, damaged, type FileFormat, type ValidationSource } from '../file-format.ts';
import type { FormatProblem } from '../image-description.ts';
import {
  CONVERT,
  type DescribeFormat,
  type ImageSource,
  incomplete,
  problem,
  SECTOR_BYTES,
  startsWith,
  toSafeNumber,
} from '../image-source.ts';
import { backingFile, encryption, QCOW_MAGIC } from '../qcow-header.ts';
import { checkQcow2 } from '../qcow2-tables.ts';

/** QEMU docs/interop/qcow2: what an image may need of a reader, of version 3. */
const INCOMPATIBLE = { corrupt: 1n << 1n, externalData: 1n << 2n, known: 0x1fn } as const;
const HEADER_BYTES = { 2: 72, 3: 104 } as const;
/** The first-level table of 4 TiB in clusters of 64 KiB; of more, this beginning is looked at. */
const MAX_TABLE_BYTES = 64 * 1024;
/** Bits 9 to 55 of an entry: where a second-level table stands; 0: nowhere. */
const TABLE_OFFSET = 0x00ff_ffff_ffff_fe00n;

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

/** QCOW2 (QEMU docs/interop/qcow2), and versions that nobody knows yet. */
const describe: DescribeFormat = async (source) => {
  const { head, sizeBytes } = source;
  if (!startsWith(head, QCOW_MAGIC) || sizeBytes < 8) return undefined;
  const version = head.readUInt32BE(4);
  if (version === 1) return undefined;
  const common = { format: 'qcow2', content: 'qcow2', virtualSizeBytes: null } as const;
  if (version !== 2 && version !== 3) {
    const message = `It is of version ${version}, which EVE's QEMU does not know. Convert it with the program that made it.`;
    return { ...common, problems: [problem('UNKNOWN_VARIANT', message)] };
  }
  if (sizeBytes < HEADER_BYTES[version] || sizeBytes < SECTOR_BYTES) {
    return { ...common, problems: [incomplete('Its header goes on')] };
  }
  const problems: FormatProblem[] = [];
  for await (const found of problemsOf2(source, version)) if (found !== undefined) problems.push(found);
  return { ...common, virtualSizeBytes: toSafeNumber(head.readBigUInt64BE(24)), problems };
};

async function* validate(source: ValidationSource): AsyncGenerator<Defect> {
  const { problems = [] } = (await describe(source)) ?? {};
  // What the tables would say is of another version, or stands elsewhere.
  if (problems.some(({ code }) => code === 'UNKNOWN_VARIANT')) return;
  if (source.sizeBytes < SECTOR_BYTES) return;
  const clusterBits = source.head.readUInt32BE(20);
  const crypt = source.head.readUInt32BE(32);
  if (crypt > 2) yield damaged('Its header names an encryption that there is not.');
  yield* checkQcow2(source, clusterBits);
}

/** QEMU's disks. */
export const qcow2: FileFormat = { name: 'qcow2', stage: 'beginning', describe, validate, qemuName: 'qcow2' };
