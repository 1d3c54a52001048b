// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { CodedError } from '@local-datastore/shared/errors';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { digestOfHex, type OciDigest } from '@local-datastore/shared/oci/digest';
import { beforeEach, describe, expect, it } from 'vitest';
import { DiscoveryError } from '../discovery/discovery-error.ts';
import type { Origin } from '../discovery/origin.ts';
import { createDownload } from './download.ts';
import type { DownloadDeps, DownloadEvent, Unauthorized } from './download-request.ts';
import { createMemoryTarget, type MemoryTarget } from './memory-target.ts';
import { createScriptedFlows, type ScriptedAnswer } from './scripted-flows.ts';
import type { Target } from './target.ts';

const CONTENT = 'some bytes of an image';
const DIGEST = digestOfHex(createHash('sha256').update(CONTENT).digest('hex'));
const FIELDS = 'ETag: "one"\r\nAccept-Ranges: bytes\r\n';
const WHOLE = `HTTP/1.1 200 OK\r\n${FIELDS}Content-Length: ${CONTENT.length}\r\n\r\n`;
const FROM_9 =
  `HTTP/1.1 206 Partial Content\r\n${FIELDS}Content-Range: bytes 9-${CONTENT.length - 1}/${CONTENT.length}\r\n` +
  `Content-Length: ${CONTENT.length - 9}\r\n\r\n${CONTENT.slice(9)}`;
const REQUEST = { digest: DIGEST, sizeBytes: null, authorization: null, ca: null };

interface Circumstances {
  readonly maxFailures?: number;
  readonly digest?: OciDigest | null;
  /** Where the datastore is, on one bridge each. */
  readonly addresses?: readonly string[];
  /** At which looks for it no bridge is up, from 1 on. */
  readonly noBridgeAt?: readonly number[];
  readonly authorization?: string | null;
  /** What is sent in place of a refused credential, in turn. */
  readonly tokens?: readonly string[];
}

/** Without a socket, a file or a thread. A body that stops is slow: the clock is moved when there is nothing else. */
async function download(
  answers: readonly ScriptedAnswer[],
  target: MemoryTarget,
  {
    maxFailures = 3,
    digest = DIGEST,
    addresses = ['10.1.0.5'],
    noBridgeAt = [],
    authorization = null,
    tokens,
  }: Circumstances = {},
) {
  const flows = createScriptedFlows(answers);
  const clock = createManualClock();
  const events: DownloadEvent['kind'][] = [];
  let looks = 0;
  const run = createDownload(
    {
      async locate(url, _signal, slow = new Set()): Promise<Origin> {
        looks += 1;
        if (noBridgeAt.includes(looks)) throw new DiscoveryError('NO_BRIDGE', 'no bridge');
        const address = addresses.find((each) => !slow.has(each)) ?? addresses[0] ?? null;
        return { url, address, sourceAddress: '10.1.0.1', bridgeName: 'bn1' };
      },
      clock,
      openFlow: flows.openFlow,
      delay: async () => {},
      now: () => 0,
      random: () => 0,
    },
    {
      ...{ retry: { maxFailures, maxDelayMs: 1000 }, stallTimeoutMs: 20_000, userAgent: 'test' },
      ...{ leastRate: { bytesPerSecond: 1000, windowMs: 1000 }, reconnectsWhenSlow: true },
    },
  );
  const refusals: Unauthorized[] = [];
  const renewAuthorization =
    tokens && (async (refusal: Unauthorized) => tokens[refusals.push(refusal) - 1] ?? null);
  const credential = { authorization, renewAuthorization };
  const request = { ...REQUEST, ...credential, digest, url: new URL('http://ds.local/a.img'), target };
  const observer = {
    onEvent: ({ kind }: DownloadEvent) => events.push(kind),
    onProgress: () => void setImmediate(() => clock.advance(100_000)),
  };
  const outcome = await run(request, observer, new AbortController().signal).catch((error: Error) => error);
  return { outcome, events, refusals, ...flows };
}

it('asks the address that was found, by the name that was asked for, and fills the target', async () => {
  const target = createMemoryTarget();
  const { outcome, places, requests, events } = await download([WHOLE + CONTENT], target);
  expect(outcome).toMatchObject({ digest: DIGEST, verifiedAgainst: 'request', attempts: 1 });
  expect(target.published()?.toString()).toBe(CONTENT);
  expect(places).toEqual([{ host: '10.1.0.5', port: 80, localAddress: '10.1.0.1', refusesInternal: false }]);
  expect(requests[0]).toMatch(/^GET \/a\.img HTTP\/1\.1\r\n(?:.*\r\n)*host: ds\.local\r\n/i);
  expect(events).toEqual(['located', 'receiving', 'verifying']);
});

