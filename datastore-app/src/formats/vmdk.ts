import type { FormatProblem, ImageDescription } from './image-description.ts';
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

/** VMware Virtual Disk Format 5.0. */
const MAX_DESCRIPTOR_BYTES = 64 * 1024;
const SPARSE_HEADER_BYTES = 79;
/** "The directory stands in the footer", which ends the file, before an end-of-stream marker. */
const DIRECTORY_AT_END = 0xffff_ffff_ffff_ffffn;
const FOOTER_FROM_END = 1024;
const NO_PARENT = 'ffffffff';
const SE_SPARSE = Buffer.from('bebafeca00000000', 'hex');
const NAMED_EXTENTS = 3;

const sectorsToBytes = (sectors: bigint) => toSafeNumber(sectors * BigInt(SECTOR_BYTES));

const described = (
  virtualSizeBytes: number | null,
  problems: readonly FormatProblem[],
): ImageDescription => ({ format: 'vmdk', content: 'vmdk', virtualSizeBytes, problems });

const partOfMany = (what: string) =>
  problem(
    'NEEDS_OTHER_FILE',
    `It is ${what}, not a whole disk. Make one file of all, where the others are, from the small .vmdk that names them: ${CONVERT}`,
  );

function parentProblem(descriptor: string): FormatProblem | undefined {
  const [, parent = NO_PARENT] = /^\s*parentCID\s*=\s*([0-9a-f]{1,8})/im.exec(descriptor) ?? [];
  if (parent.toLowerCase() === NO_PARENT) return undefined;
  const [, hint = '?'] = /^\s*parentFileNameHint\s*=\s*"?([^"\r\n]*)/im.exec(descriptor) ?? [];
  return problem(
    'NEEDS_OTHER_FILE',
    `It holds only what differs from ${quoted(hint)}, as after a snapshot; EVE does not download that. Make one file of both, where the other is: ${CONVERT}`,
  );
}

/** A descriptor that stands alone, as text: the data is in other files. */
function describeDescriptor({ head }: ImageSource): ImageDescription | undefined {
  const text = head.toString('latin1');
  if (!/^\s*# *Disk DescriptorFile/i.test(text)) return undefined;
  let sectors = 0n;
  const files: string[] = [];
  const extents = text.matchAll(/^(?:RW|RDONLY|NOACCESS)[ \t]+(\d{1,15})[ \t]+\w+(?:[ \t]+"([^"\r\n]*)")?/gm);
  for (const [, count = '0', file] of extents) {
    sectors += BigInt(count);
    if (file !== undefined) files.push(quoted(file));
  }
  const named = `${files.slice(0, NAMED_EXTENTS).join(', ')}${files.length > NAMED_EXTENTS ? ' and more' : ''}`;
  const message = `It is a text that names the files with the disk itself (${named || 'none'}), which EVE does not download. Make one file of all, where they are: ${CONVERT}`;
  return described(sectors === 0n ? null : sectorsToBytes(sectors), [problem('NEEDS_OTHER_FILE', message)]);
}

async function* sparseProblems({
  head,
  readAt,
  sizeBytes,
}: ImageSource): AsyncGenerator<FormatProblem | undefined> {
  const descriptorOffset = head.readBigUInt64LE(28) * BigInt(SECTOR_BYTES);
  const descriptorBytes = head.readBigUInt64LE(36) * BigInt(SECTOR_BYTES);
  if (descriptorOffset + descriptorBytes <= BigInt(sizeBytes)) {
    const length = Math.min(Number(descriptorBytes), MAX_DESCRIPTOR_BYTES);
    const descriptor = (await readAt(Number(descriptorOffset), length)).toString('latin1');
    // An extent of several has no descriptor, or room for one that is left empty.
    if (descriptorOffset === 0n || descriptor.replaceAll('\0', '') === '') {
      yield partOfMany('one extent of a disk in several files');
    } else {
      yield parentProblem(descriptor);
    }
  }
  const directory = head.readBigUInt64LE(56);
  const isCut =
    directory === DIRECTORY_AT_END
      ? !startsWith(await readAt(Math.max(0, sizeBytes - FOOTER_FROM_END), 4), 'KDMV')
      : directory * BigInt(SECTOR_BYTES) >= BigInt(sizeBytes);
  if (isCut) yield incomplete('Its grain directory stands');
}

/** A sparse extent's header, ESX's two kinds of extents of snapshots, or a descriptor that stands alone as text. */
export const describeVmdk: DescribeFormat = async (source) => {
  const { head, sizeBytes } = source;
  if (startsWith(head, 'KDMV')) {
    if (sizeBytes < SPARSE_HEADER_BYTES) return described(null, [incomplete('Its header goes on')]);
    const problems: FormatProblem[] = [];
    for await (const found of sparseProblems(source)) if (found !== undefined) problems.push(found);
    return described(sectorsToBytes(head.readBigUInt64LE(12)), problems);
  }
  if (startsWith(head, 'COWD') && sizeBytes >= SECTOR_BYTES) {
    return described(sectorsToBytes(BigInt(head.readUInt32LE(12))), [partOfMany("an ESX host's extent")]);
  }
  if (head.subarray(0, SE_SPARSE.length).equals(SE_SPARSE)) {
    return described(null, [partOfMany("an ESX host's extent of a snapshot")]);
  }
  return describeDescriptor(source);
};
