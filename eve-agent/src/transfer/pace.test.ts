// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createPace, paceReceiver } from './pace.ts';

it('lets a burst through, then says how long to wait', () => {
  let nowMs = 0;
  const pace = createPace(1000, () => nowMs);
  expect(pace.take(250)).toBe(0);
  expect(pace.take(100)).toBe(100);
  expect(pace.take(100)).toBe(200);
  nowMs = 200;
  expect(pace.take(0)).toBe(0);
  nowMs = 10_000;
  expect(pace.take(250)).toBe(0);
  expect(pace.take(1)).toBe(1);
});

it('pauses the sender, and lets it go on only when there is time and room', () => {
  const timers: (() => void)[] = [];
  let hasRoom = true;
  let innerSpace = () => {};
  let resumed = 0;
  const receiver = paceReceiver(
    {
      take: () => hasRoom,
      listen: (onSpace) => {
        innerSpace = onSpace;
      },
    },
    { take: () => 50 },
    (callback) => timers.push(callback),
  );
  receiver.listen(
    () => {
      resumed += 1;
    },
    () => {},
  );
  expect(receiver.take(Buffer.alloc(1))).toBe(false);
  timers.shift()?.();
  expect(resumed).toBe(1);
  hasRoom = false;
  expect(receiver.take(Buffer.alloc(1))).toBe(false);
  timers.shift()?.();
  expect(resumed).toBe(1);
  hasRoom = true;
  innerSpace();
  expect(resumed).toBe(2);
  expect(receiver.take(Buffer.alloc(1))).toBe(false);
  innerSpace();
  expect(resumed).toBe(2);
});
