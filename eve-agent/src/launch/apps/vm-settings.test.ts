// SPDX-License-Identifier: Apache-2.0
/** Our own key of a VM: what it says, and what only a container has. */
import { expect, it } from 'vitest';
import { readVmSettings } from './vm-settings.ts';

it.each<[string, unknown, object]>([
  ['nothing', undefined, { stopSeconds: 60, keep: 0, health: null, settleMs: 5000 }],
  [
    'times of its own',
    { stopTimeout: '5s', settle: 1, keep: 2 },
    { stopSeconds: 5, settleMs: 1000, keep: 2 },
  ],
  [
    'a check, with time to boot',
    { health: { kind: 'tcp', port: 22 } },
    { health: { kind: 'tcp', port: 22, startPeriodMs: 120_000 } },
  ],
  [
    'a check with less',
    { health: { kind: 'http', port: 80, startPeriodSeconds: 5 } },
    { health: { kind: 'http', startPeriodMs: 5000 } },
  ],
])('%s', (_name, extension, expected) => {
  expect(readVmSettings('app', extension)).toMatchObject(expected);
});

it.each<[string, unknown, RegExp]>([
  ['arguments', { args: [] }, /^localDatastore: args .* VM$/],
  ['a command', { health: { kind: 'command', command: ['true'] } }, /^localDatastore\.health: a command /],
  ['permissions', { allow: [] }, /allow/],
  ['a check that is none', { health: 'x' }, /^localDatastore/],
  ['no object', 7, /^localDatastore: an object expected/],
  ['a list', [], /^localDatastore: an object expected/],
])('%s cannot be used', (_name, extension, why) => {
  expect(readVmSettings('app', extension)).toEqual(expect.stringMatching(why));
});
