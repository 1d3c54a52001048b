// SPDX-License-Identifier: Apache-2.0
import { type FileFormat, nothingToCheck } from '../file-format.ts';
import type { FormatProblem, ImageDescription } from '../image-description.ts';
import {
  CONVERT,
  type DescribeFormat,
  type ImageSource,
  problem,
  SECTOR_BYTES,
  startsWith,
} from '../image-source.ts';

/** Content that EVE has no format for, told by what it begins with. */
interface Foreign {
  readonly content: string;
  readonly magics: readonly string[];
  /** Where the magic stands; negative: from the end. */
  readonly offset?: number;
  readonly problem: FormatProblem;
}

const foreignDisk = (what: string, remedy = `Convert it: ${CONVERT}`) =>
  problem(
    'NOT_AN_IMAGE',
    `It is ${what}, for which EVE has no format, and EVE would take it for a raw disk. ${remedy}`,
  );
const compressed = (what: string, command: string) =>
  problem(
    'COMPRESSED',
    `It is compressed by ${what}, whatever its name says; EVE would take it for a raw disk. Unpack it first: ${command}`,
  );
const encrypted = (version: number) =>
  problem(
    'ENCRYPTED',
    `It is encrypted as a whole (LUKS${version}): a guest needs the key, and cannot start from it. To offer what is in it: cryptsetup open FILE NAME, then qemu-img convert -O qcow2 /dev/mapper/NAME NEW.qcow2`,
  );

const FOREIGN: readonly Foreign[] = [
  { content: 'luks1', magics: ['LUKS\u00ba\u00be\0\u0001'], problem: encrypted(1) },
  { content: 'luks2', magics: ['LUKS\u00ba\u00be\0\u0002'], problem: encrypted(2) },
  {
    content: 'vdi',
    magics: ['\u007f\u0010\u00da\u00be'],
    offset: 0x40,
    problem: foreignDisk("VirtualBox's VDI"),
  },
  { content: 'qed', magics: ['QED\0'], problem: foreignDisk('a QED disk') },
  {
    content: 'parallels',
    magics: ['WithoutFreeSpace', 'WithouFreSpacExt'],
    problem: foreignDisk('a disk of Parallels'),
  },
  {
    content: 'dmg',
    magics: ['koly'],
    offset: -SECTOR_BYTES,
    problem: foreignDisk('an Apple disk image (DMG)'),
  },
  { content: 'bochs', magics: ['Bochs Virtual HD Image'], problem: foreignDisk('a disk of Bochs') },
  {
    content: 'android-sparse',
    magics: ['\u003a\u00ff\u0026\u00ed'],
    problem: foreignDisk('an Android sparse image', 'Make it whole: simg2img FILE NEW.raw'),
  },
  {
    content: 'wim',
    magics: ['MSWIM\0\0\0'],
    problem: foreignDisk(
      'a Windows image of files (WIM)',
      'Offer the installer (ISO), or a disk that Windows is installed on.',
    ),
  },
  {
    content: 'e01',
    magics: ['EVF\t\r\n\u00ff\0'],
    problem: foreignDisk('a forensic image (E01)', 'Export it: ewfexport -f raw FILE'),
  },
  {
    content: 'cd-dump',
    magics: [`\0${'\u00ff'.repeat(10)}\0`],
    problem: foreignDisk('a dump of raw CD sectors (.bin)', 'Make an ISO of it: bchunk, or iat.'),
  },
  { content: 'gzip', magics: ['\u001f\u008b\u0008'], problem: compressed('gzip', 'gunzip < FILE > NEW') },
  { content: 'xz', magics: ['\u00fd7zXZ\0'], problem: compressed('xz', 'xz -d < FILE > NEW') },
  {
    content: 'lzma',
    magics: ['\u005d\0\0\u0080\0', '\u005d\0\0\u0010\0', '\u005d\0\0\0\u0004'],
    problem: compressed('lzma', 'xz -d < FILE > NEW'),
  },
  {
    content: 'zstd',
    magics: ['\u0028\u00b5\u002f\u00fd'],
    problem: compressed('zstd', 'zstd -d < FILE > NEW'),
  },
  {
    content: 'bzip2',
    magics: [...'123456789'].map((level) => `BZh${level}1AY&SY`),
    problem: compressed('bzip2', 'bzip2 -d < FILE > NEW'),
  },
  {
    content: 'lz4',
    magics: ['\u0004\u0022\u004d\u0018', '\u0002\u0021\u004c\u0018'],
    problem: compressed('lz4', 'lz4 -d < FILE > NEW'),
  },
  { content: 'lzip', magics: ['LZIP\u0001'], problem: compressed('lzip', 'lzip -d < FILE > NEW') },
  { content: 'compress', magics: ['\u001f\u009d'], problem: compressed('compress', 'gunzip < FILE > NEW') },
  { content: 'zip', magics: ['PK\u0003\u0004', 'PK\u0005\u0006'], problem: compressed('zip', 'unzip FILE') },
  { content: '7z', magics: ['7z\u00bc\u00af\u0027\u001c'], problem: compressed('7-Zip', '7z x FILE') },
  { content: 'rar', magics: ['Rar!\u001a\u0007'], problem: compressed('RAR', 'unrar x FILE') },
];

/** The size of the disk in it, where its header says it in a fixed place. */
function virtualSizeOf(content: string, head: Buffer): number | null {
  const offset = { vdi: 0x170, qed: 48 }[content];
  if (offset === undefined || head.length < offset + 8) return null;
  const size = head.readBigUInt64LE(offset);
  return size <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(size) : null;
}

const LONGEST_MAGIC = 24;

/** Disks of other programs, and compressed files, under whatever name. */
const describe: DescribeFormat = async ({
  head,
  readAt,
  sizeBytes,
}: ImageSource): Promise<ImageDescription | undefined> => {
  const end = await readAt(Math.max(0, sizeBytes - SECTOR_BYTES), LONGEST_MAGIC);
  const found = FOREIGN.find(({ magics, offset = 0 }) =>
    magics.some((magic) => (offset < 0 ? startsWith(end, magic) : startsWith(head, magic, offset))),
  );
  if (found === undefined) return undefined;
  const { content } = found;
  return {
    ...{ format: 'raw', content },
    ...{ virtualSizeBytes: virtualSizeOf(content, head), problems: [found.problem] },
  };
};

export const foreign: FileFormat = { name: 'raw', stage: 'foreign', describe, validate: nothingToCheck };
