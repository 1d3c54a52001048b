// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { judgeReply, type LocalMoment, type NtpRequest, type PlausibleTimes } from './judge-reply.ts';
import { decodeNtpPacket } from './ntp-packet.ts';
import { ntpTimestampOf } from './ntp-timestamp.ts';
import { encodeReply, type ReplyFields } from './scripted-reply.ts';

const at = (date: string) => BigInt(Date.parse(date)) * 1_000_000n;
const MS = 1_000_000n;
const TIMES: PlausibleTimes = {
  earliestUnixNs: at('2026-11-01T00:00:00Z'),
  latestUnixNs: at('2041-11-01T00:00:00Z'),
};
const NOW = at('2026-11-30T12:00:00Z');
const ORIGIN = 0xfeed_beef_0123_4567n;
const PRECISION_MS = 0.001;

interface Scene {
  /** Our clock when the question went out. */
  readonly ours?: bigint;
  readonly tookMs?: number;
  readonly request?: NtpRequest | null;
}

/** Judges an answer to a question that went out at 1,000 ms of the monotonic clock. */
function judge(fields: ReplyFields, { ours = NOW, tookMs = 10, request }: Scene = {}) {
  const packet = decodeNtpPacket(encodeReply({ originTimestamp: ORIGIN, sentUnixNs: NOW, ...fields }));
  if (typeof packet === 'string') throw new Error(packet);
  const sent: LocalMoment = { atMs: 1000, unixNs: ours };
  const received = { atMs: 1000 + tookMs, unixNs: ours + BigInt(Math.round(tookMs * 1e6)) };
  const asked = request === undefined ? { transmitTimestamp: ORIGIN, sent } : request;
  return judgeReply(packet, asked, received, TIMES, PRECISION_MS);
}

describe('a sample', () => {
  test.each([
    ['both clocks the same, as far there as back', 5, 5, 0, 0, 10],
    ['the server half a second ahead', 505, 505, 0, 500, 10],
    ['the server half a second behind', -495, -495, 0, -500, 10],
    ['all of the delay on the way there', 10, 10, 0, 5, 10],
    ['all of the delay on the way back', 0, 0, 0, -5, 10],
    ['the server held it for 4 ms', 3, 7, 4, 0, 6],
  ])('%s', (_, receivedMs, sentMs, heldMs, offsetMs, delayMs) => {
    expect(sentMs - receivedMs).toBe(heldMs);
    const judged = judge({
      receivedUnixNs: NOW + BigInt(receivedMs) * MS,
      sentUnixNs: NOW + BigInt(sentMs) * MS,
    });
    expect(judged).toMatchObject({ kind: 'sample', sample: { offsetMs, delayMs, atMs: 1010 } });
  });

  test('is as uncertain as both clocks are fine, and as the question took long', () => {
    const judged = judge({ precisionLog2: -10 }, { tookMs: 100 });
    const dispersionMs = 1000 / 1024 + PRECISION_MS + 15e-6 * 100;
    expect(judged).toMatchObject({ sample: { dispersionMs: expect.closeTo(dispersionMs, 9) } });
  });

  test.each([
    [-128, 1000 * 2 ** -30],
    [127, 1000],
    [-20, 1000 * 2 ** -20],
  ])('of a server that calls its precision 2^%i counts with %d ms', (precisionLog2, precisionMs) => {
    expect(judge({ precisionLog2 })).toMatchObject({ traits: { precisionMs } });
  });

  test('has no delay that is less than what can be measured', () => {
    // The server's clock ran a little faster than ours while it held the question.
    const judged = judge({ receivedUnixNs: NOW, sentUnixNs: NOW + 10n * MS + MS / 2n });
    expect(judged).toMatchObject({ kind: 'sample', sample: { delayMs: PRECISION_MS } });
  });

  test.each([
    ['at the beginning of Unix time', at('1970-01-01T00:00:10Z')],
    ['when the program was built', TIMES.earliestUnixNs],
    ['130 years from now', at('2156-01-01T00:00:00Z')],
  ])('of a host whose clock stands %s has the whole offset', (_, ours) => {
    const judged = judge({ sentUnixNs: NOW + 5n * MS }, { ours });
    expect(
      judged.kind === 'sample' && Math.abs(judged.sample.offsetMs - Number(NOW - ours) / 1e6),
    ).toBeLessThan(0.001);
  });

  test('of the next era is one', () => {
    const later = at('2036-03-01T00:00:00Z');
    expect(judge({ sentUnixNs: later }, { ours: later - 5n * MS })).toMatchObject({
      kind: 'sample',
      sample: { offsetMs: 0 },
    });
  });

  test('whose answer spans the end of an era is one', () => {
    const end = at('2036-02-07T06:28:16Z');
    const judged = judge({ receivedUnixNs: end - MS, sentUnixNs: end + MS }, { ours: end - 5n * MS });
    expect(judged).toMatchObject({ kind: 'sample', sample: { offsetMs: 0, delayMs: 8 } });
  });

  test('carries what the server says of itself', () => {
    const judged = judge({ leap: 1, stratum: 15, rootDelayMs: 250, rootDispersionMs: 125, reference: 'GPS' });
    expect(judged).toMatchObject({
      traits: { leap: 1, stratum: 15, rootDelayMs: 250, rootDispersionMs: 125, referenceId: 0x4750_5300 },
    });
  });
});

