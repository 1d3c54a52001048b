// SPDX-License-Identifier: Apache-2.0
import { type FileFormat, nothingToCheck } from '../file-format.ts';
import type { FormatProblem } from '../image-description.ts';
import {
  type DescribeFormat,
  type ImageSource,
  incomplete,
  SECTOR_BYTES,
  startsWith,
  toSafeNumber,
} from '../image-source.ts';
import { backingFile, encryption, QCOW_MAGIC } from '../qcow-header.ts';

async function* problemsOf1(source: ImageSource): AsyncGenerator<FormatProblem | undefined> {
  const { head } = source;
  yield await backingFile(source);
  yield encryption(head.readUInt32BE(36));
  const entryBits = BigInt(head.readUInt8(32)) + BigInt(head.readUInt8(33));
  const sizeBytes = head.readBigUInt64BE(24);
  const entries = entryBits < 62n ? (sizeBytes + (1n << entryBits) - 1n) >> entryBits : 0n;
  if (head.readBigUInt64BE(40) + entries * 8n > BigInt(source.sizeBytes)) yield incomplete('Its tables lead');
}

const describe: DescribeFormat = async (source) => {
  const { head, sizeBytes } = source;
  if (!startsWith(head, QCOW_MAGIC) || sizeBytes < 8 || head.readUInt32BE(4) !== 1) return undefined;
  if (sizeBytes < SECTOR_BYTES) {
    return {
      format: 'qcow',
      content: 'qcow',
      virtualSizeBytes: null,
      problems: [incomplete('Its header goes on')],
    };
  }
  const problems: FormatProblem[] = [];
  for await (const found of problemsOf1(source)) if (found !== undefined) problems.push(found);
  return {
    format: 'qcow',
    content: 'qcow',
    virtualSizeBytes: toSafeNumber(head.readBigUInt64BE(24)),
    problems,
  };
};

/** QEMU's disks of before 2008: they have no checksums and no reference counts. */
export const qcow: FileFormat = { name: 'qcow', stage: 'beginning', describe, validate: nothingToCheck };
