// SPDX-License-Identifier: Apache-2.0
import { HEX_DIGITS } from '@local-datastore/shared/digest/digest';
import {
  type ContainedDisk,
  type Defect,
  damaged,
  type FileFormat,
  type Member,
  type ValidationSource,
} from '../file-format.ts';
import { type DescribeFormat, type ImageSource, incomplete, problem, quoted } from '../image-source.ts';
import { APPLE_DOUBLE, tarContentOf } from '../tar-content.ts';
import { type TarMember, tarMembers } from '../tar-members.ts';

const describe: DescribeFormat = async (source) => {
  const content = await tarContentOf(source);
  if (content?.kind !== 'ova') return undefined;
  return { format: 'ova', content: 'ova', virtualSizeBytes: null, problems: content.problems };
};

/** A descriptor of some hundred machines, and the digests of their files. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024;
/** DSP0243 §5.1: `SHA256(disk.vmdk)= 0123…`. */
const DIGEST_LINE = /^\s*(SHA1|SHA256|SHA512)\s*\(([^)]{1,255})\)\s*=\s*([0-9a-fA-F]{40,128})\s*$/;
const ALGORITHMS = { SHA1: 'sha1', SHA256: 'sha256', SHA512: 'sha512' } as const;
/** DSP0243 §7.1: `<File ovf:href="disk.vmdk" ovf:size="68096"/>`, whatever its namespace is called. */
const FILE_ELEMENT = /<(?:[\w-]+:)?File\b([^>]{0,4096})>/g;
const attributeOf = (text: string, name: string) =>
  new RegExp(`\\b${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`)
    .exec(text)
    ?.slice(1)
    .find((value) => value !== undefined);
const DISK_NAME = /\.(?:vmdk|vhdx?|qcow2|img|raw|iso)$/i;

interface Ova {
  readonly files: ReadonlyMap<string, TarMember>;
  readonly descriptor: TarMember | undefined;
  readonly manifest: TarMember | undefined;
}

async function readMembers({ readAt, sizeBytes }: ImageSource): Promise<Ova> {
  const files = new Map<string, TarMember>();
  for await (const member of tarMembers(readAt, sizeBytes)) {
    if (member.isFile && !APPLE_DOUBLE.test(member.name)) files.set(member.name, member);
  }
  const ending = (suffix: RegExp) => [...files.values()].find(({ name }) => suffix.test(name));
  return { files, descriptor: ending(/\.ovf$/i), manifest: ending(/\.mf$/i) };
}

async function readText({ readAt }: ImageSource, member: TarMember | undefined): Promise<string> {
  if (member === undefined || member.sizeBytes > MAX_TEXT_BYTES) return '';
  return (await readAt(member.offset, member.sizeBytes)).toString('utf8');
}

/** The disks in it, in the order of their members. */
async function disks(source: ImageSource): Promise<readonly ContainedDisk[]> {
  const { files } = await readMembers(source);
  return [...files.values()]
    .filter(({ name }) => DISK_NAME.test(name))
    .map(({ name, offset, sizeBytes }) => ({ name, offset, sizeBytes }));
}

async function members(source: ImageSource): Promise<readonly Member[]> {
  const { files } = await readMembers(source);
  return [...files.values()].map(({ name, sizeBytes }) => {
    return { kind: 'file', name, sizeBytes, isDisk: DISK_NAME.test(name) };
  });
}

async function* checkDigests(source: ValidationSource, { files, manifest }: Ova): AsyncGenerator<Defect> {
  if (manifest === undefined) return;
  const lines = (await readText(source, manifest)).split(/\r?\n/).filter((line) => line.trim() !== '');
  for (const line of lines) {
    const [, named = '', name = '', hex = ''] = DIGEST_LINE.exec(line) ?? [];
    if (!Object.hasOwn(ALGORITHMS, named)) {
      yield damaged(`Its list of digests, ${quoted(manifest.name)}, has a line that cannot be understood.`);
      return;
    }
    const algorithm = ALGORITHMS[named as keyof typeof ALGORITHMS];
    const member = files.get(name.replace(/^\.\//, ''));
    if (member === undefined) {
      yield damaged(`Its list of digests names ${quoted(name)}, which is not in it.`);
    } else if (
      hex.length !== HEX_DIGITS[algorithm] ||
      (await source.hashOf(member, algorithm)) !== hex.toLowerCase()
    ) {
      yield damaged(`${quoted(name)} has not the digest that its list of digests says.`);
    }
  }
}

/** What the descriptor refers to has to be there, and as large as it says. */
async function* checkReferences(
  source: ValidationSource,
  { files, descriptor }: Ova,
): AsyncGenerator<Defect> {
  for (const [, attributes = ''] of (await readText(source, descriptor)).matchAll(FILE_ELEMENT)) {
    const href = attributeOf(attributes, 'href');
    if (href === undefined || /^[a-z]+:\/\//i.test(href)) continue;
    const member = files.get(href);
    if (member === undefined) {
      yield problem('NEEDS_OTHER_FILE', `Its descriptor names ${quoted(href)}, which is not in it.`);
      continue;
    }
    const size = attributeOf(attributes, 'size');
    if (size !== undefined && /^\d{1,15}$/.test(size) && Number(size) !== member.sizeBytes) {
      yield damaged(`${quoted(href)} has ${member.sizeBytes} bytes, and its descriptor says ${size}.`);
    }
  }
}

async function* validate(source: ValidationSource): AsyncGenerator<Defect> {
  const found = await readMembers(source);
  const beyond = [...found.files.values()].find(
    ({ offset, sizeBytes }) => offset + sizeBytes > source.sizeBytes,
  );
  if (beyond !== undefined) {
    yield incomplete(`${quoted(beyond.name)} in it goes on`);
    return;
  }
  yield* checkDigests(source, found);
  yield* checkReferences(source, found);
}

/** A virtual machine with its disks (DMTF DSP0243). */
export const ova: FileFormat = { name: 'ova', stage: 'archive', describe, validate, members, disks };
