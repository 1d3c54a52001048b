// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock, type ManualClock } from '@local-datastore/shared/manual-clock';
import { beforeEach, describe, expect, it } from 'vitest';
import { watchAnnouncements } from './announcements.ts';
import type { Bridge } from './bridges.ts';
import { createFindDatastore } from './find-datastore.ts';
import { createScriptedQuerier, type ScriptedQuerier } from './scripted-querier.ts';
import { createSharedQuerier, type SharedQuerier } from './shared-querier.ts';

const BN1: Bridge = { name: 'bn1', address: '10.1.0.1', cidr: '10.1.0.1/24' };
const address = (name: string, data: string, ttl = 120) =>
  ({ type: 'response', answers: [{ name, type: 'A', class: 'IN', ttl, data }] }) as const;
const settled = () => new Promise((done) => setImmediate(done));

let clock: ManualClock;
let sockets: ScriptedQuerier;
let openCount: number;
let shared: SharedQuerier;

beforeEach(() => {
  clock = createManualClock();
  sockets = createScriptedQuerier();
  openCount = 0;
  shared = createSharedQuerier((bridges) => {
    openCount += 1;
    return sockets.open(bridges);
  }, clock);
});

describe('shared sockets', () => {
  it('serve several searches, ask for services once, and for each host by itself', async () => {
    const find = createFindDatastore({ openQuerier: shared.open, clock });
    const signal = new AbortController().signal;
    const searches = ['a.local', 'b.local'].map((host) =>
      find({ host, bridges: [BN1], timeoutMs: 5000, signal }),
    );
    await settled();
    expect(openCount).toBe(1);
    expect(sockets.asked.map(({ query }) => query.questions.map(({ type }) => type).join(' '))).toEqual([
      'A',
      'PTR PTR PTR',
      'A',
    ]);
    expect(shared.hasJustAsked()).toBe(true);
    sockets.hear(BN1, '10.1.0.5', address('a.local', '10.1.0.5'));
    sockets.hear(BN1, '10.1.0.6', address('b.local', '10.1.0.6'));
    const found = await Promise.all(searches);
    expect(found.map((each) => each.address)).toEqual(['10.1.0.5', '10.1.0.6']);
    expect(sockets.isClosed()).toBe(true);
    clock.advance(1000);
    expect(shared.hasJustAsked()).toBe(false);
  });

  it('count packets for each search by itself', async () => {
    const first = await shared.open([BN1]);
    sockets.hear(BN1, '10.1.0.5', address('a.local', '10.1.0.5'));
    const second = await shared.open([BN1]);
    second.countRejected();
    expect([first.packets().received, second.packets()]).toEqual([
      1,
      { received: 0, malformed: 0, rejected: 1 },
    ]);
    await first.close();
    await first.close();
    expect(sockets.isClosed()).toBe(false);
    await second.close();
    expect(sockets.isClosed()).toBe(true);
  });

  it('pass over addresses that are to be avoided', async () => {
    const find = createFindDatastore({ openQuerier: shared.open, clock });
    const search = find({
      host: 'a.local',
      bridges: [BN1],
      timeoutMs: 5000,
      signal: new AbortController().signal,
      avoidedAddresses: new Set(['10.1.0.5']),
    });
    await settled();
    sockets.hear(BN1, '10.1.0.5', address('a.local', '10.1.0.5'));
    sockets.hear(BN1, '10.1.0.6', address('A.local', '10.1.0.6'));
    expect(await search).toMatchObject({ address: '10.1.0.6', alternatives: [] });
  });
});

describe('announcements', () => {
  it('are heard of the hosts that matter, while any do', async () => {
    const seen: string[] = [];
    const stop = new AbortController();
    let hosts = new Set<string>();
    const watching = watchAnnouncements(
      {
        openQuerier: shared.open,
        selectBridges: () => [BN1],
        hosts: () => hosts,
        onSeen: (host, where) => seen.push(`${host} ${where}`),
        clock,
        log: silentLog,
      },
      stop.signal,
    );
    const review = async () => {
      await expect.poll(() => clock.pendingTimers()).toBe(1);
      clock.advance(2000);
      await expect.poll(() => clock.pendingTimers()).toBe(1);
    };
    await review();
    expect(openCount).toBe(0);
    hosts = new Set(['ds.local']);
    await review();
    expect(openCount).toBe(1);
    sockets.hear(BN1, '10.1.0.5', address('DS.local', '10.1.0.5'));
    sockets.hear(BN1, '10.1.0.5', address('other.local', '10.1.0.5'));
    sockets.hear(BN1, '10.1.0.5', address('ds.local', '10.1.0.5', 0));
    sockets.hear(BN1, '10.1.0.5', address('ds.local', '10.9.0.5'));
    expect(seen).toEqual(['ds.local 10.1.0.5']);
    hosts = new Set();
    await review();
    expect(sockets.isClosed()).toBe(true);
    stop.abort();
    await watching;
  });
});
