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
  expect(result).toEqual({ failure: null, sizeBytes: SIZE, caveats: [] });
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
    ['stores the file as "br" packed it', [answered(200, { ...SOUND, 'content-encoding': 'br' })]],
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

describe('an interrupted download', () => {
  test.each<[RegExp, ExchangeOutcome]>([
    [/fails for good: status 200/, answered(200, SOUND)],
    [/fails for good: status 416/, answered(416, {})],
    [/cannot go on: reset/, { kind: 'failed', message: 'reset' }],
    [/ends short.*"Accept-Ranges: bytes" is missing/, answered(206, { ...PART, 'accept-ranges': [] })],
    [
      /put together wrong: .*got "bytes 0-9\/10"/,
      answered(206, { ...PART, 'content-range': 'bytes 0-9/10' }),
    ],
    [/starts over each time/, answered(206, { ...PART, 'last-modified': 'now' })],
  ])('%s', async (caveat, part) => {
    const { result } = await transfer(answered(200, SOUND), part);
    expect(result).toMatchObject({
      failure: null,
      sizeBytes: SIZE,
      caveats: [expect.stringMatching(caveat)],
    });
  });

  test('starts from the beginning without ranges', async () => {
    const { result, requests } = await transfer(answered(200, { 'content-length': String(SIZE) }));
    expect(result.caveats).toEqual([expect.stringContaining('starts from the beginning')]);
    expect(requests).toHaveLength(1);
  });

  test('goes on when nginx is told to add the field, which then stands twice on the 200', async () => {
    const { result } = await transfer(answered(200, { ...SOUND, 'accept-ranges': ['bytes', 'bytes'] }));
    expect(result.caveats).toEqual([]);
  });
});

test('gzip is unpacked, so that the size is unknown', async () => {
  const { result } = await transfer(answered(200, { ...SOUND, 'content-encoding': 'gzip' }));
  expect(result).toMatchObject({ failure: null, sizeBytes: null });
  expect(result.caveats[0]).toContain('gzipped');
});
