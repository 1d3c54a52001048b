// SPDX-License-Identifier: Apache-2.0
import type { ImageFormat } from '../formats/image-description.ts';
import type { Image } from '../images/catalogue.ts';
import type { EveWarning } from './settings-document.ts';

/** What the warnings about an image are made of. */
export type JudgedImage = Pick<Image, 'path' | 'format' | 'content' | 'problems'>;

/** What EVE has in its `Format`, and yet cannot start from a plain file. */
const UNUSABLE_FORMATS: Partial<Record<ImageFormat, string>> = {
  vhd: 'EVE reads an image\'s format with qemu-img, which calls VHD "vpc": EVE does not know that word. Convert it: qemu-img convert -O qcow2.',
  ova: 'EVE has a word for OVA, but does not unpack it. Extract the disk (tar -xf), and offer that.',
  container:
    'EVE takes containers apart as a registry serves them. A container archive over HTTP is stored, but not launched.',
};

const COMPRESSED_NAME = /\.(?:gz|tgz|xz|txz|bz2|zst|lz4|zip|7z)$/i;

/** What names say of the content, which alone decides. `.img` and other names say nothing. */
const FORMATS_OF_SUFFIX: Readonly<Record<string, readonly ImageFormat[]>> = {
  raw: ['raw'],
  qcow: ['qcow', 'qcow2'],
  qcow2: ['qcow2'],
  vhd: ['vhd'],
  vmdk: ['vmdk'],
  ova: ['ova'],
  vhdx: ['vhdx'],
  iso: ['iso'],
};
/** Names by which a disk is expected, where a hybrid is both. */
const DISK_SUFFIX = /\.(?:img|raw|bin|dd|usb)$/i;
const HYBRID = 'hybrid-iso';

/** The suffix of a name, in lower case, where it says another format than the content has. */
function contradictingSuffix({ path, format, content }: JudgedImage): string | undefined {
  const suffix = /[^/]\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
  // What such a name leads to expect is the disk that a hybrid is too.
  if (content === HYBRID && suffix === 'raw') return undefined;
  const isContradicted =
    Object.hasOwn(FORMATS_OF_SUFFIX, suffix) && FORMATS_OF_SUFFIX[suffix]?.includes(format) === false;
  return isContradicted ? suffix : undefined;
}

/** What keeps EVE from using an image, whatever datastore and device: by its content, and what its name says of it. */
export function* imageWarnings(image: JudgedImage): Generator<EveWarning> {
  const { path, format, content, problems } = image;
  yield* problems;
  const suffix = contradictingSuffix(image);
  if (suffix !== undefined) {
    const what = content === format ? format : `${content} (${format} to EVE)`;
    yield {
      code: 'NAME_CONTRADICTS_FORMAT',
      message: `The name ends in ".${suffix}", but the content is ${what}, and the format here is that of the content. If it was meant to be ${suffix}, another file has come in its place: upload the right one. Otherwise rename it.`,
    };
  }
  const unusable = UNUSABLE_FORMATS[format];
  if (unusable !== undefined) yield { code: 'FORMAT_NOT_USABLE', message: unusable };
  if (content === HYBRID && DISK_SUFFIX.test(path)) {
    yield {
      code: 'HYBRID_ISO',
      message:
        'It is a hybrid: an installation medium that is both a CD (ISO) and a disk. As ISO the guest gets a CD drive; to give it a disk, register it as RAW.',
    };
  }
  if (format === 'raw' && problems.length === 0 && COMPRESSED_NAME.test(path)) {
    yield {
      code: 'COMPRESSED',
      message:
        'The name says that the file is compressed. EVE has no such format, and would take it for a raw disk: unpack it first.',
    };
  }
}
