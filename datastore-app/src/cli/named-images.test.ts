// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { findImage } from './named-images.ts';

const PATHS = [
  'linux/disk.qcow2',
  'linux/disk.qcow2.old',
  'win/Setup.iso',
  'mac/setup.iso',
  'a',
  'a/b',
  'oci:lab/x:1',
];
const find = async (word: string) => {
  const notices: string[] = [];
  const read = async () => ({ images: PATHS.map((path) => ({ path })) }) as never;
  const path = await findImage({ read }, word, (notice) => notices.push(notice));
  return [path, ...notices];
};

it.each([
  ['a path', 'linux/disk.qcow2', ['linux/disk.qcow2']],
  ['a path that others begin with', 'a', ['a']],
  ['a name without its folder', 'disk.qcow2', ['linux/disk.qcow2', '"disk.qcow2" is linux/disk.qcow2']],
  ['a name by its case', 'Setup.iso', ['win/Setup.iso', '"Setup.iso" is win/Setup.iso']],
  ['the beginning of a path', 'win/S', ['win/Setup.iso', '"win/S" is win/Setup.iso']],
  ['the beginning of a name', 'set', ['mac/setup.iso', '"set" is mac/setup.iso']],
  ['what is not there', 'none.img', ['none.img']],
])('%s', async (_title, word, found) => {
  expect(await find(word)).toEqual(found);
});

it('what begins several images is refused, and they are told', async () => {
  await expect(find('linux/d')).rejects.toThrow(
    '"linux/d" is the beginning of several images: linux/disk.qcow2, linux/disk.qcow2.old',
  );
});