describe('while the target is opened', () => {
  const url = new URL('http://ds.local/a.img');
  const origin = { url, address: '10.1.0.5', sourceAddress: '10.1.0.1', bridgeName: 'bn1' };
  const OPTIONS = { retry: { maxFailures: 0, maxDelayMs: 0 }, stallTimeoutMs: 1000, userAgent: 'test' };
  const observer = { onEvent() {}, onProgress() {} };
  /** Of each look for the datastore. */
  let signals: AbortSignal[];
  beforeEach(() => {
    signals = [];
  });

  function run(target: Target, found: () => Promise<Origin>) {
    const { openFlow } = createScriptedFlows([WHOLE + CONTENT]);
    const locate: DownloadDeps['locate'] = (_url, signal) => {
      signals.push(signal);
      return found();
    };
    const deps = { locate, openFlow, delay: async () => {}, now: () => 0, random: () => 0 };
    const request = { ...REQUEST, url, target };
    return createDownload(deps, OPTIONS)(request, observer, new AbortController().signal);
  }

  it('the datastore is looked for, once', async () => {
    const looked = Promise.withResolvers<void>();
    const target = createMemoryTarget();
    const open = () => looked.promise.then(() => target.open());
    const result = await run({ open }, async () => {
      looked.resolve();
      return origin;
    });
    expect([result.digest, signals.length]).toEqual([DIGEST, 1]);
  });

  it('nobody looks on where the target cannot be had', async () => {
    const open = () => Promise.reject(new CodedError('TARGET_BUSY', 'another download has it'));
    const never = Promise.withResolvers<Origin>();
    await expect(run({ open }, () => never.promise)).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  it('a datastore that is not found is told of, and the target let go', async () => {
    const target = createMemoryTarget();
    const missing = () => Promise.reject(new DiscoveryError('DATASTORE_NOT_FOUND', 'no answer'));
    await expect(run(target, missing)).rejects.toMatchObject({ code: 'DATASTORE_NOT_FOUND' });
    await (await target.open()).close();
  });
});

it('goes on where a flow broke off, within a run', async () => {
  const target = createMemoryTarget();
  const { outcome, requests } = await download([WHOLE + CONTENT.slice(0, 9), FROM_9], target);
  expect(outcome).toMatchObject({ attempts: 2, resumedFromBytes: 0, receivedBytes: CONTENT.length });
  expect(requests[1]).toMatch(/\r\nrange: bytes=9-\r\nif-range: "one"\r\n/i);
  expect(target.published()?.toString()).toBe(CONTENT);
});

it('goes on when the only bridge was down meanwhile, and gives up at once where there is none', async () => {
  const target = createMemoryTarget();
  const answers = [WHOLE + CONTENT.slice(0, 9), FROM_9];
  const down = await download(answers, target, { noBridgeAt: [2, 3] });
  expect(down.outcome).toMatchObject({ attempts: 4, receivedBytes: CONTENT.length });
  expect(target.published()?.toString()).toBe(CONTENT);
  const none = await download(answers, createMemoryTarget(), { noBridgeAt: [1] });
  expect([none.outcome, none.events]).toEqual([expect.objectContaining({ code: 'NO_BRIDGE' }), []]);
});

it('goes on in a later run with what the target has kept', async () => {
  const target = createMemoryTarget();
  const first = await download([WHOLE + CONTENT.slice(0, 9)], target, { maxFailures: 0 });
  expect(first.outcome).toMatchObject({ code: 'CONNECTION_LOST' });
  const second = await download([FROM_9], target);
  expect(second.outcome).toMatchObject({ resumedFromBytes: 9, receivedBytes: CONTENT.length - 9 });
  expect(target.published()?.toString()).toBe(CONTENT);
});

it('throws away what is not what was wanted', async () => {
  const target = createMemoryTarget();
  const { outcome } = await download([WHOLE + CONTENT], target, { digest: digestOfHex('f'.repeat(64)) });
  expect(outcome).toMatchObject({ code: 'DIGEST_MISMATCH' });
  expect([target.published(), (await target.open()).stored]).toEqual([null, null]);
});

it('asks for no byte of a body that there is no room for', async () => {
  const target = createMemoryTarget(5);
  const { outcome, events } = await download([WHOLE + CONTENT], target);
  expect(outcome).toMatchObject({ code: 'NO_SPACE' });
  expect(events).toEqual(['located']);
});

const BEGUN = { begun: WHOLE + CONTENT.slice(0, 9) };

it('prefers another address of the datastore to one that is slow', async () => {
  const target = createMemoryTarget();
  const addresses = ['10.1.0.5', '10.2.0.5'];
  const { outcome, places, requests } = await download([BEGUN, FROM_9], target, { addresses });
  expect(outcome).toMatchObject({ attempts: 2, receivedBytes: CONTENT.length });
  expect(places.map(({ host }) => host)).toEqual(addresses);
  expect(requests[1]).toMatch(/\r\nrange: bytes=9-\r\n/i);
  expect(target.published()?.toString()).toBe(CONTENT);
});

it('takes the slow one up where it was, when there is no other', async () => {
  const target = createMemoryTarget();
  const { outcome, places, events } = await download([BEGUN, FROM_9], target);
  expect(outcome).toMatchObject({ attempts: 2, receivedBytes: CONTENT.length });
  expect(places.map(({ host }) => host)).toEqual(['10.1.0.5', '10.1.0.5']);
  expect(events.filter((kind) => kind === 'slow')).toHaveLength(1);
});

const UNAUTHORIZED =
  'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm="x"\r\nContent-Length: 0\r\n\r\n';

it.each([
  ['asks with a credential where one is wanted', [UNAUTHORIZED, WHOLE + CONTENT], ['1'], 2],
  [
    'asks with another credential where the first one ends, and goes on',
    [UNAUTHORIZED, WHOLE + CONTENT.slice(0, 9), UNAUTHORIZED, FROM_9],
    ['1', '2'],
    4,
  ],
])('%s', async (_title, answers, tokens, requestCount) => {
  const target = createMemoryTarget();
  const { outcome, requests, refusals } = await download(answers, target, { tokens });
  expect(outcome).toMatchObject({ digest: DIGEST });
  expect(requests).toHaveLength(requestCount);
  expect(requests.map((request) => /\r\nauthorization: (\S+)/i.exec(request)?.[1] ?? null)).toEqual(
    requestCount === 2 ? [null, '1'] : [null, '1', '1', '2'],
  );
  expect(refusals[0]).toMatchObject({ refused: null, challenge: 'Bearer realm="x"' });
});

it.each([
  ['there is no other', [] as string[], 1],
  ['each one is refused', ['1', '2', '3', '4'], 3],
])('gives up on a refused credential where %s', async (_title, tokens, requestCount) => {
  const answers = Array.from({ length: 9 }, () => UNAUTHORIZED);
  const { outcome, requests } = await download(answers, createMemoryTarget(), { tokens });
  expect(outcome).toMatchObject({ code: 'HTTP_STATUS', details: { statusCode: 401 } });
  expect(requests).toHaveLength(requestCount);
});

const ELSEWHERE =
  'HTTP/1.1 307 Temporary Redirect\r\nLocation: http://ds.local:81/b\r\nContent-Length: 0\r\n\r\n';
const GONE = 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n';

it('asks again where a place ended that it was led to, and tells it no credential', async () => {
  const target = createMemoryTarget();
  const answers = [ELSEWHERE, WHOLE + CONTENT.slice(0, 9), GONE, ELSEWHERE, FROM_9];
  const { outcome, requests } = await download(answers, target, { authorization: 'Basic abc' });
  expect(outcome).toMatchObject({ digest: DIGEST, receivedBytes: CONTENT.length });
  expect(requests.map((request) => /^GET (\S+)/.exec(request)?.[1])).toEqual([
    ...['/a.img', '/b', '/b', '/a.img', '/b'],
  ]);
  expect(requests.map((request) => /\r\nauthorization:/i.test(request))).toEqual([
    ...[true, false, false, true, false],
  ]);
});

it('is refused where such a place gives nothing', async () => {
  const answers = [ELSEWHERE, GONE, ELSEWHERE, GONE];
  const { outcome, requests } = await download(answers, createMemoryTarget());
  expect(outcome).toMatchObject({ code: 'HTTP_STATUS', details: { statusCode: 403 } });
  expect(requests).toHaveLength(2);
});
