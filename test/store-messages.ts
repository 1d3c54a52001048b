// SPDX-License-Identifier: Apache-2.0
/** Messages of the agent's key-value store, at random. */
import type { Request, Response, WatchEvent } from '../eve-agent/src/sandbox/store/wire.ts';
import type { Random } from './random.ts';

/** Numbers of 32 bits with a sign, more often those at the ends of what there is. */
const someNumber = (random: Random) =>
  random.pick([0, 1, -1, 2 ** 31 - 1, -(2 ** 31), random.integer(-(2 ** 31), 2 ** 31 - 1)]);

/** ASCII that shows, without `/` and `*`. */
const COMPONENT_CHARACTERS = Array.from({ length: 0x7f - 0x21 }, (_, i) =>
  String.fromCharCode(0x21 + i),
).filter((character) => character !== '/' && character !== '*');

/** A component of a path, of any length that it may have. */
function someComponent(random: Random): string {
  const length = random.pick([1, 2, 7, 8, 9, 63, 64, random.integer(1, 64)]);
  const text = Array.from({ length }, () => random.pick(COMPONENT_CHARACTERS)).join('');
  return text === '.' || text === '..' ? 'x' : text;
}

export function somePath(random: Random): string[] {
  return Array.from({ length: random.pick([1, 2, 3, 16, random.integer(1, 16)]) }, () =>
    someComponent(random),
  );
}

export const someValue = (random: Random) =>
  random.bytes(random.pick([0, 1, 7, 8, 9, random.integer(0, 64), random.integer(0, 300)]));

export function someRequest(random: Random): Request {
  const common = { id: someNumber(random), path: somePath(random) };
  const op = random.pick(['write', 'write', 'read', 'delete', 'watch', 'unwatch'] as const);
  if (op === 'write') return { ...common, op, value: someValue(random) };
  return op === 'unwatch' ? { ...common, path: [], op } : { ...common, op };
}

function someEvent(random: Random): WatchEvent {
  const common = { seq: someNumber(random) >>> 0, path: somePath(random) };
  const kind = random.pick(['value', 'deleted', 'lost'] as const);
  return kind === 'deleted' ? { ...common, kind } : { ...common, kind, value: someValue(random) };
}

export function someResponse(random: Random): Response {
  const id = someNumber(random);
  const kind = random.pick(['ok', 'error', 'event'] as const);
  return kind === 'event' ? { id, kind, event: someEvent(random) } : { id, kind, value: someValue(random) };
}
