// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { actionsOf } from './tree-actions.ts';

it.each([
  ['DOWNLOADING', 'none', '', ['retry', 'pause', 'cancel']],
  ['INITIAL', 'none', 'no datastore was found', ['retry', 'pause', 'cancel']],
  ['DOWNLOADING', 'paused', '', ['resume', 'cancel']],
  ['INITIAL', 'cancelled', '', ['resume']],
  ['VERIFIED', 'none', '', []],
  ['VERIFIED', 'none', 'its name cannot be had', ['retry']],
] as const)('of %s, held as %s, with the error %j: %j', (State, Hold, error, actions) => {
  expect(actionsOf({ State, Hold, Error: error })).toEqual(actions);
});
