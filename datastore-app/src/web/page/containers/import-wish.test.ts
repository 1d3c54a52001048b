// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { importWish } from './import-wish.ts';

const EMPTY = { source: '', name: '', platforms: '', isInsecure: false };

it.each([
  [{ source: 'registry.example/lab/app:1' }, { source: 'docker://registry.example/lab/app:1' }],
  [{ source: ' docker://registry.example/app ' }, { source: 'docker://registry.example/app' }],
  [{ source: 'docker pull nginx:1.29' }, { source: 'docker://nginx:1.29' }],
  [{ source: 'oci:folder://x' }, { source: 'oci:folder://x' }],
  [
    { source: 'a/b', name: ' lab/b:2 ' },
    { source: 'docker://a/b', as: 'lab/b:2' },
  ],
  [
    { source: 'a/b', platforms: 'linux/amd64, linux/arm64 linux/arm/v7' },
    { source: 'docker://a/b', platforms: ['linux/amd64', 'linux/arm64', 'linux/arm/v7'] },
  ],
  [
    { source: 'a/b', isInsecure: true },
    { source: 'docker://a/b', insecure: true },
  ],
])('%j asks for %j', (fields, wish) => {
  expect(importWish({ ...EMPTY, ...fields })).toEqual(wish);
});
