// SPDX-License-Identifier: Apache-2.0
import { createLog } from '@local-datastore/shared/log';
import { createManualClock, type ManualClock } from '@local-datastore/shared/manual-clock';
import { encode } from 'dns-packet';
import { beforeEach, describe, expect, test } from 'vitest';
import type { PortRefusal, RawDatagram } from './bridge-sockets.ts';
import type { Bridge } from './bridges.ts';
import { encodeQuery, type MdnsQuery } from './dns-message.ts';
import { createOpenQuerier, type Querier, type ReceivedResponse } from './querier.ts';
import { createScriptedBridgeSockets, type ScriptedBridgeSockets } from './scripted-bridge-sockets.ts';

const BN1: Bridge = { name: 'bn1', address: '10.1.0.1', cidr: '10.1.0.1/24' };
const BN2: Bridge = { name: 'bn2', address: '10.2.0.1', cidr: '10.2.0.1/24' };
const QUERY: MdnsQuery = { questions: [{ name: 'ds.local', type: 'A' }], wantsUnicast: true };
const IN_USE: PortRefusal = { code: 'EADDRINUSE', message: 'bind EADDRINUSE 0.0.0.0:5353' };
const ANSWER = encode({
  type: 'response',
  answers: [{ name: 'ds.local', type: 'A', ttl: 120, data: '10.1.0.5' }],
});

/** Of the neighbour, to port 5353, where nothing else is said. */
const hear = (changes: Partial<RawDatagram> = {}) =>
  sockets.hear({ bytes: ANSWER, source: '10.1.0.5', sourcePort: 5353, isToOwnPort: false, ...changes });

let clock: ManualClock;
let sockets: ScriptedBridgeSockets;
let lines: Record<string, unknown>[];
let heard: ReceivedResponse[];

beforeEach(() => {
  clock = createManualClock();
  sockets = createScriptedBridgeSockets();
  lines = [];
  heard = [];
});

async function open(bridges = [BN1, BN2]): Promise<Querier> {
  const write = (text: string) => lines.push(JSON.parse(text));
  const querier = await createOpenQuerier({
    openSockets: sockets.open,
    portHolderSources: { readUdpTables: () => [], findProcesses: () => ['avahi-daemon (process 81)'] },
    log: createLog('test', 'info', { write }),
    clock,
  })(bridges);
  querier.onResponse((response) => heard.push(response));
  return querier;
}

const settle = () => new Promise((done) => setImmediate(done));
const asked = () => sockets.sent.map(({ from, bridge }) => `${from} ${bridge.name}`);

describe('with port 5353', () => {
  test('the question goes out from it, and a while later from a port of our own, without the QU bit', async () => {
    const querier = await open();
    querier.ask(BN1, QUERY);
    expect(asked()).toEqual(['mdns bn1']);
    clock.advance(249);
    expect(asked()).toEqual(['mdns bn1']);
    clock.advance(1);
    expect(asked()).toEqual(['mdns bn1', 'own bn1']);
    const oneShot = encodeQuery({ ...QUERY, wantsUnicast: false });
    expect(sockets.sent[1]?.bytes).toEqual(oneShot);
    expect(lines).toEqual([]);
  });

  test('questions of one datagram go out one by one from our own, without known answers', async () => {
    const querier = await open();
    const known = { name: 'x.local', type: 'PTR', ttl: 1, data: 'y.x.local' } as const;
    querier.ask(BN2, {
      questions: [
        { name: 'x.local', type: 'PTR' },
        { name: 'ds.local', type: 'A' },
      ],
      knownAnswers: [known],
    });
    clock.advance(250);
    await settle();
    expect(asked()).toEqual(['mdns bn2', 'own bn2', 'own bn2']);
    expect(sockets.sent.slice(1).map(({ bytes }) => bytes)).toEqual([
      encodeQuery({ questions: [{ name: 'x.local', type: 'PTR' }] }),
      encodeQuery({ questions: [{ name: 'ds.local', type: 'A' }] }),
    ]);
  });

  test('whoever has the answer by then asks no more', async () => {
    const querier = await open();
    querier.ask(BN1, QUERY);
    await querier.close();
    clock.advance(1000);
    expect(asked()).toEqual(['mdns bn1']);
    expect(clock.pendingTimers()).toBe(0);
    expect(sockets.isClosed()).toBe(true);
  });

  test('what cannot be sent is told, and ends nothing', async () => {
    const querier = await open();
    sockets.system.sendError = 'send ENETUNREACH';
    querier.ask(BN1, QUERY);
    clock.advance(250);
    await settle();
    expect(lines.map(({ bridge, reason }) => ({ bridge, reason }))).toEqual([
      { bridge: 'bn1', reason: 'send ENETUNREACH' },
      { bridge: 'bn1', reason: 'send ENETUNREACH' },
    ]);
    hear();
    expect(heard).toHaveLength(1);
  });
});

