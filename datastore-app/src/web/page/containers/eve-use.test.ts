// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Manifest, Tag } from '../api/registry-answers.ts';
import { eveUseOf } from './eve-use.ts';

const HEX = 'ab'.repeat(32);
const tagOf = (kind: Tag['kind']): Tag => ({
  ...{ tag: '1', digest: `sha256:${HEX}`, mediaType: 'x', kind, sizeBytes: 1, platforms: [] },
  ...{ isReleased: false, isComplete: true },
});
const layerOf = (digest: string, title?: string) => ({
  ...{ mediaType: 'application/octet-stream', digest, size: 512 },
  ...(title !== undefined && { annotations: { 'org.opencontainers.image.title': title } }),
});
const DISK: Manifest = { layers: [layerOf(`sha256:${HEX}`, 'disk.qcow2')] };

describe('eveUseOf', () => {
  it.each(['image', 'index'] as const)('an %s is a container', (kind) => {
    expect(eveUseOf('lab/app', tagOf(kind), DISK)).toEqual({ kind: 'container' });
  });

  it.each([
    ['with its name', DISK, 'disk.qcow2'],
    ['without a name', { layers: [layerOf(`sha256:${HEX}`)] }, undefined],
  ])('a disk is a flat file, %s', (_, manifest, fileName) => {
    expect(eveUseOf('lab/disk', tagOf('artifact'), manifest)).toEqual({
      ...{ kind: 'flat-file', sha256: HEX, sizeBytes: 512, fileName },
      path: `v2/lab/disk/blobs/sha256:${HEX}`,
    });
  });

  it.each<[string, Manifest | undefined, RegExp]>([
    ['without a manifest', undefined, /no file/],
    ['without layers', { layers: [] }, /no file/],
    ['of two layers', { layers: [...(DISK.layers ?? []), layerOf('sha256:cd')] }, /2 layers/],
    ['of sha512', { layers: [layerOf(`sha512:${HEX}${HEX}`)] }, /sha256 alone/],
  ])('an artifact %s is none', (_, manifest, reason) => {
    expect(eveUseOf('lab/x', tagOf('artifact'), manifest)).toEqual({
      kind: 'unusable',
      reason: expect.stringMatching(reason),
    });
  });
});
