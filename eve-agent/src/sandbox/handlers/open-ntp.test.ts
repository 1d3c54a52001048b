// SPDX-License-Identifier: Apache-2.0
import { createClockControl } from '@local-datastore/shared/confinement/system/clock-control';
import { emulateAdjtimex } from '@local-datastore/shared/confinement/system/emulated-adjtimex';
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock, type ManualClock } from '@local-datastore/shared/manual-clock';
import { beforeEach, describe, expect, test } from 'vitest';
import { parseKeyPath } from '../store/key-path.ts';
import { createKeyStore, type KeyStore } from '../store/key-store.ts';
import { type OpenNtpDeps, openNtp } from './open-ntp.ts';

const BUILT = Date.parse('2026-11-01T00:00:00Z');
const POLICY = { earliestUnixMs: BUILT, latestUnixMs: BUILT + 15 * 365 * 86_400_000 };
let clock: ManualClock;
let store: KeyStore;
let events: string[];
let found: string[];
let deps: OpenNtpDeps;

beforeEach(() => {
  clock = createManualClock();
  store = createKeyStore({ audit: { append: () => {} }, log: silentLog });
  [events, found] = [[], []];
  deps = {
    ...{ store, clock, log: silentLog, audit: { append: () => {} } },
    control: createClockControl(emulateAdjtimex(clock, { unixMs: BUILT }).adjtimex),
    async startCalf(prefix) {
      events.push(`start /${prefix.join('/')}`);
      return { status: () => null, stop: () => void events.push('stop') };
    },
    async findAddress(host) {
      events.push(`find ${host}`);
      const address = found.shift();
      if (address === undefined) throw new Error('not found');
      return address;
    },
  };
});
const open = (...servers: string[]) =>
  openNtp(deps, { ...POLICY, servers, prefix: ['ntp'], watchedSince: null });
const address = (id: string) => {
  const value = store.read(['ntp', 'server', id, 'address']);
  return value === undefined ? undefined : Buffer.from(value).toString();
};
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
async function pass(milliseconds: number): Promise<void> {
  clock.advance(milliseconds);
  await settle();
}
const reach = (id: string, bits: string) =>
  store.write('ntp', parseKeyPath(`/ntp/source/${id}/reach`), Buffer.from(bits));

test('names servers, tells how the clock is, and starts the calf', async () => {
  const ntp = await open('10.0.0.5', '10.0.0.6');
  expect([address('001'), address('002'), address('003')]).toEqual(['10.0.0.5', '10.0.0.6', undefined]);
  expect(String(Buffer.from(store.read(['ntp', 'answer']) ?? []))).toMatch(/^0 none /);
  expect(events).toEqual(['start /ntp']);
  await ntp.stop();
  await ntp.stop();
  expect(events).toEqual(['start /ntp', 'stop']);
  expect(clock.pendingTimers()).toBe(0);
});

describe('a server that has a name', () => {
  test('is found, again and again until it is', async () => {
    const ntp = await open('10.0.0.5', 'ds.local');
    await settle();
    expect(address('002')).toBeUndefined();
    found.push('10.0.0.9');
    await pass(64_000);
    expect(address('002')).toBe('10.0.0.9');
    expect(events.filter((each) => each === 'find ds.local')).toHaveLength(2);
    await ntp.stop();
  });

  test('is not looked for while it answers, and is when it does not', async () => {
    found.push('10.0.0.9', '10.0.0.10');
    const ntp = await open('ds.local');
    await settle();
    reach('001', '00000001');
    for (let turn = 0; turn < 10; turn += 1) await pass(64_000);
    expect(events.filter((each) => each === 'find ds.local')).toHaveLength(1);
    reach('001', '00000000');
    await pass(64_000);
    expect(address('001')).toBe('10.0.0.10');
    await ntp.stop();
  });

  test('that is where it was is not written anew', async () => {
    found.push('10.0.0.9', '10.0.0.9', 'nonsense');
    const written: string[] = [];
    store.watch('/ntp/server/*/address', ({ path }) => written.push(path.join('/')));
    const ntp = await open('ds.local');
    for (let turn = 0; turn < 3; turn += 1) await pass(64_000);
    expect(written).toEqual(['ntp/server/001/address']);
    await ntp.stop();
  });

  test('and is being looked for when all stops is waited for no longer', async () => {
    deps = {
      ...deps,
      findAddress: (_, signal) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    };
    const ntp = await open('ds.local');
    await ntp.stop();
    expect(address('001')).toBeUndefined();
  });
});

