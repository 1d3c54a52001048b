// SPDX-License-Identifier: Apache-2.0
import { createClockControl } from '@local-datastore/shared/confinement/system/clock-control';
import {
  type EmulatedAdjtimex,
  type EmulatedClockOptions,
  emulateAdjtimex,
} from '@local-datastore/shared/confinement/system/emulated-adjtimex';
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { beforeEach, describe, expect, test } from 'vitest';
import type { AuditEntry } from '../audit/audit-entry.ts';
import { correctionText, type OfferedCorrection, parseAnswer, quantityText } from '../keys/ntp-keys.ts';
import { createKeyStore, type KeyStore } from '../store/key-store.ts';
import { type ClockHandler, createClockHandler } from './clock.ts';

const NOW = Date.parse('2026-11-30T12:00:00Z');
const BUILT = Date.parse('2026-11-01T00:00:00Z');
const POLICY = { earliestUnixMs: BUILT, latestUnixMs: BUILT + 15 * 365 * 86_400_000 };
const PREFIX = ['clock'];

let store: KeyStore;
let kernel: EmulatedAdjtimex;
let handler: ClockHandler;
let lines: string[];
let audited: AuditEntry[];
const audit = { append: (entry: AuditEntry) => void audited.push(entry) };
let time: ReturnType<typeof createManualClock>;

function start(options: Partial<EmulatedClockOptions> = {}, onlyWatches = false): void {
  time = createManualClock();
  lines = [];
  audited = [];
  kernel = emulateAdjtimex(time, { unixMs: NOW, ...options });
  store = createKeyStore({ audit: { append: () => {} }, log: silentLog });
  const keep = (_: object, message: string) => lines.push(message);
  const log = { ...silentLog, info: keep, warn: keep, error: keep };
  const control = createClockControl(kernel.adjtimex);
  const clock = { ...time, nowMs: kernel.monotonicMs };
  handler = createClockHandler(
    { store, audit, control, clock, log },
    { prefix: PREFIX, actor: 'priv', policy: POLICY, onlyWatches },
  );
}
let sequence = 0;
/** What the calf writes; half a second later than what it wrote before. */
function write(fields: Partial<OfferedCorrection>, frequency: number | string = 0): void {
  time.advance(500);
  sequence += 1;
  const monotonicMs = kernel.monotonicMs();
  const offered = {
    ...{ sequence, offsetMs: 0, errorMs: 10, jitterMs: 1 },
    ...{ atMs: monotonicMs, wallBaseMs: kernel.unixMs() - monotonicMs },
    ...fields,
  };
  store.write(
    'ntp',
    ['clock', 'frequency'],
    Buffer.from(typeof frequency === 'string' ? frequency : quantityText(frequency)),
  );
  store.write('ntp', ['clock', 'offset'], Buffer.from(correctionText(offered)));
}
const answer = () => {
  const value = store.read(['clock', 'answer']);
  return value === undefined ? null : parseAnswer(value);
};

beforeEach(() => {
  sequence = 0;
  start();
});

test('tells how the clock is before anything is asked', () => {
  start({ frequencyPpm: 12.5 });
  expect(answer()).toMatchObject({ sequence: 0, kind: 'none', frequencyPpm: 12.5, byMs: 0 });
});

test('sets a clock of 1970, and says that it is right', () => {
  start({ unixMs: 0 });
  write({ offsetMs: NOW });
  expect(kernel.unixMs()).toBeCloseTo(NOW + 500, 0);
  expect(createClockControl(kernel.adjtimex).read().isSynchronized).toBe(true);
  expect(answer()).toMatchObject({ sequence: 1, kind: 'stepped', byMs: NOW, reason: '-' });
  expect(lines).toEqual(['the clock was set', 'the clock follows its servers']);
  expect(audited).toMatchObject([{ op: 'stepped', verdict: 'ok', value: Buffer.from(`${NOW}.000000`) }]);
});