describe('without it', () => {
  test.each([
    ['in use', IN_USE, 'held, and not shared, by avahi-daemon (process 81)'],
    ['refused', { code: 'EACCES', message: 'bind EACCES' }, expect.stringContaining('may not use it')],
    ['out of descriptors', { code: 'EMFILE', message: 'bind EMFILE' }, 'nobody is known to hold it'],
  ])(
    '%s: questions go out from our own at once, and it is said who may hold it',
    async (_, refusal, holder) => {
      sockets.system.refusal = refusal;
      const querier = await open();
      expect(lines).toMatchObject([
        { level: 'warn', bridges: ['bn1', 'bn2'], reason: refusal.message, holder },
      ]);
      querier.ask(BN1, QUERY);
      expect(asked()).toEqual(['own bn1']);
      hear({ isToOwnPort: true });
      expect(heard).toMatchObject([{ source: '10.1.0.5', bridge: BN1 }]);
      await querier.close();
    },
  );

  test('it is tried again until it is had, and said so; then questions go out from it', async () => {
    sockets.system.refusal = IN_USE;
    const querier = await open();
    for (const _ of [1, 2]) {
      clock.advance(10_000);
      await settle();
    }
    expect(sockets.tries()).toBe(2);
    sockets.system.refusal = undefined;
    clock.advance(10_000);
    await settle();
    expect(lines.at(-1)).toMatchObject({ level: 'info', msg: 'UDP port 5353 can be had now' });
    clock.advance(60_000);
    expect(sockets.tries()).toBe(3);
    querier.ask(BN1, QUERY);
    expect(asked()).toEqual(['mdns bn1']);
  });

  test('a group that cannot be joined costs its own bridge alone', async () => {
    sockets.system.joinErrors.set(BN2, 'addMembership ENOBUFS');
    const querier = await open();
    expect(lines).toMatchObject([{ bridges: ['bn2'], reason: 'bn2: addMembership ENOBUFS' }]);
    for (const bridge of [BN1, BN2]) querier.ask(bridge, QUERY);
    expect(asked()).toEqual(['mdns bn1', 'own bn2']);
  });

  test('closed while it is tried again, nothing more is tried', async () => {
    sockets.system.refusal = IN_USE;
    const querier = await open();
    clock.advance(10_000);
    await querier.close();
    await settle();
    expect(clock.pendingTimers()).toBe(0);
  });
});

test('a bridge that gives no socket at all is told of', async () => {
  sockets.system.opened = [BN2];
  expect((await open()).bridges).toEqual([BN2]);
  expect(lines).toMatchObject([{ bridge: 'bn1', msg: 'no multicast DNS on this bridge' }]);
});

describe('what is heard', () => {
  test('a flood on port 5353 uses up nothing of what may come to our own', async () => {
    const querier = await open();
    for (let count = 0; count < 1000; count += 1) hear();
    expect(heard).toHaveLength(250);
    hear({ isToOwnPort: true });
    expect(heard).toHaveLength(251);
    expect(querier.packets()).toEqual({ received: 1001, malformed: 0, rejected: 750 });
  });

  test.each([
    ['our own question', { bytes: encodeQuery(QUERY), source: '10.1.0.1' }, { received: 0 }],
    ['another’s question', { bytes: encodeQuery(QUERY) }, { received: 1 }],
    ['the answer of a datastore on this host', { source: '10.1.0.1' }, { received: 1 }],
    [
      'an answer to our own port from another than 5353',
      { isToOwnPort: true, sourcePort: 9 },
      { rejected: 1 },
    ],
    ['noise', { bytes: Buffer.from('noise') }, { malformed: 1 }],
    ['a header and nothing more', { bytes: ANSWER.subarray(0, 12) }, { malformed: 1 }],
  ])('%s', async (_, datagram, counts) => {
    const querier = await open();
    hear(datagram);
    expect(querier.packets()).toMatchObject(counts);
  });
});
