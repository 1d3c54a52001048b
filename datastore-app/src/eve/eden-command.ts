// SPDX-License-Identifier: Apache-2.0
import type { ImageFormat } from '../formats/image-description.ts';

/** What `eden volume create --format` takes; without it eden takes every file for qcow2. */
const EDEN_FORMATS: Partial<Record<ImageFormat, string>> = {
  raw: 'raw',
  qcow: 'qcow',
  qcow2: 'qcow2',
  vmdk: 'vmdk',
  vhdx: 'vhdx',
  iso: 'iso',
  container: 'oci',
};

/** Whether eden has a name for this format. */
export const isEdenFormat = (format: ImageFormat): boolean => EDEN_FORMATS[format] !== undefined;

/** Quotes a word for a POSIX shell where it needs that. */
export function shellWord(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./[\]-]+$/.test(word) && !word.includes('[')
    ? word
    : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A volume's name: what is safe in a file name and in eden's tables. */
export function volumeNameOf(path: string): string {
  const fileName = path.split('/').at(-1) ?? path;
  const name = fileName
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 63);
  return name === '' ? 'image' : name;
}

export interface EdenCommandInput {
  /** Where eden itself reaches the image: it reads size and sha256 there. */
  readonly url: string;
  /** Where the device finds the datastore. */
  readonly fqdn: string;
  readonly path: string;
  readonly format: ImageFormat;
}

/** `eden volume create` for an image, as a line for a shell. */
export function edenCommandOf({ url, fqdn, path, format }: EdenCommandInput): string {
  const edenFormat = EDEN_FORMATS[format];
  return [
    'eden volume create',
    shellWord(url),
    `--datastoreOverride=${shellWord(fqdn)}`,
    ...(edenFormat === undefined ? [] : [`--format=${edenFormat}`]),
    `-n ${shellWord(volumeNameOf(path))}`,
  ].join(' ');
}
