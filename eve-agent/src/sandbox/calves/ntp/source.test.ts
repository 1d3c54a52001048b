// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../../../../test/random.ts';
import { encodeReply, type ReplyFields } from './scripted-reply.ts';
import {
  afterDatagram,
  afterJump,
  afterQuestion,
  isNearEnough,
  measure,
  newSource,
  type SourceOptions,
  type SourceState,
} from './source.ts';

const at = (date: string) => BigInt(Date.parse(date)) * 1_000_000n;
const START = at('2026-11-30T12:00:00Z');
const OPTIONS: SourceOptions = {
  times: { earliestUnixNs: at('2026-11-01T00:00:00Z'), latestUnixNs: at('2041-11-01T00:00:00Z') },
  precisionMs: 0.001,
};
const moment = (atMs: number) => ({ atMs, unixNs: START + BigInt(Math.round(atMs * 1e6)) });

let bits = 0n;
/** Asks at a time; the question has another number each time. */
function asked(source: SourceState, atMs: number): SourceState {
  bits += 1n;
  return afterQuestion(source, { transmitTimestamp: bits, sent: moment(atMs) }, 0);
}
/** A datagram 2 ms after a question, of a server 5 ms ahead of us. */
function told(source: SourceState, fields: ReplyFields = {}, slewedMs = 0) {
  const sentMs = source.request?.sent.atMs ?? 0;
  const bytes = encodeReply({
    originTimestamp: source.request?.transmitTimestamp ?? 0n,
    sentUnixNs: moment(sentMs + 6).unixNs,
    ...fields,
  });
  return afterDatagram(source, bytes, moment(sentMs + 2), slewedMs, OPTIONS);
}
/** After so many questions that were all answered. */
function answering(count: number): SourceState {
  let source = newSource(0);
  for (let index = 0; index < count; index += 1) source = told(asked(source, source.schedule.nextMs)).source;
  return source;
}

describe('an answer', () => {
  test('becomes a sample, closes the question and marks the server as reached', () => {
    const { source, heard } = told(asked(newSource(0), 0));
    expect(heard).toBe('sample');
    expect(source).toMatchObject({ request: null, reach: 1, trouble: null, traits: { stratum: 2 } });
    expect(source.samples).toMatchObject([{ offsetMs: 5, delayMs: 2, atMs: 2 }]);
  });

  test('counts once', () => {
    const question = asked(newSource(0), 0);
    const bytes = encodeReply({ originTimestamp: bits, sentUnixNs: moment(6).unixNs });
    const first = afterDatagram(question, bytes, moment(2), 0, OPTIONS);
    const again = afterDatagram(first.source, bytes, moment(3), 0, OPTIONS);
    expect(again).toMatchObject({ heard: 'nothing', source: { trouble: null, droppedCount: 1 } });
    expect(again.source.samples).toHaveLength(1);
  });

  test('to the question before is none', () => {
    const first = asked(newSource(0), 0);
    const late = encodeReply({ originTimestamp: bits, sentUnixNs: moment(6).unixNs });
    const { heard, source } = afterDatagram(asked(first, 2000), late, moment(2100), 0, OPTIONS);
    expect(heard).toBe('nothing');
    expect(source.request?.transmitTimestamp).toBe(bits);
  });

  test('is kept against the clock as it would be if nothing had been slewed', () => {
    const { source } = told(asked(newSource(0), 0), {}, 40);
    expect(source.samples[0]?.offsetMs).toBe(45);
  });
});

describe('what anybody can send', () => {
  test.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['a large answer', Buffer.alloc(1400, 0x24)],
    ['another origin', encodeReply({ originTimestamp: 0xffffn, sentUnixNs: START })],
    ['a farewell', encodeReply({ stratum: 0, reference: 'DENY' })],
    ['a wish for less', encodeReply({ stratum: 0, reference: 'RATE' })],
    ['no time at all', encodeReply({ leap: 3, stratum: 16 })],
  ])('%s changes nothing but the count, and leaves the question open', (_, bytes) => {
    const before = asked(answering(8), 100_000);
    const { source, heard } = afterDatagram(before, bytes, moment(100_002), 0, OPTIONS);
    expect(heard).toBe('nothing');
    expect({ ...source, droppedCount: 0 }).toEqual(before);
    expect(source.droppedCount).toBe(1);
    // The server's own answer still counts.
    expect(told(source).heard).toBe('sample');
  });
});

describe('a kiss of death', () => {
  test.each(['DENY', 'RSTR'])('%s ends all questions', (reference) => {
    const { source } = told(asked(answering(8), 100_000), { stratum: 0, reference });
    expect(source).toMatchObject({ isDenied: true, trouble: `kiss-${reference}`, samples: [], reach: 0 });
    expect(source.schedule.nextMs).toBe(Number.POSITIVE_INFINITY);
    expect(measure(source, 100_002, OPTIONS)).toBeNull();
    expect(afterJump(source, 200_000).schedule.nextMs).toBe(Number.POSITIVE_INFINITY);
  });

  test('RATE makes questions fewer, and takes no sample away', () => {
    const before = asked(answering(8), 100_000);
    const { source } = told(before, { stratum: 0, reference: 'RATE' });
    expect(source.schedule).toMatchObject({ pollLog2: 7, nextMs: 100_002 + 128_000 });
    expect(source.samples).toHaveLength(8);
    expect(source.isDenied).toBe(false);
    // Nor does a jump of the clock ask it sooner.
    expect(afterJump(source, 100_010).schedule.nextMs).toBe(100_002 + 128_000);
  });

  test('that nobody knows is no sample and no reason to stop', () => {
    const before = asked(answering(8), 100_000);
    const { source, heard } = told(before, { stratum: 0, reference: 'INIT' });
    expect(heard).toBe('trouble');
    expect(source).toMatchObject({ trouble: 'kiss-INIT', request: null, schedule: before.schedule });
  });
});

