// SPDX-License-Identifier: Apache-2.0
import { createManualClock, type ManualClock } from '@local-datastore/shared/manual-clock';
import { type Answer, decode, encode } from 'dns-packet';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Bridge } from '../../discovery/bridges.ts';
import type { OpenMdnsSockets, RawDatagram } from '../probes/mdns-sockets.ts';
import { createEveLookup, type EveLookup } from './lookup.ts';

const BN1: Bridge = { name: 'bn1', address: '10.1.0.1', cidr: '10.1.0.1/24' };
const BN2: Bridge = { name: 'bn2', address: '10.2.0.1', cidr: '10.2.0.1/24' };

let clock: ManualClock;
let asked: { atMs: number; bridge: string; bytes: Buffer }[];
let openCount: number;
let listeners: Set<(datagram: RawDatagram) => void>;
let ipTtl: number | undefined;

const openSockets: OpenMdnsSockets = async (bridges, options) => {
  openCount += 1;
  ipTtl = options?.ipTtl;
  return {
    bridges,
    portRefusal: () => undefined,
    joinError: () => undefined,
    send: async (bridge, bytes) => {
      asked.push({ atMs: clock.nowMs(), bridge: bridge.name, bytes });
      return null;
    },
    askFromOwnPort: async () => null,
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {
      openCount -= 1;
    },
  };
};

const settle = () => new Promise((done) => setImmediate(done));
const hear = (bytes: Buffer) => {
  for (const listener of [...listeners]) listener({ bytes, source: '10.9.9.9', sourcePort: 1 });
};
const answers = (...all: Answer[]) => encode({ type: 'response', answers: all });
const ptr = (instance = 'x', service = 'http'): Answer => ({
  name: `_${service}._tcp.local`,
  type: 'PTR',
  ttl: 10,
  data: `${instance}._${service}._tcp.local`,
});
const srv = (target: string, instance = 'x', ttl = 10): Answer => ({
  name: `${instance}._workstation._tcp.local`,
  type: 'SRV',
  ttl,
  data: { port: 9, target },
});
const a = (name: string, data: string): Answer => ({ name, type: 'A', ttl: 10, data });
const ipv6 = (name: string) => answers(srv(name), { name, type: 'AAAA', ttl: 10, data: 'fe80::6' });

async function begin(hostName = 'ds.local', controller = new AbortController()) {
  const lookUp = createEveLookup({ openSockets, clock, random: () => 0.75 });
  const result: { value?: EveLookup } = {};
  const ended = lookUp(hostName, [BN1, BN2], controller.signal).then((value) => {
    result.value = value;
  });
  ended.catch(() => {});
  await settle();
  return { result, ended, controller };
}

beforeEach(() => {
  clock = createManualClock();
  asked = [];
  openCount = 0;
  listeners = new Set();
});

describe('the questions', () => {
  test('two identical ones at once on each bridge, one PTR, no flags, an ID, IP TTL 1', async () => {
    await begin();
    expect(asked.map(({ bridge }) => bridge)).toEqual(['bn1', 'bn2', 'bn1', 'bn2']);
    expect(ipTtl).toBe(1);
    const [first] = asked;
    const packet = decode(first?.bytes as Buffer);
    expect(packet).toMatchObject({ type: 'query', flags: 0, answers: [], authorities: [], additionals: [] });
    expect(packet.questions).toEqual([{ name: '_workstation._tcp.local', type: 'PTR', class: 'IN' }]);
    expect(packet.id).toBeGreaterThan(0);
  });

  test('then after about 4 s; each service for 10 s, one after another', async () => {
    const { result } = await begin();
    for (const _ of [1, 2, 3]) {
      clock.advance(10_000);
      await settle();
      await settle();
    }
    const rounds = asked
      .filter(({ bridge }) => bridge === 'bn1')
      .map(({ atMs, bytes }) => `${atMs} ${decode(bytes).questions?.[0]?.name}`);
    const of = (service: string, ...times: number[]) => times.map((at) => `${at} _${service}._tcp.local`);
    expect(rounds).toEqual([
      ...of('workstation', 0, 0, 5000),
      ...of('http', 10_000, 10_000, 15_000),
      ...of('https', 20_000, 20_000, 25_000),
    ]);
    expect(result.value).toMatchObject({ service: null, addresses: [], elapsedMs: 30_000 });
    expect([openCount, listeners.size, clock.pendingTimers()]).toEqual([0, 0, 0]);
  });
});

