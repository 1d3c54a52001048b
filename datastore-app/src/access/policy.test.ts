// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { type Action, isPermitted, type Principal, type Resource } from './policy.ts';

const PRINCIPALS: Record<string, Principal> = {
  anybody: { kind: 'anybody' },
  ticket: { kind: 'ticket', path: 'a.img' },
  reader: { kind: 'reader' },
  writer: { kind: 'writer' },
};
const RESOURCES: Record<string, Resource> = {
  public: { kind: 'public' },
  own: { kind: 'own' },
  uploads: { kind: 'uploads' },
  log: { kind: 'log' },
  'a.img': { kind: 'image', path: 'a.img' },
  'b.img': { kind: 'image', path: 'b.img' },
  'no image': { kind: 'image', path: undefined },
};

/** Who may: where reading is open, and where it is not. */
const TABLE: [Action, string, open: string, closed: string][] = [
  ['read', 'public', 'anybody ticket reader writer', 'anybody ticket reader writer'],
  ['read', 'own', 'anybody ticket reader writer', 'reader writer'],
  ['read', 'uploads', 'writer', 'writer'],
  ['read', 'log', 'writer', 'writer'],
  ['read', 'a.img', 'anybody ticket reader writer', 'ticket reader writer'],
  ['read', 'b.img', 'anybody ticket reader writer', 'reader writer'],
  ['read', 'no image', 'anybody ticket reader writer', 'reader writer'],
  ['write', 'public', 'writer', 'writer'],
  ['write', 'own', 'writer', 'writer'],
  ['write', 'uploads', 'writer', 'writer'],
  ['write', 'log', 'writer', 'writer'],
  ['write', 'a.img', 'writer', 'writer'],
  ['write', 'b.img', 'writer', 'writer'],
  ['write', 'no image', 'writer', 'writer'],
];

test.each(TABLE)('%s %s', (action, name, open, closed) => {
  const resource = RESOURCES[name];
  if (resource === undefined) throw new Error(`there is no ${name}`);
  const whoMay = (isReadOpen: boolean) =>
    Object.entries(PRINCIPALS)
      .filter(([, principal]) => isPermitted(principal, { action, resource }, { isReadOpen }))
      .map(([who]) => who)
      .join(' ');
  expect([whoMay(true), whoMay(false)]).toEqual([open, closed]);
});

test('the table holds every action on every resource', () => {
  expect(TABLE).toHaveLength(2 * Object.keys(RESOURCES).length);
});
