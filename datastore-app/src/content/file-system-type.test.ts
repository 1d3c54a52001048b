// SPDX-License-Identifier: Apache-2.0
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { areInodesPermanent, deviceText, fileSystemType, isLocal } from './file-system-type.ts';

const MOUNT_INFO = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:25 / /dev/shm rw,nosuid - tmpfs tmpfs rw
41 22 7:0 / /media/USB\\040stick rw,relatime shared:7 master:2 - fuseblk /dev/loop0 rw,user_id=0
`;

it.each([
  [0xfe00n, '254:0'],
  [0x19n, '0:25'],
  [0x700n, '7:0'],
  // makedev(4096, 256)
  [(0x1000n << 32n) | (0x100n << 12n), '4096:256'],
])('reads the device number %i', (device, text) => {
  expect(deviceText(device)).toBe(text);
});

it.each([
  [0xfe00n, 'ext4'],
  [0x19n, 'tmpfs'],
  [0x700n, 'fuseblk'],
  [0x701n, undefined],
])('finds the type of %i', (device, type) => {
  expect(fileSystemType(MOUNT_INFO, device)).toBe(type);
});

it('takes the inodes of an ordinary folder for permanent', async () => {
  expect(await areInodesPermanent(tmpdir())).toBe(true);
});

it('takes an ordinary folder for one that only this machine writes to', async () => {
  expect(await isLocal(tmpdir())).toBe(true);
});
