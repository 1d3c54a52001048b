import { expect, it } from 'vitest';
import { mountsBelow } from './root-identity.ts';

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
