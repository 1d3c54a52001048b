// SPDX-License-Identifier: Apache-2.0
import type { Descriptor } from '@local-datastore/shared/oci/descriptor';
import { expect, it } from 'vitest';
import type { Origin } from '../discovery/origin.ts';
import type { DownloadEvent, DownloadObserver } from '../transfer/download-request.ts';
import { type BlobTotals, fetchBlobs, SMALL_BLOB_BYTES } from './fetch-blobs.ts';

const ORIGIN: Origin = {
  url: new URL('http://ds.local/v2/a/blobs/x'),
  ...{ address: '10.1.0.5', sourceAddress: '10.1.0.1', bridgeName: 'bn1' },
};
const LARGE = SMALL_BLOB_BYTES;
const blob = (digit: string, sizeBytes: number): Descriptor => ({
  mediaType: 'application/vnd.oci.image.layer.v1.tar',
  digest: { algorithm: 'sha256', hex: digit.repeat(64) },
  sizeBytes,
});

interface Fetching {
  readonly isSmall: boolean;
  readonly observer: DownloadObserver;
  readonly signal: AbortSignal;
  end(error?: Error): void;
}

/** Downloads that go on as they are told. */
function createDownloads() {
  const running = new Map<string, Fetching>();
  const all: string[] = [];
  return {
    running: () => [...running.keys()].sort().join(''),
    started: () => all.join(''),
    get(digit: string): Fetching {
      const fetching = running.get(digit);
      if (fetching === undefined) throw new Error(`${digit} is not fetched`);
      return fetching;
    },
    fetchBlob(blob: Descriptor, isSmall: boolean, observer: DownloadObserver, signal: AbortSignal) {
      const digit = blob.digest.hex[0] ?? '';
      all.push(digit);
      return new Promise<BlobTotals>((resolve, reject) => {
        const end = (error?: Error) => {
          running.delete(digit);
          if (error !== undefined) reject(error);
          else resolve({ receivedBytes: blob.sizeBytes, resumedFromBytes: 0 });
        };
        running.set(digit, { isSmall, observer, signal, end });
        signal.addEventListener('abort', () => end(signal.reason));
      });
    },
  };
}

function start(blobs: readonly Descriptor[], presentBytes = 0) {
  const downloads = createDownloads();
  const events: DownloadEvent[] = [];
  const progress: number[] = [];
  const stop = new AbortController();
  const fetching = fetchBlobs(
    downloads.fetchBlob,
    blobs,
    { onEvent: (event) => events.push(event), onProgress: (bytes) => progress.push(bytes) },
    presentBytes,
    stop.signal,
  );
  fetching.catch(() => {});
  return { fetching, downloads, events, progress, stop };
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

it('fetches small ones three at a time, beside one large one after another', async () => {
  const blobs = [blob('a', LARGE), ...['1', '2', '3', '4'].map((each) => blob(each, 5)), blob('b', LARGE)];
  const { fetching, downloads } = start(blobs);
  expect(downloads.running()).toBe('123a');
  downloads.get('2').end();
  await settle();
  expect(downloads.running()).toBe('134a');
  for (const each of ['1', '3', '4', 'a']) downloads.get(each).end();
  await settle();
  expect(downloads.running()).toBe('b');
  downloads.get('b').end();
  expect(await fetching).toEqual({ receivedBytes: 2 * LARGE + 20, resumedFromBytes: 0 });
});

it('asks for the next large one while the last is verified, and for no third', async () => {
  const { downloads } = start(['a', 'b', 'c'].map((each) => blob(each, LARGE)));
  downloads.get('a').observer.onEvent({ kind: 'verifying' });
  await settle();
  expect(downloads.running()).toBe('ab');
  downloads.get('b').observer.onEvent({ kind: 'verifying' });
  await settle();
  expect(downloads.running()).toBe('ab');
  downloads.get('a').end();
  await settle();
  expect(downloads.running()).toBe('bc');
});

it.each([
  ['a', LARGE, false],
  ['1', LARGE - 1, true],
])('says of each whether it is small', (digit, sizeBytes, isSmall) => {
  expect(start([blob(digit, sizeBytes)]).downloads.get(digit).isSmall).toBe(isSmall);
});

it('ends all with the first failure', async () => {
  const { fetching, downloads } = start([blob('a', LARGE), blob('b', LARGE), blob('1', 5), blob('2', 5)]);
  downloads.get('1').end(new Error('the first'));
  await expect(fetching).rejects.toThrow('the first');
  expect([downloads.running(), downloads.started()]).toEqual(['', 'a12']);
});

it('ends when it is told to', async () => {
  const { fetching, downloads, stop } = start([blob('a', LARGE), blob('b', LARGE)]);
  const reason = new Error('stopped');
  stop.abort(reason);
  await expect(fetching).rejects.toBe(reason);
  expect(downloads.started()).toBe('a');
});

it('has nothing to do for an image that is here', async () => {
  expect(await start([], 7).fetching).toEqual({ receivedBytes: 0, resumedFromBytes: 0 });
});

it('tells of all as of one download', async () => {
  const { downloads, events, progress } = start([blob('a', LARGE), blob('1', 5)], 100);
  const [large, small] = [downloads.get('a').observer, downloads.get('1').observer];
  for (const observer of [large, small]) observer.onEvent({ kind: 'located', origin: ORIGIN });
  large.onEvent({ kind: 'receiving', fromBytes: 20, totalBytes: LARGE });
  small.onEvent({ kind: 'receiving', fromBytes: 0, totalBytes: 5 });
  small.onProgress(5);
  large.onProgress(30);
  small.onEvent({ kind: 'verifying' });
  const error = new Error('cut');
  large.onEvent({ kind: 'retrying', delayMs: 1, error });
  large.onEvent({ kind: 'located', origin: ORIGIN });
  large.onEvent({ kind: 'receiving', fromBytes: 30, totalBytes: LARGE });
  expect(events).toEqual([
    { kind: 'located', origin: ORIGIN },
    { kind: 'receiving', fromBytes: 120, totalBytes: LARGE + 105 },
    { kind: 'retrying', delayMs: 1, error },
    { kind: 'receiving', fromBytes: 135, totalBytes: LARGE + 105 },
  ]);
  expect(progress.slice(-3)).toEqual([125, 135, 135]);
});
