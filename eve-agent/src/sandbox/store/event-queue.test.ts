// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { createEventQueue, type EventQueue } from './event-queue.ts';
import { keyPathText } from './key-path.ts';

const A = { id: 1 };
const B = { id: 2 };

function rest(queue: EventQueue<typeof A, string>): string[] {
  const all: string[] = [];
  for (let item = queue.take(); item !== undefined; item = queue.take()) {
    all.push(item.kind === 'answer' ? item.answer : `${item.watch.id} ${keyPathText(item.path)}`);
  }
  return all;
}

describe('what waits for a calf', () => {
  it('comes in order, a key that changes again once', () => {
    const queue = createEventQueue<typeof A, string>(10);
    for (const name of ['x', 'y', 'x']) queue.addChange(A, [name]);
    queue.addAnswer('ok');
    queue.addChange(B, ['x']);
    queue.addAnswer('ok');
    expect(rest(queue)).toEqual(['1 /x', '1 /y', 'ok', '2 /x', 'ok']);
    queue.addChange(A, ['x']);
    expect(rest(queue)).toEqual(['1 /x']);
  });

  it('is so much and no more', () => {
    const queue = createEventQueue<typeof A, string>(2);
    expect([['x'], ['y'], ['z'], ['x']].map((path) => queue.addChange(A, path))).toEqual([
      true,
      true,
      false,
      true,
    ]);
    queue.take();
    expect(queue.addChange(A, ['z'])).toBe(true);
    queue.dropChanges(A);
    expect([['x'], ['y'], ['z']].map((path) => queue.addChange(B, path))).toEqual([true, true, false]);
  });

  it('is nothing for a watch that is over, but for answers', () => {
    const queue = createEventQueue<typeof A, string>(10);
    queue.addChange(A, ['x']);
    queue.addChange(B, ['x']);
    queue.addAnswer('ok');
    queue.dropChanges(A);
    expect(rest(queue)).toEqual(['2 /x', 'ok']);
  });
});
