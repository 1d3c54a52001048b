// SPDX-License-Identifier: Apache-2.0
/** Tar archives, made by hand for tests. */
import { TAR_BLOCK_BYTES } from '../tar-header.ts';

export interface TestMember {
  readonly name: string;
  readonly content?: Buffer | string;
  readonly type?: string;
  /** What a link leads to. */
  readonly linkName?: string;
  /** What the size field holds, where it is not the content's size in octal digits. */
  readonly sizeField?: Buffer | string;
}

export const octal = (value: number) => `${value.toString(8).padStart(11, '0')}\0`;

export function tarHeader({ name, type = '0', linkName = '', sizeField = octal(0) }: TestMember): Buffer {
  const block = Buffer.alloc(TAR_BLOCK_BYTES);
  const put = (at: number, piece: Buffer | string) =>
    (typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece).copy(block, at);
  put(0, Buffer.from(name));
  put(100, '0000644\0');
  put(124, sizeField);
  put(136, octal(0));
  put(148, ' '.repeat(8));
  put(156, type);
  put(157, Buffer.from(linkName));
  put(257, 'ustar\u000000');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** One member, filled up to a whole block. */
export function tarMember({ content = '', ...member }: TestMember): Buffer {
  const bytes = Buffer.from(content);
  const padding = Buffer.alloc(-bytes.length & (TAR_BLOCK_BYTES - 1));
  return Buffer.concat([tarHeader({ sizeField: octal(bytes.length), ...member }), bytes, padding]);
}

export const tar = (...members: readonly TestMember[]): Buffer =>
  Buffer.concat([...members.map(tarMember), Buffer.alloc(2 * TAR_BLOCK_BYTES)]);

/** A pax header with these records, which describes the member that follows. */
export function paxMember(records: Readonly<Record<string, string>>, type = 'x'): TestMember {
  const content = Object.entries(records)
    .map(([key, value]) => {
      const rest = Buffer.byteLength(` ${key}=${value}\n`);
      let length = rest + 1;
      while (String(length).length + rest !== length) length = String(length).length + rest;
      return `${length} ${key}=${value}\n`;
    })
    .join('');
  return { name: 'PaxHeaders/x', type, content };
}
