// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { createPermit } from './registry-permit.ts';
import type { RegistryAction, RegistryRules } from './registry-policy.ts';
import { ANONYMOUS, type RegistryPrincipal } from './registry-principal.ts';
import type { TokenAccess } from './registry-tokens.ts';
import { repositoryPattern } from './repository-pattern.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const PINNED = `sha256:${'cd'.repeat(32)}`;
const pattern = (text: string) => repositoryPattern().parse(text);
const RULES: RegistryRules = {
  isPullOpen: false,
  grants: [
    {
      ...{ who: ['user:alice'], actions: ['pull', 'push', 'delete'], images: [] },
      repositories: [pattern('lab/**')],
    },
    {
      ...{ who: ['user:alice'], actions: ['pull', 'push', 'delete'], repositories: [] },
      images: [
        { matches: pattern('base/app'), reference: '3' },
        { matches: pattern('base/app'), reference: PINNED },
      ],
    },
    { who: ['anonymous'], actions: ['pull'], repositories: [pattern('public/**')], images: [] },
  ],
};
const alice: RegistryPrincipal = { kind: 'user', name: 'alice', groups: [] };
const token = (name: string, ...actions: RegistryAction[]): TokenAccess => ({
  type: 'repository',
  name,
  actions,
});
const CATALOG: TokenAccess = { type: 'registry', name: 'catalog', actions: ['*'] };
const permit = (access?: readonly TokenAccess[], principal = alice) =>
  createPermit({ principal, access }, RULES);

it.each<[string, TokenAccess[] | undefined, RegistryPrincipal, boolean]>([
  ['a user with a grant', undefined, alice, true],
  ['a user without one', undefined, { ...alice, name: 'bob' }, false],
  ['a token to push', [token('lab/app', 'push')], alice, true],
  ['a token to pull', [token('lab/app', 'pull')], alice, false],
  ['a token for the catalogue', [{ type: 'registry', name: 'catalog', actions: ['*'] }], alice, false],
  ['nobody', undefined, ANONYMOUS, false],
])('%s may push somewhere: %j', (_title, access, principal, expected) => {
  expect(permit(access, principal as typeof alice).mayPushSomewhere).toBe(expected);
});

describe('a token opens what it is for, as far as that is granted', () => {
  it.each<[string, TokenAccess[] | undefined, RegistryAction, string, boolean]>([
    ['no token', undefined, 'push', 'lab/app', true],
    ['no token', undefined, 'push', 'other/app', false],
    ['an empty token', [], 'pull', 'lab/app', false],
    ['an empty token', [], 'pull', 'public/os', true],
    ['a token to pull', [token('lab/app', 'pull')], 'pull', 'lab/app', true],
    ['a token to pull', [token('lab/app', 'pull')], 'push', 'lab/app', false],
    ['a token to pull', [token('lab/app', 'pull')], 'pull', 'lab/other', false],
    ['a token of before a grant was taken away', [token('other/app', 'push')], 'push', 'other/app', false],
    ['a token to push in public', [token('public/os', 'push')], 'push', 'public/os', false],
    ['two', [token('lab/a', 'pull'), token('lab/b', 'pull', 'push')], 'push', 'lab/b', true],
  ])('%s %j: %s of %s: %s', (_, access, action, repository, isAllowed) => {
    expect(permit(access).judge(action, repository, undefined).kind).toBe(isAllowed ? 'yes' : 'no');
  });
});

describe('of a repository of which some images are granted', () => {
  it.each<[RegistryAction, string | undefined, string]>([
    ['pull', undefined, 'yes'],
    ['pull', '3', 'yes'],
    ['pull', '4', 'no'],
    ['pull', PINNED, 'yes'],
    ['pull', DIGEST, 'narrowed'],
    ['push', undefined, 'yes'],
    ['push', '3', 'yes'],
    ['push', '4', 'no'],
    ['push', DIGEST, 'yes'],
    ['delete', undefined, 'no'],
    ['delete', '3', 'yes'],
    ['delete', '4', 'no'],
    ['delete', PINNED, 'yes'],
    ['delete', DIGEST, 'no'],
  ])('%s of %s: %s', (action, reference, kind) => {
    expect(permit().judge(action, 'base/app', reference).kind).toBe(kind);
  });

  it('what depends on what is stored is asked of the images that are granted', () => {
    expect(permit().judge('pull', 'base/app', DIGEST)).toEqual({
      ...{ kind: 'narrowed', digest: DIGEST, references: ['3', PINNED] },
    });
  });

  it.each<[RegistryAction, string, string | undefined, boolean]>([
    ['pull', 'base/app', undefined, false],
    ['pull', 'base/app', DIGEST, false],
    ['pull', 'base/app', '3', true],
    ['push', 'base/app', undefined, true],
    ['pull', 'lab/app', undefined, true],
    ['pull', 'public/os', undefined, true],
    ['pull', 'other/app', undefined, false],
  ])('%s of %s %s besides: %s', (action, repository, reference, isAllowed) => {
    expect(permit().may(action, repository, reference)).toBe(isAllowed);
  });

  it.each<[string, TokenAccess[] | undefined, string[]]>([
    ['without a token', undefined, ['base/app', 'lab/app', 'public/os']],
    ['by a token for the list', [CATALOG], ['base/app', 'lab/app', 'public/os']],
    ['by a token for one of them', [token('base/app', 'pull')], ['base/app', 'public/os']],
    ['by a token for nothing', [], ['public/os']],
  ])('is seen %s', (_how, access, expected) => {
    const seen = ['base/app', 'lab/app', 'public/os', 'other/app'].filter(permit(access).sees);
    expect(seen).toEqual(expected);
  });
});

it.each<[string, TokenAccess[] | undefined, RegistryPrincipal, RegistryRules, boolean]>([
  ['a token for it', [CATALOG], alice, { ...RULES, grants: [] }, true],
  ['a token for another thing', [token('lab/app', 'pull')], alice, { ...RULES, grants: [] }, false],
  ['a token for another thing, where it is open', [], alice, RULES, true],
  ['no token', undefined, ANONYMOUS, RULES, true],
  ['no token, where nothing is open', undefined, ANONYMOUS, { ...RULES, grants: [] }, false],
  ['no token, where all is open', undefined, ANONYMOUS, { isPullOpen: true, grants: [] }, true],
])('the list of repositories with %s', (_, access, principal, rules, mayList) => {
  expect(createPermit({ principal, access }, rules).mayList).toBe(mayList);
});