test('tells when the clock was set last, and by how much', () => {
  expect([handler.lastStep(), handler.stepCount()]).toEqual([null, 0]);
  write({ offsetMs: 10 });
  expect([handler.lastStep(), handler.stepCount()]).toEqual([null, 0]);
  write({ offsetMs: -7000 });
  expect(handler.lastStep()).toMatchObject({ byMs: -7000 });
  expect(handler.lastStep()?.unixMs).toBeCloseTo(kernel.unixMs(), 0);
  expect(handler.stepCount()).toBe(1);
});

describe('a clock that is only watched', () => {
  test.each([
    ['slewed', 10],
    ['set', 7000],
  ])('is not %s, and that is nothing for the audit log', (_, offsetMs) => {
    start({}, true);
    const before = kernel.unixMs();
    write({ offsetMs }, 25);
    write({ offsetMs }, 25);
    expect(kernel.unixMs() - before).toBe(1000);
    expect([kernel.pendingMs(), createClockControl(kernel.adjtimex).read().frequencyPpm]).toEqual([0, 0]);
    expect(answer()).toMatchObject({ sequence: 2, kind: 'refused', reason: 'watched', byMs: 0 });
    expect([lines, audited]).toEqual([['the clock is watched, and not set'], []]);
    expect([handler.lastStep(), handler.stepCount()]).toEqual([null, 0]);
  });

  test('is not thought to be right by that', () => {
    start({}, true);
    write({ offsetMs: 10 });
    // Of a clock that was right once this would be a panic.
    write({ offsetMs: 2_000_000 });
    expect(answer()).toMatchObject({ kind: 'refused', reason: 'watched' });
    write({ offsetMs: -2 * 86_400_000 });
    expect(answer()).toMatchObject({ kind: 'refused', reason: 'backward' });
  });
});

test('slews a clock that is nearly right, at a frequency', () => {
  write({ offsetMs: 10 }, 25);
  expect(kernel.pendingMs()).toBe(10);
  expect(answer()).toMatchObject({ kind: 'slewing', byMs: 10, frequencyPpm: 25 });
  time.advance(100_000);
  expect(kernel.unixMs() - NOW - 100_500).toBeCloseTo(10 + 2.5, 3);
});

test('does nothing a second time', () => {
  write({ offsetMs: 5000 });
  const before = kernel.unixMs();
  // The very same value again, and the same correction told anew.
  const value = store.read(['clock', 'offset']) as Uint8Array;
  store.write('ntp', ['clock', 'offset'], value);
  time.advance(1000);
  store.write('ntp', ['clock', 'offset'], value);
  expect(kernel.unixMs() - before).toBe(1000);
  expect(answer()).toMatchObject({ sequence: 1, kind: 'stepped' });
  // Nor does one that was measured before the clock was set.
  write({ offsetMs: 5000, wallBaseMs: before - 5000 - kernel.monotonicMs() });
  expect(answer()).toMatchObject({ sequence: 2, kind: 'refused', reason: 'stale' });
});

describe('a correction that is refused', () => {
  test('changes nothing, is answered with why, and said now and then', () => {
    start({ isSynchronized: true });
    const before = kernel.unixMs();
    write({ offsetMs: 2_000_000 }, 400);
    write({ offsetMs: 2_000_000 }, 400);
    expect(kernel.unixMs() - before).toBe(1000);
    expect(answer()).toMatchObject({ sequence: 2, kind: 'refused', reason: 'panic', frequencyPpm: 0 });
    expect(lines).toEqual(['a correction of the clock was refused']);
    const line = { actor: 'priv', op: 'refused', path: '/clock/offset', verdict: 'panic', handler: 'clock' };
    expect(audited).toEqual([line, line].map((each) => ({ ...each, value: Buffer.from('0.000000') })));
    time.advance(600_000);
    write({ offsetMs: 2_000_000 });
    expect(lines).toHaveLength(2);
  });

  test.each([
    ['nothing', ''],
    ['garbage', '\u0000\u00ff{}'],
    ['all that fits', 'x'.repeat(4096)],
    ['numbers that are none', '1 NaN 1 1 1 1'],
  ])('as it is none (%s) gets no answer', (_, text) => {
    write({ offsetMs: 1 });
    const before = answer();
    store.write('ntp', ['clock', 'offset'], Buffer.from(text, 'latin1'));
    expect(answer()).toEqual(before);
    expect(kernel.pendingMs()).toBe(1);
    write({ offsetMs: 2 });
    expect(answer()).toMatchObject({ sequence: 2, kind: 'slewing' });
  });

  test('as its frequency is none', () => {
    write({ offsetMs: 1 });
    write({ offsetMs: 2 }, 'fast');
    expect(answer()).toMatchObject({ sequence: 2, kind: 'refused', reason: 'malformed' });
  });

  test('a flood is looked at twice a second, and not answered', () => {
    for (let turn = 0; turn < 500; turn += 1) {
      write({ offsetMs: turn % 100 });
      // The next one comes at once.
      sequence += 1;
      const value = correctionText({
        ...{ sequence, offsetMs: 50, errorMs: 1, jitterMs: 1, atMs: kernel.monotonicMs() },
        wallBaseMs: kernel.unixMs() - kernel.monotonicMs(),
      });
      store.write('ntp', ['clock', 'offset'], Buffer.from(value));
      expect(answer()?.sequence).toBe(sequence - 1);
    }
    expect(lines).toEqual(['the clock follows its servers', 'a correction of the clock was refused']);
  });
});

