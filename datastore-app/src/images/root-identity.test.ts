// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createRootIdentity, mountsBelow } from './root-identity.ts';

const line = (point: string) => `36 35 98:0 / ${point} rw,noatime shared:1 - ext4 /dev/sda1 rw`;

it.each([
  ['/srv/images', '/srv/images', true],
  ['/srv/images', '/srv/images/nfs', true],
  ['/srv/images', '/srv/images-too', false],
  ['/srv/images', '/srv', false],
  ['/srv/images', '/', false],
  ['/', '/srv', true],
  ['/srv/my images', '/srv/my\\040images/a', true],
  ['/srv/a\\b', '/srv/a\\134b', true],
])('root %s: a mount at %s counts: %s', (root, point, counts) => {
  const text = `${line('/proc')}\n${line(point)}\n`;
  expect(mountsBelow(text, root).includes(line(point))).toBe(counts);
});

it('is another one for another folder, and the same while nothing changes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'root-identity-'));
  const root = join(folder, 'root');
  await mkdir(root);
  const identity = createRootIdentity(root);
  const first = await identity();
  expect(await identity()).toBe(first);
  await rename(root, join(folder, 'before'));
  await expect(identity()).rejects.toMatchObject({ code: 'ENOENT' });
  await mkdir(root);
  const second = await identity();
  expect(second).not.toBe(first);
  expect(await identity()).toBe(second);
  await rm(folder, { recursive: true });
});
