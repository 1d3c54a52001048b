// SPDX-License-Identifier: Apache-2.0
import { ANONYMOUS, type Operation, type RegistryPrincipal } from './registry-principal.ts';
import type { MatchesRepository } from './repository-pattern.ts';

export const REGISTRY_ACTIONS = ['pull', 'push', 'delete'] as const;
export type RegistryAction = (typeof REGISTRY_ACTIONS)[number];

/** Images of a repository, or of several. */
export interface ImagePattern {
  readonly matches: MatchesRepository;
  /** A tag, or a digest such as `sha256:…`. */
  readonly reference: string;
}

/** What somebody may do. */
export interface Grant {
  /** `anonymous`, `user:NAME`, `user:*`, `group:NAME`, `device:ID` or `device:*`. */
  readonly who: readonly string[];
  readonly actions: readonly RegistryAction[];
  /** Whole repositories. */
  readonly repositories: readonly MatchesRepository[];
  /** These alone of their repositories. */
  readonly images: readonly ImagePattern[];
}

/** What is configured. */
export interface RegistryRules {
  /** Nobody said who may pull: everybody may. */
  readonly isPullOpen: boolean;
  readonly grants: readonly Grant[];
}

/** What is asked for. */
export type RegistryResource =
  | { readonly kind: 'repository'; readonly name: string }
  /** The list of repositories, of which each sees what it may pull. */
  | { readonly kind: 'catalog' }
  /** Whichever repositories an archive of images names, which has not been read yet. */
  | { readonly kind: 'some repository' };

/** How far somebody may do something. */
export type RegistryRight =
  | { readonly kind: 'none' }
  | { readonly kind: 'whole' }
  /** These tags and digests, and what they are made of. */
  | { readonly kind: 'images'; readonly references: readonly string[] };

export const NO_RIGHT: RegistryRight = { kind: 'none' };
export const WHOLE_RIGHT: RegistryRight = { kind: 'whole' };

/** Clients look what is there before they send it, and what is renamed is read, written and deleted. */
const ACTIONS_OF: Readonly<Record<Operation, readonly RegistryAction[]>> = {
  pull: ['pull'],
  push: ['pull', 'push'],
  delete: ['pull', 'delete'],
  rename: ['pull', 'push', 'delete'],
};

/** How grants may call a principal. */
function namesOf(principal: RegistryPrincipal): readonly string[] {
  if (principal.kind === 'user') {
    return [`user:${principal.name}`, 'user:*', ...principal.groups.map((group) => `group:${group}`)];
  }
  if (principal.kind === 'device') return [`device:${principal.id}`, 'device:*'];
  return principal.kind === 'anonymous' ? ['anonymous'] : [];
}

/** Both rights together. */
export function joinRights(one: RegistryRight, other: RegistryRight): RegistryRight {
  if (one.kind === 'whole' || other.kind === 'none') return one;
  if (other.kind === 'whole' || one.kind === 'none') return other;
  return { kind: 'images', references: [...new Set([...one.references, ...other.references])] };
}

const isGrantOf = (names: readonly string[], action: RegistryAction) => (grant: Grant) =>
  grant.actions.includes(action) && grant.who.some((who) => names.includes(who));

function rightByGrants(
  principal: RegistryPrincipal,
  action: RegistryAction,
  repository: string,
  rules: RegistryRules,
): RegistryRight {
  const own = rules.grants.filter(isGrantOf(namesOf(principal), action));
  if (own.some(({ repositories }) => repositories.some((matches) => matches(repository)))) return WHOLE_RIGHT;
  const references = own.flatMap(({ images }) =>
    images.filter(({ matches }) => matches(repository)).map(({ reference }) => reference),
  );
  return references.length === 0 ? NO_RIGHT : { kind: 'images', references: [...new Set(references)] };
}

function rightByToken(
  principal: Extract<RegistryPrincipal, { kind: 'temporary' }>,
  action: RegistryAction,
  repository: string,
): RegistryRight {
  if (principal.repository !== repository || !ACTIONS_OF[principal.operation].includes(action))
    return NO_RIGHT;
  // A tag narrows the operation itself, not the looks that clients take for it.
  return principal.tag === undefined || principal.operation !== action
    ? WHOLE_RIGHT
    : { kind: 'images', references: [principal.tag] };
}

function rightOnRepository(
  principal: RegistryPrincipal,
  action: RegistryAction,
  repository: string,
  rules: RegistryRules,
): RegistryRight {
  const { kind } = principal;
  if (kind === 'admin') return WHOLE_RIGHT;
  if (action === 'pull' && (kind === 'reader' || rules.isPullOpen)) return WHOLE_RIGHT;
  // Whatever the grants say: these never change anything.
  if (action !== 'pull' && kind !== 'user' && kind !== 'temporary') return NO_RIGHT;
  const own =
    kind === 'temporary'
      ? rightByToken(principal, action, repository)
      : rightByGrants(principal, action, repository, rules);
  // Who says a name may not do less than one who says none.
  return action === 'pull' && kind !== 'anonymous'
    ? joinRights(own, rightByGrants(ANONYMOUS, action, repository, rules))
    : own;
}

/** Whether there is any repository that it may push to: what it brings then says to which. */
function mayPushSomewhere(principal: RegistryPrincipal, { grants }: RegistryRules): boolean {
  if (principal.kind === 'admin') return true;
  if (principal.kind === 'temporary') return ACTIONS_OF[principal.operation].includes('push');
  return principal.kind === 'user' && grants.some(isGrantOf(namesOf(principal), 'push'));
}

/**
 * Who may do what in the registry. An administrator may everything; a device pulls what is assigned to it; a
 * temporary token is for its operation on its repository; a user may what is granted; and anybody pulls what is open.
 */
export function decideRegistry(
  principal: RegistryPrincipal,
  action: RegistryAction,
  resource: RegistryResource,
  rules: RegistryRules,
): RegistryRight {
  if (resource.kind === 'repository') return rightOnRepository(principal, action, resource.name, rules);
  if (resource.kind === 'some repository') {
    return action === 'push' && mayPushSomewhere(principal, rules) ? WHOLE_RIGHT : NO_RIGHT;
  }
  if (action !== 'pull') return NO_RIGHT;
  if (principal.kind !== 'anonymous' || rules.isPullOpen) return WHOLE_RIGHT;
  return rules.grants.some(isGrantOf(namesOf(principal), action)) ? WHOLE_RIGHT : NO_RIGHT;
}
