// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it, test } from 'vitest';
import {
  decideRegistry,
  joinRights,
  NO_RIGHT,
  REGISTRY_ACTIONS,
  type RegistryAction,
  type RegistryRight,
  type RegistryRules,
  WHOLE_RIGHT,
} from './registry-policy.ts';
import { OPERATIONS, type Operation, type RegistryPrincipal } from './registry-principal.ts';
import { repositoryPattern } from './repository-pattern.ts';

const pattern = (text: string) => repositoryPattern().parse(text);
const temporary = (operation: Operation, tag?: string): RegistryPrincipal => ({
  ...{ kind: 'temporary', id: 't1', operation, repository: 'lab/own', tag },
});
const PRINCIPALS = {
  anonymous: { kind: 'anonymous' },
  device: { kind: 'device', id: 'd1' },
  user: { kind: 'user', name: 'alice', groups: ['lab'] },
  temporary: temporary('push'),
  admin: { kind: 'admin' },
  reader: { kind: 'reader' },
} as const satisfies Record<string, RegistryPrincipal>;
const REPOSITORIES = { own: 'lab/own', assigned: 'base/app', foreign: 'other/app', open: 'public/os' };

/** What a device would be forbidden even where grants said otherwise. */
const ALL = REGISTRY_ACTIONS;
const GRANTED: RegistryRules = {
  isPullOpen: false,
  grants: [
    { who: ['group:lab'], actions: ALL, repositories: [pattern('lab/**')], images: [] },
    { who: ['user:*'], actions: ['pull'], repositories: [pattern('base/**')], images: [] },
    {
      ...{ who: ['device:d1'], actions: ALL, repositories: [] },
      images: [{ matches: pattern('base/app'), reference: '3' }],
    },
    { who: ['anonymous'], actions: ALL, repositories: [pattern('public/**')], images: [] },
  ],
};
const OPEN: RegistryRules = { isPullOpen: true, grants: [] };

const shown = ({ kind }: RegistryRight) => ({ none: '-', whole: 'yes', images: 'image' })[kind];
const right = (
  principal: RegistryPrincipal,
  action: RegistryAction,
  repository: string,
  rules: RegistryRules,
) => decideRegistry(principal, action, { kind: 'repository', name: repository }, rules);

/** Who may: on its own, the assigned, a foreign repository, and what is granted to everybody. */
const TABLE: [keyof typeof PRINCIPALS, string, granted: string, open: string][] = [
  ['anonymous', 'pull', '- - - yes', 'yes yes yes yes'],
  ['anonymous', 'push', '- - - -', '- - - -'],
  ['anonymous', 'delete', '- - - -', '- - - -'],
  ['device', 'pull', '- image - yes', 'yes yes yes yes'],
  ['device', 'push', '- - - -', '- - - -'],
  ['device', 'delete', '- - - -', '- - - -'],
  ['user', 'pull', 'yes yes - yes', 'yes yes yes yes'],
  ['user', 'push', 'yes - - -', '- - - -'],
  ['user', 'delete', 'yes - - -', '- - - -'],
  ['temporary', 'pull', 'yes - - yes', 'yes yes yes yes'],
  ['temporary', 'push', 'yes - - -', 'yes - - -'],
  ['temporary', 'delete', '- - - -', '- - - -'],
  ['admin', 'pull', 'yes yes yes yes', 'yes yes yes yes'],
  ['admin', 'push', 'yes yes yes yes', 'yes yes yes yes'],
  ['admin', 'delete', 'yes yes yes yes', 'yes yes yes yes'],
  ['reader', 'pull', 'yes yes yes yes', 'yes yes yes yes'],
  ['reader', 'push', '- - - -', '- - - -'],
  ['reader', 'delete', '- - - -', '- - - -'],
];

test.each(TABLE)('%s %s', (who, action, granted, open) => {
  const row = (rules: RegistryRules) =>
    Object.values(REPOSITORIES)
      .map((repository) => shown(right(PRINCIPALS[who], action as RegistryAction, repository, rules)))
      .join(' ');
  expect([row(GRANTED), row(OPEN)]).toEqual([granted, open]);
});

test('the table holds every action of every principal', () => {
  expect(TABLE).toHaveLength(REGISTRY_ACTIONS.length * Object.keys(PRINCIPALS).length);
});

/** Into the own repository from the own, the assigned, a foreign and an open one. */
test.each([
  ['anonymous', '- - - -'],
  ['device', '- - - -'],
  ['user', 'yes yes - yes'],
  ['temporary', 'yes - - yes'],
  ['admin', 'yes yes yes yes'],
  ['reader', '- - - -'],
] as const)('%s mounts what it may pull where it may push', (who, cells) => {
  const principal = PRINCIPALS[who];
  const mayMount = (from: string) =>
    right(principal, 'push', REPOSITORIES.own, GRANTED).kind === 'whole' &&
    right(principal, 'pull', from, GRANTED).kind === 'whole';
  const row = Object.values(REPOSITORIES).map((from) => (mayMount(from) ? 'yes' : '-'));
  expect(row.join(' ')).toBe(cells);
});

