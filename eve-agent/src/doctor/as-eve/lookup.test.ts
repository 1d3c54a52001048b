import { type Answer, decode, encode } from 'dns-packet';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Bridge } from '../../discovery/bridges.ts';
import { createManualClock, type ManualClock } from '../../discovery/manual-clock.ts';
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
    expect(result.value).toMatchObject({ service: 'workstation', addresses, canBlock: false });
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
    const nsec: Answer = {
      name: 'ds.local',
      type: 'NSEC',
      ttl: 10,
      data: { nextDomain: 'ds.local', rrtypes: [] },
    };
    const { result } = await begin();
    hear(answers(srv('ds.local'), a('ds.local', '10.1.0.5'), nsec));
    for (const _ of [1, 2, 3]) {
      clock.advance(10_000);
      await settle();
      await settle();
    }
    expect(result.value).toMatchObject({ service: null, discarded: ['an NSEC record has an empty bitmap'] });
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

  test('a further instance in the message can block', async () => {
    const { result } = await begin();
    hear(answers(srv('ds.local', 'x'), srv('ds.local', 'y'), a('ds.local', '10.1.0.5')));
    await settle();
    expect(result.value).toMatchObject({ addresses: ['10.1.0.5'], canBlock: true });
  });
});

test('an abort ends it', async () => {
  const { ended, controller } = await begin();
  controller.abort(new Error('enough'));
  await expect(ended).rejects.toThrow('enough');
  expect([openCount, listeners.size, clock.pendingTimers()]).toEqual([0, 0, 0]);
});
