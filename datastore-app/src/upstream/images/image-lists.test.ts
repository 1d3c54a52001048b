// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock, type ManualClock } from '@local-datastore/shared/manual-clock';
import { beforeEach, describe, expect, it } from 'vitest';
import { UpstreamError } from '../upstream-error.ts';
import { createImageLists, type ImageLists, MAX_DISTANT_FILES } from './image-lists.ts';
import type { ImageUpstream } from './image-upstream-settings.ts';
import type { FileList } from './listed-file.ts';

const MINUTE_MS = 60_000;

let clock: ManualClock;
let random: number;
let lists: ImageLists;
let asked: string[];
/** What an upstream says the next time; a function that waits, or fails. */
let answers: Map<string, () => FileList | undefined | Promise<FileList | undefined>>;

const upstreamOf = (name: string, more: Partial<ImageUpstream> = {}): ImageUpstream => ({
  ...{ prefix: name, name, ca: undefined, checkMs: 10 * MINUTE_MS, hosts: new Set() },
  place: { kind: 'file', file: name },
  listing: { kind: 'auto' },
  allows: () => true,
  ...more,
});
const listOf = (paths: readonly string[], more: Partial<FileList> = {}): FileList => ({
  files: paths.map((path) => ({
    ...{ path, sizeBytes: 5, sha256: 'ab'.repeat(32), url: `http://x/${path}` },
    ...{ format: undefined, modified: undefined },
  })),
  ...{ leftOut: 0, reasons: [], isComplete: true },
  ...more,
});
const fails =
  (message = 'it is away') =>
  () => {
    throw new UpstreamError('UNREACHABLE', message, { retryable: true });
  };

beforeEach(() => {
  clock = createManualClock();
  random = 0.5;
  asked = [];
  answers = new Map();
  lists = createImageLists({
    ...{ log: silentLog, clock, now: () => 1_000_000 + clock.nowMs(), random: () => random },
    sourceOf: ({ name }) => ({
      async readList() {
        asked.push(name);
        return answers.get(name)?.();
      },
      open: () => Promise.reject(new Error('nothing is read here')),
      close() {
        asked.push(`close ${name}`);
      },
    }),
  });
});

/** Lets what is due be asked for. */
async function settle(): Promise<void> {
  lists.advance();
  await new Promise((resolve) => setImmediate(resolve));
}
const paths = () => [...lists.files()].map(({ path }) => path);

describe('what there is', () => {
  it('stands below prefixes, as far as it may be fetched; of two upstreams the first gives a path', async () => {
    const both = upstreamOf('both', { prefix: 'a', allows: (path) => path !== 'no.img' });
    lists.replace([both, upstreamOf('root', { prefix: '' })]);
    answers.set('both', () => listOf(['x.img', 'no.img']));
    answers.set('root', () => listOf(['a/x.img', 'y.img', 'a/no.img']));
    await settle();
    expect(paths()).toEqual(['a/x.img', 'y.img', 'a/no.img']);
    expect(lists.find('a/x.img')?.upstream).toBe(both);
    expect(lists.find('a/no.img')?.upstream.name).toBe('root');
    expect(lists.status().map(({ images }) => images)).toEqual([1, 3]);
  });

  it('is no path that no image may have below its prefix', async () => {
    lists.replace([upstreamOf('deep', { prefix: Array.from({ length: 16 }, () => 'a').join('/') })]);
    answers.set('deep', () => listOf(['x.img']));
    await settle();
    expect(paths()).toEqual([]);
  });

  it('is bounded, whatever upstreams there are', async () => {
    const many = Array.from({ length: 4000 }, (_, n) => `${n}.img`);
    lists.replace(['a', 'b', 'c'].map((name) => upstreamOf(name)));
    for (const name of ['a', 'b', 'c']) answers.set(name, () => listOf(many));
    await settle();
    expect(paths().length).toBe(MAX_DISTANT_FILES);
    expect(lists.status().map(({ leftOut }) => leftOut)).toEqual([0, 0, 2000]);
  });

  it('goes with its upstream, and stays while that says the same', async () => {
    const [a, b] = [upstreamOf('a'), upstreamOf('b')];
    lists.replace([a, b]);
    answers.set('a', () => listOf(['x']));
    answers.set('b', () => listOf(['y']));
    await settle();
    const revision = lists.revision();
    answers.set('a', () => undefined);
    await lists.refresh();
    expect([paths(), lists.revision() - revision]).toEqual([['a/x', 'b/y'], 1]);
    lists.replace([a]);
    expect([paths(), asked.at(-1)]).toEqual([['a/x'], 'close b']);
  });
});