describe('a kernel that refuses', () => {
  test('is said with its error, and the clock is not called right', () => {
    start({ isPermitted: false, unixMs: 0 });
    write({ offsetMs: NOW });
    write({ offsetMs: NOW });
    expect(answer()).toMatchObject({ sequence: 2, kind: 'refused', reason: 'EPERM' });
    expect(lines).toEqual(['the clock could not be corrected']);
    expect(kernel.unixMs()).toBe(1000);
  });

  test('to tell the time is said, and tried again', () => {
    time = createManualClock();
    const control = createClockControl(() => {
      throw new Error('no adjtimex here');
    });
    const said: string[] = [];
    const log = { ...silentLog, error: (_: object, message: string) => said.push(message) };
    store = createKeyStore({ audit: { append: () => {} }, log: silentLog });
    createClockHandler(
      { store, audit, control, clock: time, log },
      { prefix: PREFIX, actor: 'priv', policy: POLICY },
    );
    expect(answer()).toBeNull();
    expect(said).toEqual(['the clock cannot be read']);
    write({});
    expect(answer()).toMatchObject({ kind: 'refused', reason: 'failed' });
  });
});

describe('a calf that ended', () => {
  test('has a successor that counts from 1, and no more rights', () => {
    write({ offsetMs: 5000, sequence: 999_999_999_999_999 }, 30);
    store.clear('ntp');
    expect(answer()).toMatchObject({ sequence: 0, kind: 'none', frequencyPpm: 30 });
    sequence = 0;
    write({ offsetMs: 86_400_000 });
    expect(answer()).toMatchObject({ sequence: 1, kind: 'refused', reason: 'panic' });
    write({ offsetMs: 1 });
    expect(answer()).toMatchObject({ sequence: 2, kind: 'slewing' });
  });

  test('is nothing to a handler that was stopped', () => {
    handler.stop();
    write({ offsetMs: 5000 });
    expect(kernel.unixMs()).toBe(NOW + 500);
    expect(answer()).toMatchObject({ sequence: 0 });
  });
});

test('an answer that cannot be written hinders nothing', () => {
  const refusing: KeyStore = {
    ...store,
    write(actor, path, value) {
      if (actor === 'priv') throw new Error('QUOTA');
      store.write(actor, path, value);
    },
  };
  handler.stop();
  const control = createClockControl(kernel.adjtimex);
  const clock = { ...time, nowMs: kernel.monotonicMs };
  const said: string[] = [];
  const log = { ...silentLog, warn: (_: object, message: string) => said.push(message) };
  createClockHandler(
    { store: refusing, audit, control, clock, log },
    { prefix: PREFIX, actor: 'priv', policy: POLICY },
  );
  write({ offsetMs: 10 });
  expect(kernel.pendingMs()).toBe(10);
  expect(said).toContain('the answer to the NTP client could not be written');
});