describe('the answers', () => {
  test.each<[string, Buffer, string[]]>([
    ['in one message', answers(srv('ds.local'), a('ds.local', '10.1.0.5')), ['10.1.0.5']],
    [
      'every address',
      answers(srv('ds.local'), a('ds.local', '10.9.0.5'), a('ds.local', '10.1.0.5')),
      ['10.9.0.5', '10.1.0.5'],
    ],
    [
      'a probe’s claims',
      encode({ type: 'query', authorities: [srv('ds.local'), a('ds.local', '10.1.0.5')] }),
      ['10.1.0.5'],
    ],
    [
      'a name that holds the wanted one',
      answers(srv('my-ds.local'), a('my-ds.local', '10.1.0.6')),
      ['10.1.0.6'],
    ],
  ])('count: %s', async (_, bytes, addresses) => {
    const { result } = await begin();
    hear(bytes);
    await settle();
    expect(result.value).toMatchObject({ service: 'workstation', addresses, leaksSocket: false });
    expect([openCount, listeners.size, clock.pendingTimers()]).toEqual([0, 0, 0]);
  });

  test.each<[string, Buffer[]]>([
    ['A and SRV in separate messages', [answers(srv('ds.local')), answers(a('ds.local', '10.1.0.5'))]],
    ['another case', [answers(srv('Ds.local'), a('Ds.local', '10.1.0.5'))]],
    ['an A record of another case than the target', [answers(srv('ds.local'), a('DS.local', '10.1.0.5'))]],
    ['TTL 0', [answers(srv('ds.local', 'x', 0), a('ds.local', '10.1.0.5'))]],
    ['another service', [answers(ptr('x', 'http'), a('ds.local', '10.1.0.5'))]],
  ])('do not count: %s', async (_, messages) => {
    const { result } = await begin();
    for (const bytes of messages) hear(bytes);
    await settle();
    expect(result.value).toBeUndefined();
  });

  test('a message that the parser refuses is discarded whole, and told of', async () => {
    const nsec = {
      name: 'ds.local',
      type: 'NSEC' as const,
      ttl: 10,
      data: { nextDomain: 'ds.local', rrtypes: [] },
    };
    const { result } = await begin();
    // dns-packet writes no bitmap at all, which is borne: a block of length 0 is put behind it.
    const bytes = Buffer.concat([answers(srv('ds.local'), a('ds.local', '10.1.0.5'), nsec), Buffer.of(0, 0)]);
    const dataBytes = nsec.data.nextDomain.length + 2;
    bytes.writeUInt16BE(dataBytes + 2, bytes.length - dataBytes - 4);
    hear(bytes);
    for (const _ of [1, 2, 3]) {
      clock.advance(10_000);
      await settle();
      await settle();
    }
    expect(result.value).toMatchObject({
      service: null,
      discarded: ['an NSEC record has a window block of length 0'],
    });
  });

  test('a match without an IPv4 address ends the service at once', async () => {
    const { result } = await begin();
    hear(answers(srv('ds.local'), { name: 'ds.local', type: 'AAAA', ttl: 10, data: 'fe80::5' }));
    await settle();
    expect(decode(asked.at(-1)?.bytes as Buffer).questions?.[0]?.name).toBe('_http._tcp.local');
    clock.advance(10_000);
    await settle();
    await settle();
    clock.advance(10_000);
    await settle();
    expect(result.value).toMatchObject({ service: null, servicesWithoutIpv4: ['workstation'] });
  });

  test('a further instance in the message costs a socket, and is used', async () => {
    const { result } = await begin();
    hear(answers(srv('ds.local', 'x'), srv('ds.local', 'y'), a('ds.local', '10.1.0.5')));
    await settle();
    expect(result.value).toMatchObject({ addresses: ['10.1.0.5'], leaksSocket: true });
  });
});

