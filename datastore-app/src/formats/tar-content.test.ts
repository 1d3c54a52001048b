// SPDX-License-Identifier: Apache-2.0
import { gzipSync } from 'node:zlib';
import { paxMember, tar, tarHeader } from '@local-datastore/shared/tar/testing/tar';
import { describe, expect, it } from 'vitest';
import { describeImage } from './describe-image.ts';
import type { FormatProblemCode, ImageFormat } from './image-description.ts';
import { GIB } from './testing/headers.ts';

const describeBytes = (content: Buffer) =>
  describeImage(async (offset, length) => content.subarray(offset, offset + length), content.length);

async function summaryOf(content: Buffer) {
  const { format, content: what, virtualSizeBytes, problems } = await describeBytes(content);
  return [format, what, virtualSizeBytes, ...problems.map(({ code }) => code)];
}

/** Of each: format, content, virtual size, and the codes of what is wrong. */
type Expected = readonly [ImageFormat, string, number | null, ...FormatProblemCode[]];
type Case = readonly [title: string, content: Buffer, expected: Expected];

const HEX = 'ab'.repeat(32);
const OCI_LAYOUT = { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' };
const MANIFEST = { name: 'manifest.json', content: '[{"Config":"a.json","Layers":["b/layer.tar"]}]' };
/** Reads an archive with a hole of so many bytes behind a header, which nobody has room for. */
function withHole(before: Buffer, holeBytes: number, after: Buffer) {
  const end = before.length + holeBytes;
  const readAt = async (offset: number, length: number) => {
    if (offset < before.length) return before.subarray(offset, offset + length);
    return offset < end ? Buffer.alloc(length) : after.subarray(offset - end, offset - end + length);
  };
  return describeImage(readAt, end + after.length);
}

describe('an archive', () => {
  it.each<Case>([
    ['an ova', tar({ name: 'app.ovf', content: '<E/>' }, { name: 'd.vmdk' }), ['ova', 'ova', null]],
    ['an ova of "tar c ."', tar({ name: './', type: '5' }, { name: './app.OVF' }), ['ova', 'ova', null]],
    ["an ova of macOS's tar", tar({ name: './._app.ovf' }, { name: './app.ovf' }), ['ova', 'ova', null]],
    [
      'an OCI layout',
      tar({ name: 'blobs/', type: '5' }, { ...OCI_LAYOUT, name: './oci-layout' }),
      ['container', 'container', null],
    ],
    [
      'of docker save',
      tar({ name: `${HEX}/layer.tar`, content: 'x' }, MANIFEST),
      ['container', 'container', null],
    ],
    ['of podman save', tar({ name: `${HEX}.tar`, content: 'x' }, MANIFEST), ['container', 'container', null]],
    [
      'behind a pax header',
      tar(paxMember({ path: 'oci-layout' }), { ...OCI_LAYOUT, name: 'x' }),
      ['container', 'container', null],
    ],
    [
      'behind a global one',
      tar(paxMember({ comment: 'a' }, 'g'), OCI_LAYOUT),
      ['container', 'container', null],
    ],
    [
      'a long name of GNU',
      tar({ name: 'L', type: 'L', content: 'manifest.json\0' }, { ...MANIFEST, name: 'x' }),
      ['container', 'container', null],
    ],
    [
      'compressed, by its name',
      gzipSync(tar({ name: `${HEX}.tar`, content: 'x' })),
      ['container', 'container', null],
    ],
    [
      'compressed, by its blobs',
      gzipSync(tar({ name: 'blobs/', type: '5' })),
      ['container', 'container', null],
    ],
    ['compressed, by its mark', gzipSync(tar(MANIFEST)), ['container', 'container', null]],
    [
      'another manifest.json',
      tar({ ...MANIFEST, content: '{"name":"page"}' }),
      ['raw', 'tar', null, 'NOT_AN_IMAGE'],
    ],
    ['a manifest.json of nothing', tar({ ...MANIFEST, content: '[]' }), ['raw', 'tar', null, 'NOT_AN_IMAGE']],
    [
      'a manifest.json in a folder',
      tar({ ...MANIFEST, name: 'a/manifest.json' }),
      ['raw', 'tar', null, 'NOT_AN_IMAGE'],
    ],
    ['another oci-layout', tar({ ...OCI_LAYOUT, content: 'x' }), ['raw', 'tar', null, 'NOT_AN_IMAGE']],
    ['a plain tar', tar({ name: 'readme' }, { name: 'app.ovf' }), ['raw', 'tar', null, 'NOT_AN_IMAGE']],
    [
      'a tar, cut',
      tar({ name: 'a', content: 'x'.repeat(2000) }).subarray(0, 1024),
      ['raw', 'tar', null, 'NOT_AN_IMAGE', 'INCOMPLETE'],
    ],
    [
      'an ova, cut',
      tar({ name: 'a.ovf', content: 'x'.repeat(2000) }).subarray(0, 1024),
      ['ova', 'ova', null, 'INCOMPLETE'],
    ],
    ['another gzip', gzipSync(tar({ name: 'readme' })), ['raw', 'gzip', null, 'COMPRESSED']],
    ['a tar whose header is not sound', tar({ name: 'a' }).fill('z', 124, 135), ['raw', 'raw', 2048 - 512]],
  ])('%s', async (_title, content, expected) => {
    expect(await summaryOf(content)).toEqual(expected);
  });

  it.each([
    ['in base-256', (size: number) => [tarHeader({ name: 'a', sizeField: base256(size) })]],
    [
      'in a pax header',
      (size: number) => [tar(paxMember({ size: String(size) })).subarray(0, 1024), tarHeader({ name: 'a' })],
    ],
  ])('of a container with a layer of 12 GiB, %s', async (_title, headers) => {
    const size = 12 * GIB;
    const description = await withHole(Buffer.concat(headers(size)), size, tar(MANIFEST));
    expect(description).toMatchObject({ format: 'container', problems: [] });
  });
});

function base256(value: number): Buffer {
  const field = Buffer.alloc(12);
  field[0] = 0x80;
  field.writeBigUInt64BE(BigInt(value), 4);
  return field;
}
