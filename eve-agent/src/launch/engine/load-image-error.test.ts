// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { IMAGE_STREAM_ERROR_CODES } from '../image-stream/image-stream-error.ts';
import { LOAD_IMAGE_ERROR_CODES } from './load-image-error.ts';

it('the manual says of each code what it means, and of no other', () => {
  const page = readFileSync(new URL('../../../docs/image-archives.md', import.meta.url), 'utf8');
  const told = Array.from(page.matchAll(/^\| `([A-Z_]+)` \| /gm), ([, code]) => code);
  expect(told.toSorted()).toEqual([...IMAGE_STREAM_ERROR_CODES, ...LOAD_IMAGE_ERROR_CODES].toSorted());
});