describe('the catalogue', () => {
  const NOTHING_OPEN = { ...GRANTED, grants: GRANTED.grants.slice(0, 3) };
  it.each([
    ['anonymous', 'yes', 'yes', '-'],
    ['device', 'yes', 'yes', 'yes'],
    ['user', 'yes', 'yes', 'yes'],
    ['temporary', 'yes', 'yes', 'yes'],
    ['admin', 'yes', 'yes', 'yes'],
    ['reader', 'yes', 'yes', 'yes'],
  ] as const)('can be read by %s', (who, open, granted, closed) => {
    const row = [OPEN, GRANTED, NOTHING_OPEN].map((rules) =>
      shown(decideRegistry(PRINCIPALS[who], 'pull', { kind: 'catalog' }, rules)),
    );
    expect(row).toEqual([open, granted, closed]);
  });

  it.each(['push', 'delete'] as const)('can be changed by nobody (%s)', (action) => {
    for (const principal of Object.values(PRINCIPALS)) {
      expect(decideRegistry(principal, action, { kind: 'catalog' }, OPEN)).toEqual(NO_RIGHT);
    }
  });
});

describe('what an archive of images names, before it is read', () => {
  it.each([
    ['anonymous', '-', '-'],
    ['device', '-', '-'],
    ['user', '-', 'yes'],
    ['temporary', 'yes', 'yes'],
    ['admin', 'yes', 'yes'],
    ['reader', '-', '-'],
  ] as const)('can be pushed by %s', (who, open, granted) => {
    const row = [OPEN, GRANTED].map((rules) =>
      shown(decideRegistry(PRINCIPALS[who], 'push', { kind: 'some repository' }, rules)),
    );
    expect(row).toEqual([open, granted]);
  });

  it('and by no token for something else', () => {
    for (const action of ['pull', 'delete'] as const) {
      const resource = { kind: 'some repository' } as const;
      expect(decideRegistry(PRINCIPALS.admin, action, resource, GRANTED)).toEqual(NO_RIGHT);
      expect(decideRegistry(temporary(action), 'push', resource, GRANTED)).toEqual(NO_RIGHT);
    }
  });
});

describe('a temporary token', () => {
  it.each([
    ['pull', 'yes - -'],
    ['push', 'yes yes -'],
    ['delete', 'yes - yes'],
    ['rename', 'yes yes yes'],
  ] as const)('for %s', (operation, cells) => {
    const row = REGISTRY_ACTIONS.map((action) =>
      shown(right(temporary(operation), action, 'lab/own', GRANTED)),
    );
    expect(row.join(' ')).toBe(cells);
  });

  it.each(OPERATIONS)('for %s is for no other repository', (operation) => {
    for (const action of REGISTRY_ACTIONS) {
      expect(right(temporary(operation), action, 'lab/other', GRANTED)).toEqual(NO_RIGHT);
    }
  });

  it.each([
    ['pull', 'image - -'],
    ['push', 'yes image -'],
    ['delete', 'yes - image'],
  ] as const)('for %s of one tag', (operation, cells) => {
    const row = REGISTRY_ACTIONS.map((action) =>
      shown(right(temporary(operation, '3'), action, 'lab/own', GRANTED)),
    );
    expect(row.join(' ')).toBe(cells);
  });
});

it('a device is assigned the images that are named to it, by all grants together', () => {
  const device = PRINCIPALS.device;
  expect(right(device, 'pull', 'base/app', GRANTED)).toEqual({ kind: 'images', references: ['3'] });
  expect(right({ kind: 'device', id: 'd2' }, 'pull', 'base/app', GRANTED)).toEqual(NO_RIGHT);
  const more = { who: ['device:*'], actions: ['pull'], repositories: [] } as const;
  const images = [
    { matches: pattern('base/*'), reference: '4' },
    { matches: pattern('base/app'), reference: '3' },
  ];
  const rules = { ...GRANTED, grants: [...GRANTED.grants, { ...more, images }] };
  expect(right(device, 'pull', 'base/app', rules)).toEqual({ kind: 'images', references: ['3', '4'] });
});

it.each([
  [NO_RIGHT, NO_RIGHT, NO_RIGHT],
  [NO_RIGHT, WHOLE_RIGHT, WHOLE_RIGHT],
  [WHOLE_RIGHT, { kind: 'images', references: ['1'] }, WHOLE_RIGHT],
  [{ kind: 'images', references: ['1'] }, NO_RIGHT, { kind: 'images', references: ['1'] }],
  [
    { kind: 'images', references: ['1'] },
    { kind: 'images', references: ['2', '1'] },
    { kind: 'images', references: ['1', '2'] },
  ],
] as [RegistryRight, RegistryRight, RegistryRight][])('%j and %j are %j', (one, other, both) => {
  expect(joinRights(one, other)).toEqual(both);
  const swapped = joinRights(other, one);
  expect(swapped.kind).toBe(both.kind);
});
