// SPDX-License-Identifier: Apache-2.0
import { octal, paxMember, type TestMember, tar, tarHeader } from '@local-datastore/shared/tar/testing/tar';
import { describe, expect, it } from 'vitest';
import { type TarEnd, type TarMember, tarMembers } from './tar-members.ts';

type Seen = TarMember & { readonly flaw: TarEnd['flaw'] };

async function membersOf(content: Buffer): Promise<{ members: Seen[]; end: TarEnd }> {
  const readAt = async (offset: number, length: number) => content.subarray(offset, offset + length);
  const found = tarMembers(readAt, content.length);
  const members: Seen[] = [];
  for (;;) {
    const next = await found.next();
    if (next.done) return { members, end: next.value };
    members.push(next.value);
  }
}

const FILE = { name: 'a.img', content: 'abc' };
const NEXT = { name: 'b.img', content: 'de' };
const SEEN_NEXT = { name: 'b.img', sizeBytes: 2, isFile: true, flaw: null };
/** Looked at as a header, it would be none. */
const BODY = 'z'.repeat(600);
const SIZED = octal(600);

describe('the members of a tar', () => {
  it.each<[string, readonly TestMember[], readonly Partial<Seen>[]]>([
    [
      'a file',
      [FILE],
      [{ name: 'a.img', offset: 512, sizeBytes: 3, type: '0', isFile: true, isSparse: false }],
    ],
    ['a file of before POSIX', [{ ...FILE, type: '\0' }], [{ type: '0', isFile: true }]],
    ['a contiguous file', [{ ...FILE, type: '7' }], [{ type: '7', isFile: true }]],
    ['a name below a dot', [{ ...FILE, name: './/./a.img' }], [{ name: 'a.img' }]],
    ['a folder', [{ name: 'd/', type: '5' }], [{ name: 'd/', type: '5', isFile: false, sizeBytes: 0 }]],
    [
      'a hard link',
      [{ name: 'l', type: '1', linkName: './a' }],
      [{ link: { isSymbolic: false, target: 'a' } }],
    ],
    [
      'a symlink',
      [{ name: 'l', type: '2', linkName: '../a' }],
      [{ link: { isSymbolic: true, target: '../a' } }],
    ],
    ...(['1', '2', '3', '4', '5', '6'] as const).map(
      (type): [string, readonly TestMember[], readonly Partial<Seen>[]] => [
        `nothing behind type ${type}, whatever size it tells`,
        [{ name: 'x', type, sizeField: SIZED }, NEXT],
        [{ type, sizeBytes: 0 }, SEEN_NEXT],
      ],
    ),
    [
      'a size in eleven bytes',
      [{ name: 'a', content: BODY, sizeField: Buffer.from('800000000000000000000258', 'hex') }, NEXT],
      [{ sizeBytes: 600 }, SEEN_NEXT],
    ],
    [
      'what a pax header tells of the next alone',
      [paxMember({ path: 'long', size: '600' }), { name: 'x', content: BODY, sizeField: octal(0) }, NEXT],
      [{ name: 'long', sizeBytes: 600 }, SEEN_NEXT],
    ],
    [
      'what is told of all, to nobody',
      [paxMember({ path: 'all', size: '600', comment: 'c' }, 'g'), FILE],
      [{ name: 'a.img', sizeBytes: 3 }],
    ],
    [
      'a value with a line break that looks like a record',
      [paxMember({ comment: 'a\n12 size=600\n' }), FILE, NEXT],
      [{ sizeBytes: 3 }, SEEN_NEXT],
    ],
    [
      'a path behind attributes of 900 KiB',
      [paxMember({ 'SCHILY.xattr.icon': 'a'.repeat(900 * 1024), path: 'long' }), FILE, NEXT],
      [{ name: 'long', flaw: null }, SEEN_NEXT],
    ],
    [
      "GNU's long name and long link",
      [
        { name: '././@LongLink', type: 'L', content: `${'n'.repeat(300)}\0` },
        { name: '././@LongLink', type: 'K', content: `${'t'.repeat(300)}\0` },
        { name: 'n', type: '2', linkName: 't' },
      ],
      [{ name: 'n'.repeat(300), link: { isSymbolic: true, target: 't'.repeat(300) } }],
    ],
    ["holes in GNU's old way", [{ ...FILE, type: 'S' }], [{ isFile: false, isSparse: true, type: 'S' }]],
    [
      'holes in the way of POSIX',
      [paxMember({ 'GNU.sparse.major': '1', 'GNU.sparse.realsize': '9' }), FILE],
      [{ isFile: true, isSparse: true }],
    ],
    [
      'attributes without end, and the member all the same',
      [paxMember(Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`A.${i}`, 'x']))), FILE, NEXT],
      [{ name: 'a.img', flaw: 'unsound-attributes' }, SEEN_NEXT],
    ],
    [
      'a damaged attribute',
      [{ name: 'x', type: 'x', content: '00000000000000000000 a=b\n' }, FILE, NEXT],
      [{ name: 'a.img', flaw: 'unsound-attributes' }, SEEN_NEXT],
    ],
    [
      'a description of more than a MiB',
      [paxMember({ icon: 'a'.repeat(1024 * 1024) }), FILE, NEXT],
      [{ name: 'a.img', flaw: 'large-description' }, SEEN_NEXT],
    ],
  ])('%s', async (_, members, expected) => {
    const content = tar(...members);
    const { members: seen, end } = await membersOf(content);
    expect(seen).toMatchObject(expected);
    expect(seen).toHaveLength(expected.length);
    expect(end).toMatchObject({ isCut: false, flaw: null });
    expect(content.subarray(end.end)).toSatisfy((rest: Buffer) => rest.every((byte) => byte === 0));
  });

  it.each<[string, Buffer, Partial<TarEnd>]>([
    ['nothing', Buffer.alloc(0), { end: 0, flaw: null }],
    ['what is no tar', Buffer.alloc(2000, 'x'), { end: 0, flaw: null }],
    ['a header whose checksum is wrong', Buffer.from(tar(FILE)).fill('y', 0, 3), { end: 0, flaw: null }],
    ['a size that is none', tar({ ...FILE, sizeField: '12x456789ab\0' }), { end: 0, flaw: 'no-size' }],
    ['a size beyond all', tarHeader({ name: 'a', sizeField: Buffer.alloc(12, 0xff) }), { flaw: 'no-size' }],
    [
      'headers of headers without end',
      tar(...Array.from({ length: 20 }, () => paxMember({ a: 'b' }))),
      { flaw: null },
    ],
  ])('end at %s', async (_, content, expected) => {
    const { members, end } = await membersOf(content);
    expect(members).toEqual([]);
    expect(end).toMatchObject(expected);
  });
});