/** EVE's search of one service against what is heard in it, in the order of arrival. */
describe('what others say first', () => {
  const at = (host: string, address: string, instance = 'x', ttl = 10) =>
    answers(srv(host, instance, ttl), a(host, address));
  const other = at('other.local', '10.1.0.6', 'other');
  const wanted = at('ds.local', '10.1.0.5', 'ds');

  test.each<[string, Buffer[], number]>([
    ['nobody: asks again', [], 3],
    ['another host: asks no more', [other], 2],
    ['another host with IPv6 alone: asks no more', [ipv6('other.local')], 2],
    ['a service without an address: asks again', [answers(srv('other.local'))], 3],
    ['another host that goes: asks again', [at('other.local', '10.1.0.6', 'other', 0)], 3],
    ['another service: asks again', [answers(ptr('x', 'http'), a('ds.local', '10.1.0.5'))], 3],
    ['what is no message: asks again', [Buffer.alloc(4)], 3],
  ])('%s', async (_, messages, questions) => {
    const { result } = await begin();
    for (const bytes of messages) hear(bytes);
    clock.advance(9000);
    await settle();
    expect(asked.filter(({ bridge }) => bridge === 'bn1')).toHaveLength(questions);
    expect(result.value).toBeUndefined();
  });

  test('the wanted host is still heard, if it speaks without being asked again', async () => {
    const { result } = await begin();
    hear(other);
    clock.advance(8000);
    hear(wanted);
    await settle();
    expect(result.value).toMatchObject({ addresses: ['10.1.0.5'], quietedServices: ['workstation'] });
  });

  test.each<[string, Buffer[], string[] | undefined]>([
    ['seen for another host before', [at('other.local', '10.1.0.6'), at('ds.local', '10.1.0.5')], undefined],
    [
      'seen, and gone again',
      [at('other.local', '10.1.0.6'), at('other.local', '10.1.0.6', 'x', 0), at('ds.local', '10.1.0.5')],
      ['10.1.0.5'],
    ],
    ['seen without an address', [answers(srv('other.local')), at('ds.local', '10.1.0.5')], ['10.1.0.5']],
    ['another one', [at('other.local', '10.1.0.6', 'y'), at('ds.local', '10.1.0.5')], ['10.1.0.5']],
  ])('an instance name: %s', async (_, messages, addresses) => {
    const { result } = await begin();
    for (const bytes of messages) hear(bytes);
    await settle();
    expect(result.value?.addresses).toEqual(addresses);
    if (addresses !== undefined) return;
    for (const _round of [1, 2, 3]) {
      clock.advance(10_000);
      await settle();
      await settle();
    }
    expect(result.value).toMatchObject({ service: null, droppedHostNames: ['ds.local.'] });
  });

  test('an instance name is new to the next service', async () => {
    const { result } = await begin();
    hear(at('other.local', '10.1.0.6'));
    clock.advance(10_000);
    await settle();
    await settle();
    const http: Answer = {
      name: 'x._http._tcp.local',
      type: 'SRV',
      ttl: 10,
      data: { port: 80, target: 'ds.local' },
    };
    hear(answers(http, a('ds.local', '10.1.0.5')));
    await settle();
    expect(result.value).toMatchObject({ service: 'http', addresses: ['10.1.0.5'] });
  });

  test('whoever could be taken for the host is told, who won the race or not', async () => {
    const { result } = await begin();
    hear(
      answers(
        srv('my-ds.local', 'mine'),
        srv('ds.local', 'x'),
        a('my-ds.local', '10.1.0.6'),
        a('ds.local', '10.1.0.5'),
      ),
    );
    await settle();
    expect(result.value?.candidates).toEqual([
      { service: 'workstation', hostName: 'my-ds.local.', isWanted: false, ipv4: ['10.1.0.6'] },
      { service: 'workstation', hostName: 'ds.local.', isWanted: true, ipv4: ['10.1.0.5'] },
    ]);
  });
});

test('an abort ends it', async () => {
  const { ended, controller } = await begin();
  controller.abort(new Error('enough'));
  await expect(ended).rejects.toThrow('enough');
  expect([openCount, listeners.size, clock.pendingTimers()]).toEqual([0, 0, 0]);
});