describe('what is dropped', () => {
  const drops: readonly [string, ReplyFields, Scene, string][] = [
    ['an answer to another question', { originTimestamp: ORIGIN ^ 1n }, {}, 'origin'],
    ['an answer to no question', {}, { request: null }, 'origin'],
    ['a forged answer without origin', { originTimestamp: 0n }, {}, 'origin'],
    ['a forged farewell', { originTimestamp: 0n, stratum: 0, reference: 'DENY' }, {}, 'origin'],
    ['a server that is not synchronized', { leap: 3 }, {}, 'unsynchronized'],
    ['stratum 16', { stratum: 16 }, {}, 'unsynchronized'],
    ['stratum 255', { stratum: 255 }, {}, 'unsynchronized'],
    ['no time of receipt', { receiveTimestamp: 0n }, {}, 'timestamps'],
    ['no time', { transmitTimestamp: 0n, receivedUnixNs: NOW }, {}, 'timestamps'],
    ['sent before it was received', { receivedUnixNs: NOW + 1000n, sentUnixNs: NOW }, {}, 'timestamps'],
    ['held for longer than it took', { receivedUnixNs: NOW, sentUnixNs: NOW + 12n * MS }, {}, 'timestamps'],
    ['set in its future', { referenceTimestamp: ntpTimestampOf(NOW + 1000n * MS) }, {}, 'timestamps'],
    ['16 s from its source', { rootDispersionMs: 16_000 }, {}, 'root-distance'],
    ['32 s of delay to its source', { rootDelayMs: 32_000 }, {}, 'root-distance'],
    [
      'the most that can be said',
      { rootDelayMs: 65_535_000, rootDispersionMs: 65_535_000 },
      {},
      'root-distance',
    ],
    ['1970', { sentUnixNs: at('1970-01-01T00:00:00Z') }, {}, 'before-build'],
    ['the day before the build', { sentUnixNs: TIMES.earliestUnixNs - 1n }, {}, 'before-build'],
    ['the day after the horizon', { sentUnixNs: TIMES.latestUnixNs + 1n }, {}, 'after-horizon'],
  ];
  test.each(drops)('%s', (_, fields, scene, why) => {
    expect(judge(fields, scene)).toEqual({ kind: 'drop', why });
  });

  test.each([
    ['no reference time', { referenceTimestamp: 0n }],
    ['just less than 16 s from its source', { rootDelayMs: 2000, rootDispersionMs: 14_990 }],
    ['the first moment that can be', { sentUnixNs: TIMES.earliestUnixNs }],
    ['the last moment that can be', { sentUnixNs: TIMES.latestUnixNs }],
    ['stratum 15', { stratum: 15 }],
    ['version 3', { version: 3 }],
  ])('not %s', (_, fields: ReplyFields) => {
    expect(judge(fields)).toMatchObject({ kind: 'sample' });
  });
});

test.each([
  ['RATE', 10],
  ['DENY', 6],
  ['RSTR', 127],
  ['XXXX', -128],
])('the kiss of death %s is heard, with 2^%i', (code, pollLog2) => {
  const fields = {
    stratum: 0,
    reference: code,
    pollLog2,
    leap: 3,
    transmitTimestamp: 0n,
    receiveTimestamp: 0n,
  };
  expect(judge(fields)).toEqual({ kind: 'kiss', code, pollLog2 });
});