test('servers that are none are refused before anything starts', async () => {
  await expect(open('10.0.0.256')).rejects.toThrow('neither an IP address');
  expect(events).toEqual([]);
  expect(store.list('/**')).toEqual([]);
});

test('a calf that cannot be started leaves no handler', async () => {
  deps = { ...deps, startCalf: () => Promise.reject(new Error('no process')) };
  await expect(open('10.0.0.5')).rejects.toThrow('no process');
  const before = store.read(['ntp', 'answer']);
  clock.advance(1000);
  store.write('ntp', ['ntp', 'offset'], Buffer.from('1 0.0 0.0 0.0 0.0 0.0'));
  expect(store.read(['ntp', 'answer'])).toEqual(before);
});

describe('what is said of the time', () => {
  test.each([
    ['synchronized', 'info the time servers agree'],
    ['unreachable', 'warn no time server answers'],
    ['no-server-fit', 'warn no time server knows the time well enough'],
    ['no-agreement', 'warn the time servers do not agree'],
    ['denied', 'warn every time server sent its client away'],
  ])('where it is %s is said once in ten minutes', async (state, line) => {
    const lines: string[] = [];
    const keep = (level: string) => (_: object, message: string) => lines.push(`${level} ${message}`);
    deps = { ...deps, log: { ...silentLog, info: keep('info'), warn: keep('warn') } };
    const ntp = await open('10.0.0.5');
    const say = (text: string) => store.write('ntp', ['ntp', 'state'], Buffer.from(text));
    for (let turn = 0; turn < 3; turn += 1) {
      say('measuring');
      say(state);
    }
    expect(lines).toEqual([line]);
    clock.advance(600_000);
    say('measuring');
    say(state);
    expect(lines).toEqual([line, line]);
    say('anything else');
    await ntp.stop();
    say(state);
    expect(lines).toEqual([line, line]);
  });
});

test('tells of servers as they were named, and where they are', async () => {
  found.push('10.0.0.9');
  const ntp = await open('10.0.0.5', 'ds.local');
  await settle();
  expect(ntp.status()).toMatchObject({
    ...{ state: 'starting', watchedSince: null, lastStep: null, steps: 0 },
    servers: [
      { name: '10.0.0.5', address: '10.0.0.5' },
      { name: 'ds.local', address: '10.0.0.9' },
    ],
  });
  expect(ntp.calfStatus()).toBeNull();
  await ntp.stop();
});

test('a clock that may not be set is watched, and that is told', async () => {
  const options = { ...POLICY, servers: ['10.0.0.5'], prefix: ['ntp'], watchedSince: 'no right' };
  const ntp = await openNtp(deps, options);
  clock.advance(1000);
  const unixMs = deps.control.read().unixMs;
  const offered = [
    '1',
    '7000.0',
    '1.0',
    '0.1',
    clock.nowMs().toFixed(1),
    (unixMs - clock.nowMs()).toFixed(1),
  ];
  store.write('ntp', ['ntp', 'frequency'], Buffer.from('0.0'));
  store.write('ntp', ['ntp', 'offset'], Buffer.from(offered.join(' ')));
  store.write('ntp', ['ntp', 'state'], Buffer.from('refused'));
  expect(ntp.status()).toMatchObject({
    state: 'watched',
    watchedSince: 'no right',
    offsetMs: 7000,
    steps: 0,
  });
  expect(deps.control.read().unixMs).toBe(unixMs);
  await ntp.stop();
});
