// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { createHashLanes, type HashLane } from './hash-lanes.ts';

async function hash({ memory, hasher }: HashLane, text: string): Promise<string> {
  new Uint8Array(memory).set(Buffer.from(text));
  hasher.updateFromMemory(0, text.length, () => {});
  return await hasher.digest();
}
const sha256Of = (text: string) => createHash('sha256').update(text).digest('hex');

it('lends a lane again, with nothing of its last user in the digest', async () => {
  const lanes = createHashLanes(64 * 1024);
  const first = lanes.take();
  expect(await hash(first, 'one')).toBe(sha256Of('one'));
  first.hasher.updateFromMemory(0, 2, () => {});
  lanes.give(first);
  const second = lanes.take();
  // Until its thread has answered, a lane is not lent again.
  expect(second).not.toBe(first);
  // The thread answers in order: with this answer the lane is idle.
  await new Promise<void>((resolve) => first.hasher.updateFromMemory(0, 0, resolve));
  expect(lanes.take()).toBe(first);
  expect(await hash(second, 'two')).toBe(sha256Of('two'));
  lanes.close();
  lanes.give(first);
  lanes.give(second);
});
