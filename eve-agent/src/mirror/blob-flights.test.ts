// SPDX-License-Identifier: Apache-2.0
import { setImmediate as turn } from 'node:timers/promises';
import { CodedError } from '@local-datastore/shared/errors';
import { silentLog } from '@local-datastore/shared/log';
import { digestOfHex, formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { beforeEach, expect, it } from 'vitest';
import type { ArrivingFile } from '../content/arriving-file.ts';
import type { ArrivalObserver } from '../content/file-target.ts';
import type { DownloadObserver, DownloadRequest, DownloadResult } from '../transfer/download-request.ts';
import { ContentError, TransferError } from '../transfer/errors.ts';
import { createMemoryTarget } from '../transfer/memory-target.ts';
import { type BlobFlights, createBlobFlights } from './blob-flights.ts';

const DIGEST = digestOfHex('a'.repeat(64));
const ORIGIN = { url: new URL('http://a.local/'), address: null, sourceAddress: null, bridgeName: null };

interface Running {
  readonly request: DownloadRequest;
  readonly observer: DownloadObserver;
  readonly arrival: ArrivalObserver;
  readonly makeRoom: (bytes: number) => Promise<void>;
  finish(sizeBytes: number): void;
  fail(error: Error): void;
}

let running: Running[];
let log: string[];
let stop: AbortController;
let flights: BlobFlights;

/** What is told to whoever reads it. */
function tellingFile(digest: OciDigest, sizeBytes: number): ArrivingFile {
  const told = (what: string) => () => void log.push(`${what} ${digest.hex[0]}`);
  log.push(`begins ${digest.hex[0]} ${sizeBytes}`);
  return {
    onStored: (bytes) => void log.push(`stored ${bytes}`),
    onEmptied: told('emptied'),
    onVerified: told('verified'),
    onFailed: (error) => void log.push(`failed ${error.message}`),
    async *read() {
      yield Buffer.from('bytes');
    },
  };
}

beforeEach(() => {
  running = [];
  log = [];
  stop = new AbortController();
  const targets: { arrival: ArrivalObserver; makeRoom: Running['makeRoom'] }[] = [];
  flights = createBlobFlights(
    {
      log: silentLog,
      cache: {
        claim: async (_digest, bytes) => void log.push(`claims ${bytes}`),
        settle: async () => void log.push('settled'),
        hold: () => {
          log.push('held');
          return () => void log.push('released');
        },
      },
      createTarget(_digest, arrival, makeRoom) {
        targets.push({ arrival, makeRoom });
        return createMemoryTarget();
      },
      createArrivingFile: tellingFile,
      download(request, observer, signal) {
        const target = targets.at(-1);
        if (target === undefined) throw new Error('no target');
        return new Promise<DownloadResult>((resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
          const result = { digest: DIGEST, verifiedAgainst: 'request' as const, attempts: 1, origin: ORIGIN };
          running.push({
            ...{ request, observer, ...target },
            finish: (sizeBytes) =>
              resolve({ ...result, sizeBytes, receivedBytes: sizeBytes, resumedFromBytes: 0 }),
            fail: reject,
          });
        });
      },
    },
    stop.signal,
  );
});

const wanted = (hosts: readonly string[], digest = DIGEST, sizeBytes: number | null = null) => ({
  ...{ digest, sizeBytes, host: 'a.local', nobody: () => new Error('nobody has it') },
  async *sources() {
    for (const host of hosts)
      yield { url: new URL(`http://${host}/`), authorization: null, ca: null, renewAuthorization: undefined };
  },
});
const receive = (flight: Running | undefined, totalBytes: number | null) =>
  flight?.observer.onEvent({ kind: 'receiving', fromBytes: 0, totalBytes });
async function at(index: number): Promise<Running> {
  await expect.poll(() => running.length).toBeGreaterThan(index);
  return running[index] as Running;
}

it('comes once for all who ask, and is given as soon as its first bytes are to come', async () => {
  const opening = [flights.open(wanted(['a.local'])), flights.open(wanted(['a.local']))];
  const flight = await at(0);
  flight.arrival.onStored(5);
  receive(flight, 100);
  const blobs = await Promise.all(opening);
  expect(blobs.map(({ sizeBytes }) => sizeBytes)).toEqual([100, 100]);
  await flight.makeRoom(95);
  flight.arrival.onStored(60);
  for (const { release } of blobs) release();
  expect(await flights.join(DIGEST)).toBeDefined();
  flight.finish(100);
  await expect.poll(() => log.at(-1)).toBe('verified a');
  await turn();
  expect(flights.join(DIGEST)).toBeUndefined();
  expect(running).toHaveLength(1);
  const expected = [
    'held',
    'held',
    'begins a 100',
    'stored 5',
    'claims 95',
    'stored 60',
    'released',
    'released',
  ];
  expect(log).toEqual([...expected, 'held', 'settled', 'verified a']);
});

it('asks the next one where one fails, and empties what was wrong', async () => {
  const opening = flights.open(wanted(['a.local', 'b.local', 'c.local']));
  const first = await at(0);
  first.fail(new TransferError('HTTP_STATUS', 'not here', { details: { statusCode: 404 } }));
  const second = await at(1);
  receive(second, 10);
  expect((await opening).sizeBytes).toBe(10);
  second.fail(new ContentError('DIGEST_MISMATCH', 'wrong'));
  const third = await at(2);
  expect(third.request.url.host).toBe('c.local');
  // By now it is known how large it is to be.
  expect(third.request.sizeBytes).toBe(10);
  third.finish(10);
  await expect.poll(() => log.at(-1)).toBe('verified a');
  expect(log).toContain('emptied a');
});

it('says what the first one said where nobody has it', async () => {
  const opening = flights.open(wanted(['a.local', 'b.local']));
  (await at(0)).fail(new Error('the first'));
  (await at(1)).fail(new Error('the second'));
  await expect(opening).rejects.toThrow('the first');
  await expect(flights.open(wanted([]))).rejects.toThrow('nobody has it');
  expect(log).toEqual(['held', 'settled', 'released', 'held', 'settled', 'released']);
});

it('asks nobody else where this host itself has no room', async () => {
  const opening = flights.open(wanted(['a.local', 'b.local']));
  (await at(0)).fail(new CodedError('NO_SPACE', 'full'));
  await expect(opening).rejects.toThrow('full');
  expect(running).toHaveLength(1);
});

it('takes nothing of which nobody says how large it is', async () => {
  const opening = flights.open(wanted(['a.local']));
  receive(await at(0), null);
  await expect(opening).rejects.toThrow('does not say how large');
  const known = flights.open(wanted(['a.local'], DIGEST, 7));
  receive(await at(1), null);
  expect((await known).sizeBytes).toBe(7);
});

it('ends what has begun with its cause, and all when it is told to', async () => {
  const opening = flights.open(wanted(['a.local']));
  receive(await at(0), 10);
  await opening;
  stop.abort(new Error('stopped'));
  await flights.stop();
  expect(log.at(-1)).toBe('failed stopped');
  await expect(flights.open(wanted(['a.local']))).rejects.toThrow('stopped');
});

it('begins no more than a few at a time', async () => {
  for (let i = 0; i < 5; i += 1) {
    flights.open(wanted(['a.local'], digestOfHex(String(i).repeat(64)))).catch(() => {});
  }
  await at(2);
  await turn();
  expect(running.map(({ request }) => formatDigest(request.digest ?? DIGEST)[7])).toEqual(['0', '1', '2']);
  running[0]?.fail(new Error('gone'));
  await at(3);
});
