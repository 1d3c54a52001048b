// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { ServiceInstance } from '../discovery/service-cache.ts';
import { createNeighbours, registriesOf } from './neighbours.ts';

const bridge = { name: 'bn1', address: '10.1.0.1', cidr: '10.1.0.1/24' } as ServiceInstance['bridge'];
const instance = (more: Partial<ServiceInstance>): ServiceInstance => ({
  ...{ bridge, instanceName: 'a', service: 'http', hostName: 'a.local', addresses: ['10.1.0.5'] },
  ...{ port: 80, txt: [], ...more },
});

describe('where registries may be', () => {
  it.each<[string, Partial<ServiceInstance>, boolean, string[]]>([
    ['at the port that is said', { port: 8080 }, false, ['http://a.local:8080/']],
    ['at the default port', {}, false, ['http://a.local/']],
    [
      'where a workstation is, at no port of its own',
      { service: 'workstation', port: 9 },
      false,
      ['http://a.local/'],
    ],
    ['over https', { service: 'https', port: 443 }, true, ['https://a.local/']],
    ['not by the other scheme', { service: 'https', port: 443 }, false, []],
    ['not by the other scheme', {}, true, []],
    ['nowhere without an address', { addresses: [] }, false, []],
    ['nowhere without a host', { hostName: null }, false, []],
    ['nowhere outside', { hostName: 'registry.example' }, false, []],
    ['nowhere that is no host', { hostName: 'a.local/x@b.local' }, false, []],
  ])('%s: %j', (_title, more, isTls, expected) => {
    expect(registriesOf([instance(more)], isTls).map(({ href }) => href)).toEqual(expected);
  });

  it('each once, in one order, and no more than can be asked', () => {
    const many = Array.from({ length: 40 }, (_, i) => instance({ hostName: `H${i % 20}.local` }));
    const found = registriesOf(many, false).map(({ host }) => host);
    expect(found).toHaveLength(16);
    expect(found).toEqual([...new Set(found)].sort());
  });
});

it('listens again after a while, and goes on with what it knows meanwhile', async () => {
  let nowMs = 0;
  let rounds = 0;
  let hosts = ['a.local'];
  let fails = false;
  const neighbours = createNeighbours(
    async () => {
      rounds += 1;
      if (fails) throw new Error('no bridge');
      return hosts.map((hostName) => instance({ hostName }));
    },
    false,
    () => nowMs,
  );
  const list = async () => (await neighbours.list()).map(({ host }) => host);
  expect(await Promise.all([list(), list()])).toEqual([['a.local'], ['a.local']]);
  expect(rounds).toBe(1);
  hosts = ['b.local'];
  nowMs = 19_000;
  expect(await list()).toEqual(['a.local']);
  nowMs = 21_000;
  expect(await list()).toEqual(['a.local']);
  await new Promise(setImmediate);
  expect(await list()).toEqual(['b.local']);
  expect(rounds).toBe(2);
  fails = true;
  nowMs = 50_000;
  expect(await list()).toEqual(['b.local']);
  await new Promise(setImmediate);
  fails = false;
  hosts = [];
  await list();
  await new Promise(setImmediate);
  expect(await list()).toEqual([]);
});
