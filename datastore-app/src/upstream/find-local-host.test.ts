// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { NetworkLink } from '../advertise/network-links.ts';
import { addressIn, createLocalHostFinder } from './find-local-host.ts';

const link = (name: string, isLoopback = false): NetworkLink => ({
  ...{ name, address: `10.1.0.${name.length}`, cidrs: [], mac: '', isLoopback, index: undefined },
});
const LINKS = [link('lo', true), link('eth0'), link('eth10')];

type Ask = NonNullable<Parameters<typeof createLocalHostFinder>[0]['ask']>;

function scene(ask: (linkName: string, hostName: string) => ReturnType<Ask>) {
  let nowMs = 0;
  const asked: string[] = [];
  const find = createLocalHostFinder({
    links: () => LINKS,
    nowMs: () => nowMs,
    ask(where, _links, hostName) {
      asked.push(`${where.name} ${hostName}`);
      return ask(where.name, hostName);
    },
  });
  return { find, asked, pass: (ms: number) => (nowMs += ms) };
}

it('asks on every link that leads somewhere, and takes the first answer', async () => {
  const { find, asked } = scene(async (name) =>
    name === 'eth10' ? { address: '10.1.0.7', ttlSeconds: 120 } : undefined,
  );
  expect(await find('DS-B.local')).toBe('10.1.0.7');
  expect(asked).toEqual(['eth0 ds-b.local', 'eth10 ds-b.local']);
});

it('asks once for all who want to know, and again when the answer is old', async () => {
  let address = '10.1.0.7';
  const { find, asked, pass } = scene(async () => ({ address, ttlSeconds: 120 }));
  expect(await Promise.all([find('a.local'), find('a.local')])).toEqual(['10.1.0.7', '10.1.0.7']);
  expect(asked).toHaveLength(2);
  address = '10.1.0.8';
  pass(59_999);
  expect(await find('a.local')).toBe('10.1.0.7');
  pass(1);
  expect(await find('a.local')).toBe('10.1.0.8');
});

it('asks again where the answer is doubted', async () => {
  let address = '10.1.0.7';
  const { find } = scene(async () => ({ address, ttlSeconds: 120 }));
  await find('a.local');
  address = '10.1.0.8';
  expect(await find('a.local', { isFresh: false })).toBe('10.1.0.7');
  expect(await find('a.local', { isFresh: true })).toBe('10.1.0.8');
  expect(await find('a.local')).toBe('10.1.0.8');
});

it('knows no longer than the answer says', async () => {
  const { find, asked, pass } = scene(async () => ({ address: '10.1.0.7', ttlSeconds: 10 }));
  await find('a.local');
  pass(10_000);
  await find('a.local');
  expect(asked).toHaveLength(4);
});

it('finds nobody where nobody answers, and does not remember that', async () => {
  const { find, asked } = scene(async () => undefined);
  expect(await find('a.local')).toBeUndefined();
  expect(await find('a.local')).toBeUndefined();
  expect(asked).toHaveLength(4);
});

it.each([
  ['an answer', { answers: [{ name: 'A.local', type: 'A', ttl: 120, data: '10.1.0.7' }] }, '10.1.0.7'],
  [
    'an additional record',
    { additionals: [{ name: 'a.local', type: 'A', ttl: 120, data: '10.1.0.7' }] },
    '10.1.0.7',
  ],
  ['another host', { answers: [{ name: 'b.local', type: 'A', ttl: 120, data: '10.1.0.7' }] }, undefined],
  ['another type', { answers: [{ name: 'a.local', type: 'AAAA', ttl: 120, data: '::1' }] }, undefined],
  ['a goodbye', { answers: [{ name: 'a.local', type: 'A', ttl: 0, data: '10.1.0.7' }] }, undefined],
  ['nothing', {}, undefined],
])('reads %s', (_title, packet, address) => {
  expect(addressIn(packet as Parameters<typeof addressIn>[0], 'a.local')?.address).toBe(address);
});
