// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { ExchangeOutcome, ExchangeRequest } from '../probes/exchange.ts';
import { createEveTransfer } from './transfer.ts';

const SIZE = 1_000_000;
const SOUND = { 'content-length': String(SIZE), 'accept-ranges': 'bytes', 'last-modified': 'then' };
const PART = {
  'accept-ranges': 'bytes',
  'content-range': 'bytes 65536-999999/1000000',
  'last-modified': 'then',
};

const answered = (
  statusCode: number,
  headers: Record<string, string | string[]>,
): Extract<ExchangeOutcome, { kind: 'answered' }> => ({
  ...{ kind: 'answered', statusCode, headers },
  ...{ receivedBytes: 65_536, isComplete: false, receivedAtMs: 0 },
});

async function transfer(
  whole: ExchangeOutcome | ExchangeOutcome[],
  part: ExchangeOutcome = answered(206, PART),
) {
  const requests: ExchangeRequest[] = [];
  const outcomes = [whole].flat();
  const run = createEveTransfer(async (request) => {
    requests.push(request);
    return request.headers.range === undefined ? (outcomes.shift() as ExchangeOutcome) : part;
  });
  const result = await run({
    url: new URL('http://10.1.0.5/a.img'),
    sourceAddress: '10.1.0.1',
    authorization: null,
    ca: null,
    signal: new AbortController().signal,
  });
  return { result, requests };
}

test('a GET, broken off after the first chunk, and the resume: as EVE sends them', async () => {
  const { result, requests } = await transfer(answered(200, SOUND));
  expect(result).toEqual({
    ...{ failure: null, sizeBytes: SIZE, caveats: [] },
    resume: { isSound: true, outcome: 'goes on from where it was' },
  });
  const common = {
    host: '10.1.0.5',
    'user-agent': 'UnityNetworkReporter/ (linux amd64) eve-agent-doctor',
    'content-type': 'application/octet-stream',
  };
  expect(requests.map(({ headers, maxBytes }) => ({ headers, maxBytes }))).toEqual([
    { headers: { ...common, 'accept-encoding': 'gzip' }, maxBytes: 65_536 },
    { headers: { ...common, range: 'bytes=65536-' }, maxBytes: 1 },
  ]);
  expect(requests.every(({ sourceAddress }) => sourceAddress === '10.1.0.1')).toBe(true);
});

describe('fails', () => {
  test.each<[string, ExchangeOutcome[]]>([
    ['gets "bad response code: 404"', [answered(404, {})]],
    ['gets "bad response code: 206"', [answered(206, PART)]],
    ['gets no answer: refused', [{ kind: 'failed', message: 'refused' }]],
    [
      'is redirected to ds.local, which it does not look up by multicast DNS again',
      [answered(302, { location: 'http://ds.local/b.img' })],
    ],
    [
      'cannot follow the redirect to "/round"',
      Array.from({ length: 11 }, () => answered(302, { location: '/round' })),
    ],
  ])('%s', async (failure, outcomes) => {
    expect((await transfer(outcomes)).result.failure).toBe(failure);
  });
});

test('a redirect to a path is followed', async () => {
  const { result, requests } = await transfer([answered(301, { location: '/b.img' }), answered(200, SOUND)]);
  expect(result.failure).toBeNull();
  expect(requests.map(({ url }) => url.pathname)).toEqual(['/a.img', '/b.img', '/b.img']);
});

/** EVE 16 and later sends `Range` whatever the 200 said, and goes by the 206 alone. */
describe('an interrupted download', () => {
  const without = { ...SOUND, 'accept-ranges': [] };
  test.each<[string, Record<string, string | string[]>, ExchangeOutcome, boolean, RegExp]>([
    ['206', SOUND, answered(206, PART), true, /^goes on from where it was$/],
    ['206, nothing said on the 200', without, answered(206, PART), true, /^goes on/],
    [
      '206, "none" said on the 200',
      { ...SOUND, 'accept-ranges': 'none' },
      answered(206, PART),
      true,
      /^goes on/,
    ],
    [
      '206, said twice on it',
      SOUND,
      answered(206, { ...PART, 'accept-ranges': ['bytes', 'bytes'] }),
      true,
      /^goes/,
    ],
    [
      '206, another Last-Modified',
      SOUND,
      answered(206, { ...PART, 'last-modified': 'now' }),
      true,
      /^goes on/,
    ],
    ['200', SOUND, answered(200, SOUND), false, /^fails for good: "bad response code: 200" at every/],
    [
      '200, nothing said',
      without,
      answered(200, without),
      false,
      /^fails for good: "bad response code: 200"/,
    ],
    ['416', SOUND, answered(416, {}), false, /^fails for good: "bad response code: 416"/],
    ['403', SOUND, answered(403, {}), false, /^fails for good: "bad response code: 403"/],
    ['503', SOUND, answered(503, {}), false, /"bad response code: 503"/],
    ['no answer', SOUND, { kind: 'failed', message: 'reset' }, false, /^cannot go on: reset/],
    [
      '206, as nginx',
      SOUND,
      answered(206, { ...PART, 'accept-ranges': [] }),
      false,
      /^ends short.*missing on the 206/,
    ],
    ['206, "Bytes"', SOUND, answered(206, { ...PART, 'accept-ranges': 'Bytes' }), false, /^ends short/],
    [
      '206 of another part',
      SOUND,
      answered(206, { ...PART, 'content-range': 'bytes 0-9/10' }),
      false,
      /wrong.*gets "bytes 0-9\/10"/,
    ],
    ['206 without Content-Range', SOUND, answered(206, { ...PART, 'content-range': [] }), false, /wrong/],
  ])('%s', async (_, whole, part, isSound, outcome) => {
    const { result, requests } = await transfer(answered(200, whole), part);
    expect(result).toMatchObject({ failure: null, sizeBytes: SIZE, caveats: [] });
    expect(result.resume).toEqual({ isSound, outcome: expect.stringMatching(outcome) });
    expect(requests).toHaveLength(2);
  });

  test('of a file without bytes is none', async () => {
    const empty = { ...answered(200, { ...SOUND, 'content-length': '0' }), receivedBytes: 0 };
    const { result, requests } = await transfer(empty);
    expect(result.resume).toBeNull();
    expect(requests).toHaveLength(1);
  });
});

describe('Content-Encoding', () => {
  test.each(['identity', 'Identity', 'none', 'utf-8', ''])('"%s" is none', async (coding) => {
    const { result } = await transfer(answered(200, { ...SOUND, 'content-encoding': coding }));
    expect(result).toMatchObject({ failure: null, sizeBytes: SIZE, caveats: [] });
  });

  test.each(['br', 'x-gzip', 'zstd', 'gzip, gzip'])('"%s": stored as it comes', async (coding) => {
    const { result } = await transfer(answered(200, { ...SOUND, 'content-encoding': coding }));
    expect(result).toMatchObject({ failure: null, sizeBytes: SIZE, resume: { isSound: true } });
    expect(result.caveats).toEqual([expect.stringContaining(`as it comes, labelled "${coding}"`)]);
  });

  test.each(['gzip', 'GZIP'])(
    '%s is unpacked: the size is unknown, and an interruption final',
    async (coding) => {
      const { result, requests } = await transfer(answered(200, { ...SOUND, 'content-encoding': coding }));
      expect(result).toMatchObject({ failure: null, sizeBytes: null });
      expect(result.caveats).toEqual([expect.stringContaining('gzipped')]);
      expect(result.resume).toEqual({ isSound: false, outcome: expect.stringContaining('never recovers') });
      expect(requests).toHaveLength(1);
    },
  );
});
