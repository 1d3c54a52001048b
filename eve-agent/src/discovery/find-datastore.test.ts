// SPDX-License-Identifier: Apache-2.0
import { createManualClock, type ManualClock } from '@local-datastore/shared/manual-clock';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Bridge } from './bridges.ts';
import type { DnsRecord } from './dns-message.ts';
import { createFindDatastore, planQueries } from './find-datastore.ts';
import { createScriptedQuerier, type ScriptedQuerier } from './scripted-querier.ts';

const BN1: Bridge = { name: 'bn1', address: '10.1.0.1', cidr: '10.1.0.1/24' };
const BN2: Bridge = { name: 'bn2', address: '10.2.0.1', cidr: '10.2.0.1/24' };

const a = (name: string, data: string): DnsRecord => ({ name, type: 'A', class: 'IN', ttl: 120, data });
const srv = (service: string, target: string): DnsRecord => ({
  name: `x._${service}._tcp.local`,
  type: 'SRV',
  ttl: 120,
  data: { port: 80, target },
});
const response = (...answers: DnsRecord[]) => ({ type: 'response', answers }) as const;

let clock: ManualClock;
let querier: ScriptedQuerier;
let controller: AbortController;

beforeEach(() => {
  clock = createManualClock();
  querier = createScriptedQuerier();
  controller = new AbortController();
});

/** Starts a search and waits until its first questions are out. */
async function begin(timeoutMs = 5000) {
  const find = createFindDatastore({ openQuerier: querier.open, clock });
  const location = find({
    host: 'ds.local',
    bridges: [BN1, BN2],
    timeoutMs,
    signal: controller.signal,
  });
  // Whoever awaits it later sees the failure; until then it is nobody's.
  location.catch(() => {});
  await new Promise((done) => setImmediate(done));
  return { location };
}

describe('the questions', () => {
  test('are for the address alone, then for the services in EVE’s order', () => {
    expect(planQueries('ds.local', 0)).toEqual([
      { questions: [{ name: 'ds.local', type: 'A' }], wantsUnicast: true },
      {
        questions: [
          { name: '_workstation._tcp.local', type: 'PTR' },
          { name: '_http._tcp.local', type: 'PTR' },
          { name: '_https._tcp.local', type: 'PTR' },
        ],
      },
    ]);
  });
  test('do not ask for unicast again', () => {
    expect(planQueries('ds.local', 1)[0]?.wantsUnicast).toBe(false);
  });
  test('go out on all bridges at once, and again after 1 and 3 s', async () => {
    await begin();
    const first = querier.asked.map(({ bridge, query }) => `${bridge.name} ${query.questions[0]?.type}`);
    expect(first).toEqual(['bn1 A', 'bn2 A', 'bn1 PTR', 'bn2 PTR']);
    clock.advance(999);
    expect(querier.asked).toHaveLength(4);
    clock.advance(1);
    expect(querier.asked).toHaveLength(8);
    clock.advance(2000);
    expect(querier.asked).toHaveLength(12);
  });
});

describe('in a flood', () => {
  /** Datagrams that say nothing of the host. */
  const flood = (count: number) => {
    for (let i = 0; i < count; i += 1)
      querier.hear(BN1, '10.1.0.66', response(a('other.local', '10.1.0.66')));
  };
  const oneShots = () => querier.asked.filter(({ isOneShot }) => isOneShot);

  test('the host is asked for every second, from our own port alone', async () => {
    await begin(10_000);
    for (let second = 1; second <= 9; second += 1) {
      flood(101);
      clock.advance(1000);
      expect(oneShots()).toHaveLength(2 * second);
    }
    expect(oneShots()[1]).toEqual({
      ...{ bridge: BN2, isOneShot: true },
      query: { questions: [{ name: 'ds.local', type: 'A' }] },
    });
    // From port 5353 as ever: at 0, 1, 3 and 7 s.
    expect(querier.asked.length - oneShots().length).toBe(16);
  });

  test('no more than an honest link says is none', async () => {
    await begin(10_000);
    for (let second = 1; second <= 9; second += 1) {
      flood(100);
      clock.advance(1000);
    }
    expect(oneShots()).toEqual([]);
  });
});

/** What is said of the host itself is not told as if another had said it. */
describe('a host without an IPv4 address', () => {
  const aaaa = (name: string, ttl = 120): DnsRecord => ({ name, type: 'AAAA', ttl, data: 'fe80::5' });
  const IPV6 = 'the host tells an IPv6 address alone, fe80::5, and IPv4 is needed; nobody else answered';
  const NONE = 'services name the host, but nobody tells its address; nobody else answered';
  test.each<[string, DnsRecord[], string]>([
    ['an IPv6 address', [aaaa('ds.local')], IPV6],
    ['an IPv6 address, in another case', [aaaa('DS.local')], IPV6],
    ['a service and an IPv6 address', [srv('http', 'ds.local'), aaaa('ds.local')], IPV6],
    ['a service alone', [srv('http', 'ds.local')], NONE],
    ['a service, and an IPv6 address that goes', [srv('http', 'ds.local'), aaaa('ds.local', 0)], NONE],
    [
      'a service, and another host',
      [srv('http', 'ds.local'), aaaa('other.local')],
      'services name the host, but nobody tells its address; others answered: other.local',
    ],
    ['another host alone', [aaaa('other.local')], 's; others answered: other.local'],
  ])('%s', async (_, records, text) => {
    const { location } = await begin();
    querier.hear(BN1, '10.1.0.5', response(...records));
    clock.advance(10_000);
    const error = await location.catch((thrown: Error) => thrown);
    expect(String(error)).toContain(text);
    expect(String(error)).not.toContain('answered: ds.local');
  });
});

