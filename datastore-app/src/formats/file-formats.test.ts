// SPDX-License-Identifier: Apache-2.0
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { FILE_FORMAT_NAMES } from './file-format.ts';
import { FILE_FORMATS, fileFormatOf } from './file-formats.ts';

const KINDS = new URL('./kinds/', import.meta.url);

it.each(readdirSync(KINDS).filter((name) => !name.endsWith('.test.ts')))(
  'has the format of kinds/%s in its list',
  async (name) => {
    const exported = Object.values(await import(/* @vite-ignore */ new URL(name, KINDS).href));
    expect(exported).toHaveLength(1);
    expect(FILE_FORMATS).toContain(exported[0]);
  },
);

it('has a format of every name', () => {
  expect(FILE_FORMAT_NAMES.map((name) => fileFormatOf(name).name)).toEqual([...FILE_FORMAT_NAMES]);
});