describe('when lists are asked for', () => {
  beforeEach(() => lists.replace([upstreamOf('a')]));

  it.each([
    [0, 7.5],
    [0.5, 10],
    [1, 12.5],
  ])('again after about `check`, with a spread (%d: %d minutes)', async (given, minutes) => {
    random = given;
    answers.set('a', () => listOf(['x']));
    await settle();
    clock.advance(minutes * MINUTE_MS - 1);
    await settle();
    expect(asked.length).toBe(1);
    clock.advance(1);
    await settle();
    expect(asked.length).toBe(2);
  });

  it('sooner while more is to come', async () => {
    answers.set('a', () => listOf([], { isComplete: false }));
    await settle();
    clock.advance(30_000);
    await settle();
    expect(asked.length).toBe(2);
  });

  it('after a failure soon, and less and less often; what was there stays', async () => {
    answers.set('a', () => listOf(['x']));
    await settle();
    answers.set('a', fails());
    const waited: number[] = [];
    clock.advance(10 * MINUTE_MS);
    await settle();
    for (const seconds of [30, 60, 120, 240, 480, 600, 600]) {
      const before = asked.length;
      clock.advance(seconds * 1000 - 1);
      await settle();
      expect(asked.length).toBe(before);
      clock.advance(1);
      await settle();
      if (asked.length > before) waited.push(seconds);
    }
    expect(waited).toEqual([30, 60, 120, 240, 480, 600, 600]);
    expect(paths()).toEqual(['a/x']);
    expect(lists.status()[0]).toMatchObject({ state: 'failing', reason: 'it is away' });
  });

  it('for a path that is not in them, at most twice a minute', async () => {
    answers.set('a', () => listOf(['x']));
    await settle();
    expect(await lists.lookFor('a/y')).toBeUndefined();
    expect(asked.length).toBe(1);
    clock.advance(30_000);
    answers.set('a', () => listOf(['x', 'y']));
    expect(
      (await Promise.all([lists.lookFor('a/y'), lists.lookFor('a/y')])).map((each) => each?.path),
    ).toEqual(['a/y', 'a/y']);
    expect(asked.length).toBe(2);
    // Nobody is asked for what stands elsewhere.
    clock.advance(30_000);
    expect(await lists.lookFor('elsewhere')).toBeUndefined();
    expect(asked.length).toBe(2);
  });

  it('and who asks for a path does not wait for ever, nor hears that there is none', async () => {
    answers.set('a', () => new Promise(() => {}));
    const looking = lists.lookFor('a/x');
    clock.advance(5000);
    await expect(looking).rejects.toThrow('a has not yet told what it has');
  });

  it('and is given up where it takes too long', async () => {
    let signalled: unknown;
    const slow = createImageLists({
      ...{ log: silentLog, clock },
      sourceOf: () => ({
        readList: (signal) =>
          new Promise((_resolve, reject) =>
            signal.addEventListener('abort', () => {
              signalled = signal.reason;
              reject(signal.reason);
            }),
          ),
        open: () => Promise.reject(new Error('nothing is read here')),
        close: () => {},
      }),
    });
    slow.replace([upstreamOf('a')]);
    const asking = slow.refresh();
    clock.advance(2 * MINUTE_MS);
    await asking;
    expect(String(signalled)).toContain('a does not answer in time');
    expect(slow.status()[0]?.state).toBe('failing');
  });

  it('soon, when a file turns out to be another than was said', async () => {
    const upstream = upstreamOf('b');
    lists.replace([upstream]);
    answers.set('b', () => listOf(['x']));
    await settle();
    lists.noteAnswer(upstream, new UpstreamError('INVALID', 'other content'));
    expect(lists.status()[0]).toMatchObject({ state: 'failing', reason: 'other content' });
    clock.advance(30_000);
    await settle();
    expect(asked).toEqual(['close a', 'b', 'b']);
    expect(lists.status()[0]?.state).toBe('reachable');
  });
});

it('says what failed first for a path of an upstream that never told anything', async () => {
  lists.replace([upstreamOf('a')]);
  answers.set('a', fails('its name is not known'));
  await expect(lists.lookFor('a/x')).rejects.toThrow('its name is not known');
});