describe('an answer', () => {
  test('says where the datastore is', async () => {
    const { location } = await begin();
    clock.advance(4);
    querier.hear(BN2, '10.2.0.7', response(a('DS.local', '10.2.0.7')));
    expect(await location).toEqual({
      host: 'ds.local',
      address: '10.2.0.7',
      bridge: BN2,
      sourceAddress: '10.2.0.1',
      responder: '10.2.0.7',
      elapsedMs: 4,
      service: null,
      alternatives: [],
      packets: { received: 1, malformed: 0, rejected: 0 },
    });
    expect(querier.isClosed()).toBe(true);
    expect(clock.pendingTimers()).toBe(0);
  });

  test('that is unsound is counted, and a sound one after it wins', async () => {
    const { location } = await begin();
    querier.hear(BN2, '10.2.0.66', response(a('ds.local', '10.1.0.5')));
    querier.hear(BN1, '10.1.0.5', response(a('ds.local', '10.1.0.5')));
    expect(await location).toMatchObject({
      bridge: BN1,
      address: '10.1.0.5',
      packets: { received: 2, rejected: 1 },
    });
  });

  test('that came first wins; what arrived in the same moment is kept, and the service EVE prefers', async () => {
    const { location } = await begin();
    querier.hear(BN1, '10.1.0.5', response(srv('https', 'ds.local'), a('ds.local', '10.1.0.5')));
    querier.hear(BN1, '10.1.0.5', response(srv('workstation', 'ds.local'), a('ds.local', '10.1.0.5')));
    querier.hear(BN2, '10.2.0.5', response(srv('http', 'ds.local'), a('ds.local', '10.2.0.5')));
    expect(await location).toMatchObject({
      address: '10.1.0.5',
      service: 'workstation',
      alternatives: [{ address: '10.2.0.5', bridge: BN2 }],
    });
  });

  test('without the address makes the next one known by its service', async () => {
    const { location } = await begin();
    querier.hear(BN1, '10.1.0.5', response(srv('http', 'ds.local')));
    clock.advance(1000);
    querier.hear(BN1, '10.1.0.5', response(a('ds.local', '10.1.0.5')));
    expect(await location).toMatchObject({ address: '10.1.0.5', service: 'http', elapsedMs: 1000 });
  });
});

describe('no answer', () => {
  test('ends at the timeout, naming the bridges, who else answered and what was refused', async () => {
    const { location } = await begin(2000);
    querier.hear(BN1, '10.1.0.6', response(a('my-ds.local', '10.1.0.6')));
    querier.hear(BN1, '10.1.0.6', response(srv('http', '\u001b[2J.local')));
    querier.hear(BN2, '10.2.0.66', response(a('ds.local', '10.9.0.5')));
    clock.advance(2000);
    await expect(location).rejects.toMatchObject({
      code: 'DATASTORE_NOT_FOUND',
      retryable: true,
      message:
        'no datastore ds.local on bn1, bn2 within 2 s; others answered: my-ds.local, \\027[2J.local; ' +
        'refused: 10.2.0.66 on bn2: address-outside-subnet 10.9.0.5',
      details: {
        host: 'ds.local',
        bridges: ['bn1', 'bn2'],
        timeoutMs: 2000,
        received: 3,
        malformed: 0,
        rejected: 1,
      },
    });
    expect(querier.isClosed()).toBe(true);
    expect(clock.pendingTimers()).toBe(0);
  });

  test('keeps a bounded number of names, however many answer', async () => {
    const { location } = await begin();
    for (let i = 0; i < 1000; i += 1) querier.hear(BN1, '10.1.0.6', response(a(`h${i}.local`, '10.1.0.6')));
    clock.advance(5000);
    const error = await location.catch((reason) => reason);
    expect(error.details.otherNames).toHaveLength(16);
  });
});

describe('a stop', () => {
  test('ends the search with the reason and closes the sockets', async () => {
    const { location } = await begin();
    const reason = new Error('stopped');
    controller.abort(reason);
    await expect(location).rejects.toBe(reason);
    expect(querier.isClosed()).toBe(true);
    expect(clock.pendingTimers()).toBe(0);
  });
  test('before the start opens nothing', async () => {
    const reason = new Error('stopped');
    controller.abort(reason);
    const { location } = await begin();
    await expect(location).rejects.toBe(reason);
    expect(querier.asked).toEqual([]);
  });
});
