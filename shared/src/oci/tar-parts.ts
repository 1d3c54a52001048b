// SPDX-License-Identifier: Apache-2.0
import type { OciDigest } from './digest.ts';

/** A file of an archive that is to be made. */
export interface TarFile {
  /** ASCII. */
  readonly name: string;
  readonly content: TarContent;
}

export type TarContent =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** Kept elsewhere, by its digest. */
  | { readonly kind: 'blob'; readonly digest: OciDigest; readonly sizeBytes: number };

const BLOCK_BYTES = 512;
const MAX_NAME_BYTES = 100;
/** What eleven octal digits say: one byte less than 8 GiB. */
const MAX_SIZE_BYTES = 8 ** 11 - 1;

const sizeOf = (content: TarContent) => (content.kind === 'bytes' ? content.bytes.length : content.sizeBytes);

/** What fills the last block of a file. */
export const tarPadding = (sizeBytes: number): Buffer =>
  Buffer.alloc((BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES);

function block(name: string, sizeBytes: number, type: string): Buffer {
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(name, 0, MAX_NAME_BYTES, 'latin1');
  header.write(octal(0o644, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(Math.min(sizeBytes, MAX_SIZE_BYTES), 11), 124);
  header.write(octal(0, 11), 136);
  header.write(' '.repeat(8), 148);
  header.write(`${type}`, 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** `25 path=a/b\n`: the length counts its own digits. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}

/**
 * The header of a file (POSIX.1-2001 pax, "ustar Interchange Format"), with a pax header where it does not suffice.
 *
 * @param name ASCII
 */
export function tarFileHeader(name: string, sizeBytes: number): Buffer {
  const records = [
    name.length > MAX_NAME_BYTES ? paxRecord('path', name) : '',
    sizeBytes > MAX_SIZE_BYTES ? paxRecord('size', String(sizeBytes)) : '',
  ].join('');
  const header = block(name, sizeBytes, '0');
  if (records === '') return header;
  const content = Buffer.from(records, 'latin1');
  return Buffer.concat([
    block('PaxHeaders/file', content.length, 'x'),
    content,
    tarPadding(content.length),
    header,
  ]);
}

/**
 * A tar of these files as what it is made of, one part after another. The same files give the same bytes: they
 * belong to root, and are as old as 1970.
 */
export function tarParts(files: readonly TarFile[]): TarContent[] {
  const parts: TarContent[] = [];
  let pending: Buffer[] = [];
  const flush = () => {
    if (pending.length > 0) parts.push({ kind: 'bytes', bytes: Buffer.concat(pending) });
    pending = [];
  };
  for (const { name, content } of files) {
    const sizeBytes = sizeOf(content);
    pending.push(tarFileHeader(name, sizeBytes));
    if (content.kind === 'bytes') pending.push(content.bytes);
    else {
      flush();
      parts.push(content);
    }
    pending.push(tarPadding(sizeBytes));
  }
  pending.push(Buffer.alloc(2 * BLOCK_BYTES));
  flush();
  return parts;
}

/** How long a tar of these parts is. */
export const totalBytes = (parts: readonly TarContent[]): number =>
  parts.reduce((total, part) => total + sizeOf(part), 0);
