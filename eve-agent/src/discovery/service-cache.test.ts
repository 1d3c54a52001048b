// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { Bridge } from './bridges.ts';
import type { DnsRecord } from './dns-message.ts';
import { createServiceCache } from './service-cache.ts';

const BN1: Bridge = { name: 'bn1', address: '10.1.0.1', cidr: '10.1.0.1/24' };
const BN2: Bridge = { name: 'bn2', address: '10.2.0.1', cidr: '10.2.0.1/24' };
const HTTP = '_http._tcp.local';

const common = { class: 'IN', ttl: 4500 } as const;
const ptr = (name: string, data: string): DnsRecord => ({ ...common, name, type: 'PTR', data });
const srv = (name: string, target: string, port = 80): DnsRecord => ({
  ...common,
  name,
  type: 'SRV',
  data: { target, port },
});
const txt = (name: string, ...strings: string[]): DnsRecord => ({
  ...common,
  name,
  type: 'TXT',
  data: strings.map((each) => Buffer.from(each)),
});
const a = (name: string, data: string): DnsRecord => ({ ...common, name, type: 'A', data });
const goodbye = (record: DnsRecord): DnsRecord => ({ ...record, ttl: 0 }) as DnsRecord;

function cacheWith(...answers: DnsRecord[]) {
  const cache = createServiceCache([BN1, BN2], ['workstation', 'http', 'https']);
  const add = (bridge: Bridge, ...more: DnsRecord[]) =>
    cache.add({ bridge, source: '10.1.0.5', message: { type: 'response', answers: more } });
  add(BN1, ...answers);
  return { ...cache, hear: add };
}

const WHOLE = [
  ptr(HTTP, `ds.${HTTP}`),
  srv(`ds.${HTTP}`, 'ds.local'),
  txt(`ds.${HTTP}`, 'path=/', ''),
  a('ds.local', '10.1.0.5'),
];

test('a whole instance is known from one message', () => {
  const cache = cacheWith(...WHOLE);
  expect(cache.instances()).toEqual([
    {
      bridge: BN1,
      instanceName: 'ds',
      service: 'http',
      hostName: 'ds.local',
      addresses: ['10.1.0.5'],
      port: 80,
      txt: ['path=/'],
    },
  ]);
  expect(cache.missing(BN1)).toEqual([]);
});

test('the order is that of the bridges, of EVE’s services, and of the names', () => {
  const cache = cacheWith(
    ptr('_https._tcp.local', 'b._https._tcp.local'),
    ptr(HTTP, `b.${HTTP}`),
    ptr(HTTP, `a.${HTTP}`),
    ptr('_workstation._tcp.local', 'z._workstation._tcp.local'),
  );
  cache.hear(BN2, ptr('_workstation._tcp.local', 'a._workstation._tcp.local'));
  const rows = cache
    .instances()
    .map(({ bridge, service, instanceName }) => `${bridge.name} ${service} ${instanceName}`);
  expect(rows).toEqual(['bn1 workstation z', 'bn1 http a', 'bn1 http b', 'bn1 https b', 'bn2 workstation a']);
});

describe('addresses', () => {
  test('of another link are not taken', () => {
    const cache = cacheWith(...WHOLE, a('ds.local', '10.2.0.5'));
    expect(cache.instances()[0]?.addresses).toEqual(['10.1.0.5']);
  });
  test('heard on another bridge stay there', () => {
    const cache = cacheWith(...WHOLE.slice(0, 3));
    cache.hear(BN2, a('ds.local', '10.2.0.5'));
    expect(cache.instances()[0]?.addresses).toEqual([]);
  });
});

describe('a goodbye', () => {
  test('of the pointer takes the instance away', () => {
    const cache = cacheWith(...WHOLE);
    cache.hear(BN1, goodbye(ptr(HTTP, `DS.${HTTP}`)));
    expect(cache.instances()).toEqual([]);
  });
  test('of the address takes the address away', () => {
    const cache = cacheWith(...WHOLE);
    cache.hear(BN1, goodbye(a('ds.local', '10.1.0.5')));
    expect(cache.instances()[0]?.addresses).toEqual([]);
  });
});

describe('what is missing', () => {
  test('is asked for', () => {
    const cache = cacheWith(ptr(HTTP, `a.${HTTP}`), ...WHOLE.slice(0, 3));
    expect(cache.missing(BN1)).toEqual([
      { name: `a.${HTTP}`, type: 'SRV' },
      { name: `a.${HTTP}`, type: 'TXT' },
      { name: 'ds.local', type: 'A' },
    ]);
    expect(cache.missing(BN2)).toEqual([]);
  });
  test('is not asked for under a name that cannot be written again', () => {
    const cache = cacheWith(
      ptr(HTTP, `v1.2.${HTTP}`),
      ptr(HTTP, `\ufffd.${HTTP}`),
      srv(`b.${HTTP}`, 'x..local'),
    );
    expect(cache.missing(BN1).filter(({ type }) => type !== 'TXT')).toEqual([]);
    expect(cache.instances().map(({ instanceName }) => instanceName)).toContain('v1.2');
  });
});

test('known answers are the pointers of the bridge, as they were heard', () => {
  const cache = cacheWith(...WHOLE, ptr(HTTP, `v1.2.${HTTP}`));
  expect(cache.knownAnswers(BN1)).toEqual([{ name: HTTP, type: 'PTR', ttl: 4500, data: `ds.${HTTP}` }]);
  expect(cache.knownAnswers(BN2)).toEqual([]);
});

describe('not taken', () => {
  test.each([
    ['another service type', ptr('_ipp._tcp.local', 'a._ipp._tcp.local')],
    ['a pointer to something else', ptr(HTTP, 'a._ipp._tcp.local')],
    ['a pointer from something else', ptr('_ipp._tcp.local', `a.${HTTP}`)],
    ['the service type itself', ptr(HTTP, HTTP)],
    ['another class', { ...ptr(HTTP, `a.${HTTP}`), class: 'CH' } as DnsRecord],
  ])('%s', (_, record) => {
    expect(cacheWith(record).instances()).toEqual([]);
  });
  test('more instances than a link honestly has', () => {
    const cache = cacheWith(...Array.from({ length: 1000 }, (_, i) => ptr(HTTP, `i${i}.${HTTP}`)));
    expect(cache.instances()).toHaveLength(256);
    expect(cache.missing(BN1)).toHaveLength(16);
    expect(cache.knownAnswers(BN1)).toHaveLength(32);
  });
});