describe('a server that answers without a time', () => {
  test.each<[string, ReplyFields, string]>([
    ['is not synchronized', { leap: 3 }, 'unsynchronized'],
    ['is too far from its source', { rootDispersionMs: 20_000 }, 'root-distance'],
    ['is in 1980', { sentUnixNs: at('1980-01-06T00:00:00Z') }, 'before-build'],
    ['is in 2080', { sentUnixNs: at('2080-01-06T00:00:00Z') }, 'after-horizon'],
  ])('%s: what it said before does not count either', (_, fields, trouble) => {
    const { source, heard } = told(asked(answering(8), 100_000), fields);
    expect(heard).toBe('trouble');
    expect(source).toMatchObject({ samples: [], traits: null, trouble, request: null });
    expect(source.reach & 1).toBe(1);
    expect(measure(source, 100_002, OPTIONS)).toBeNull();
  });
});

describe('reach', () => {
  test('is forgotten, with all samples, after eight questions without an answer', () => {
    let source = answering(8);
    const reaches: number[] = [];
    for (let index = 0; index < 8; index += 1) {
      source = asked(source, source.schedule.nextMs);
      reaches.push(source.reach);
      expect(source.samples.length).toBe(index < 7 ? 8 : 0);
    }
    expect(reaches).toEqual([0xfe, 0xfc, 0xf8, 0xf0, 0xe0, 0xc0, 0x80, 0]);
    expect(measure(source, 1e6, OPTIONS)).toBeNull();
    // It comes back with a burst, as the last one was long ago.
    const back = told(asked(source, source.schedule.nextMs + 600_000)).source;
    expect(back.schedule.burstLeft).toBeGreaterThan(0);
  });
});

describe('distance', () => {
  test('is that to the source of the source, and at least 2.5 ms', () => {
    const measured = measure(answering(8), 14_002, OPTIONS);
    // Half of 5 ms, 1 ms that the server says, and a little for age and precision.
    expect(measured?.rootDistanceMs).toBeGreaterThan(3.5);
    expect(measured?.rootDistanceMs).toBeLessThan(3.8);
  });

  test.each([
    [1, false],
    [3, false],
    [4, true],
    [8, true],
  ])('of %i samples is near enough: %s', (count, expected) => {
    const source = answering(count);
    const measured = measure(source, source.schedule.nextMs, OPTIONS);
    expect(measured !== null && isNearEnough(measured, source)).toBe(expected);
  });

  test('of a server that is 1 s from its source is too far', () => {
    let source = newSource(0);
    for (let index = 0; index < 8; index += 1) {
      source = told(asked(source, source.schedule.nextMs), { rootDispersionMs: 1000 }).source;
    }
    const measured = measure(source, source.schedule.nextMs, OPTIONS);
    expect(measured !== null && isNearEnough(measured, source)).toBe(false);
  });

  test('grows while the server is silent, until it is too far', () => {
    const source = answering(8);
    const hours = (count: number) => measure(source, count * 3_600_000, OPTIONS);
    const far = hours(24);
    expect(far !== null && isNearEnough(far, source)).toBe(false);
    const near = hours(1);
    expect(near !== null && isNearEnough(near, source)).toBe(true);
  });
});

test('after a jump nothing of before counts, and the server is asked at once', () => {
  const source = afterJump(asked(answering(8), 100_000), 100_001);
  expect(source).toMatchObject({ samples: [], traits: null, request: null, schedule: { nextMs: 100_001 } });
  expect(told(source, { originTimestamp: bits }).heard).toBe('nothing');
});

test('no datagram makes a source lose its bounds', () => {
  const random = createRandom(5905);
  let source = newSource(0);
  let nowMs = 0;
  let samples = 0;
  for (let turn = 0; turn < 4000; turn += 1) {
    // Between two questions come up to some datagrams.
    nowMs =
      random.next() < 0.5 ? Math.max(nowMs, source.schedule.nextMs) + 1 : nowMs + random.integer(1, 500);
    if (source.schedule.nextMs <= nowMs) source = asked(source, nowMs);
    const bytes = encodeReply({
      originTimestamp: random.next() < 0.9 ? (source.request?.transmitTimestamp ?? 0n) : 1n,
      sentUnixNs: moment(nowMs).unixNs + BigInt(random.integer(-(2 ** 40), 2 ** 40)),
      stratum: random.pick([0, 1, 2, 15, 16, 255]),
      leap: random.pick([0, 0, 0, 1, 2, 3]),
      reference: random.pick(['RATE', 'INIT', 0]),
      pollLog2: random.integer(-128, 127),
      precisionLog2: random.integer(-128, 127),
      rootDelayMs: random.next() * 1000,
      rootDispersionMs: random.next() * 1000,
    });
    if (random.next() < 0.2) bytes.writeUInt8(random.integer(0, 255), random.integer(0, bytes.length - 1));
    const after = afterDatagram(source, bytes, moment(nowMs), 0, OPTIONS);
    ({ source } = after);
    if (after.heard === 'sample') samples += 1;
    expect(source.samples.length).toBeLessThanOrEqual(8);
    expect(source.schedule.pollLog2).toBeLessThanOrEqual(10);
    if (source.schedule.nextMs !== Number.POSITIVE_INFINITY) {
      expect(source.schedule.nextMs - nowMs).toBeLessThanOrEqual(1024 * 1000 * 1.07);
    }
    const measured = measure(source, nowMs, OPTIONS);
    if (measured !== null) expect(Number.isFinite(measured.rootDistanceMs + measured.offsetMs)).toBe(true);
  }
  expect(samples).toBeGreaterThan(100);
});
