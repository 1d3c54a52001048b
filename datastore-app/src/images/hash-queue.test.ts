// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { Entry } from './catalogue-entry.ts';
import { createHashQueue, type Due } from './hash-queue.ts';

/** An entry of which nothing but the size matters here. */
const due = (path: string, sizeBytes: number): Due => [path, { version: { sizeBytes } } as Entry];

function setUp(atOnce: number) {
  const begun: string[] = [];
  const finish = new Map<string, () => void>();
  const gone = new Set<string>();
  let saves = 0;
  let elapsedMs = 0;
  const queue = createHashQueue(
    {
      isDue: ([path]) => !gone.has(path) && !begun.includes(path),
      hash: ([path]) =>
        new Promise((resolve) => {
          begun.push(path);
          finish.set(path, resolve);
        }),
      save: async () => {
        saves += 1;
      },
      elapsed: () => elapsedMs,
    },
    { atOnce },
  );
  return {
    ...{ queue, begun, gone },
    saves: () => saves,
    pass: (ms: number) => {
      elapsedMs += ms;
    },
    finish: (path: string) => finish.get(path)?.(),
  };
}
const signal = new AbortController().signal;

it('takes small files before large ones, also those that come later', async () => {
  const { queue, begun, finish } = setUp(1);
  const [a, b, c] = [due('a', 300), due('b', 200), due('c', 100)];
  queue.refill([a, b], signal);
  expect(begun).toEqual(['b']);
  queue.refill([a, b, c], signal);
  expect(begun).toEqual(['b']);
  finish('b');
  await expect.poll(() => begun).toEqual(['b', 'c']);
  finish('c');
  await expect.poll(() => begun).toEqual(['b', 'c', 'a']);
  finish('a');
  await queue.finished();
});

it('takes as many at once as it may', async () => {
  const { queue, begun, finish } = setUp(2);
  queue.refill([due('a', 1), due('b', 2), due('c', 3)], signal);
  expect(begun).toEqual(['a', 'b']);
  finish('b');
  await expect.poll(() => begun).toEqual(['a', 'b', 'c']);
});

it('passes over what is gone by its turn', async () => {
  const { queue, begun, gone, finish } = setUp(1);
  queue.refill([due('a', 1), due('b', 2), due('c', 3)], signal);
  gone.add('b');
  finish('a');
  await expect.poll(() => begun).toEqual(['a', 'c']);
});

it('has what is known stored at the end, and now and then before', async () => {
  const { queue, begun, saves, pass, finish } = setUp(1);
  queue.refill([due('a', 1), due('b', 2), due('c', 3), due('d', 4)], signal);
  const savesBefore = [0, 1, 1, 2];
  for (const [position, path] of ['a', 'b', 'c', 'd'].entries()) {
    await expect.poll(() => begun.at(-1)).toBe(path);
    // What the one before it came to is stored before this one is begun.
    expect(saves()).toBe(savesBefore[position]);
    // Enough time has passed again when the third is finished.
    if (path === 'c') pass(2000);
    finish(path);
  }
  await queue.finished();
  expect(saves()).toBe(3);
});

it('begins nothing more once it is to stop', async () => {
  const { queue, begun, finish } = setUp(1);
  const controller = new AbortController();
  queue.refill([due('a', 1), due('b', 2)], controller.signal);
  controller.abort();
  finish('a');
  await queue.finished();
  expect(begun).toEqual(['a']);
});
