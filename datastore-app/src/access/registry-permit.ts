// SPDX-License-Identifier: Apache-2.0
import {
  decideRegistry,
  joinRights,
  NO_RIGHT,
  type RegistryAction,
  type RegistryRight,
  type RegistryRules,
} from './registry-policy.ts';
import { ANONYMOUS, type RegistryPrincipal } from './registry-principal.ts';
import type { TokenAccess } from './registry-tokens.ts';

/** Who asks, and for what its token is. */
export interface Bearer {
  readonly principal: RegistryPrincipal;
  /** undefined: it brought no token, but what tokens are given for. */
  readonly access: readonly TokenAccess[] | undefined;
}

/** What is to be said to one wish. */
export type Judgement =
  | { readonly kind: 'yes' }
  | { readonly kind: 'no' }
  /** If the digest belongs to one of these images. */
  | { readonly kind: 'narrowed'; readonly references: readonly string[]; readonly digest: string };

export interface Permit {
  /** Whether it may see a list of repositories; which of them is for {@link may}. */
  readonly mayList: boolean;
  /** Whether there is any repository that it may push to. */
  readonly mayPushSomewhere: boolean;
  /** @param reference a tag or a digest; undefined: it is about no particular one */
  judge(action: RegistryAction, repository: string, reference: string | undefined): Judgement;
  /**
   * {@link judge} by name and tag alone: where it depends on what is stored, the answer is no. Without a reference
   * whoever may pull some images only may not pull.
   */
  may(action: RegistryAction, repository: string, reference?: string): boolean;
  /** Whether a list that it may see has a repository: it may pull something of it, with a token for that. */
  sees(repository: string): boolean;
}

const isDigest = (reference: string) => reference.includes(':');

/** How a right that is for some images only meets one thing of their repository. */
function judgeImages(
  action: RegistryAction,
  references: readonly string[],
  reference: string | undefined,
): Judgement {
  if (reference !== undefined && references.includes(reference)) return { kind: 'yes' };
  if (action === 'push') {
    // Blobs, and what an index is made of: they are nothing to anybody until a tag leads to them.
    return reference === undefined || isDigest(reference) ? { kind: 'yes' } : { kind: 'no' };
  }
  if (action === 'delete') return { kind: 'no' };
  // A list of tags, of which each is judged by itself.
  if (reference === undefined) return { kind: 'yes' };
  return isDigest(reference) ? { kind: 'narrowed', references, digest: reference } : { kind: 'no' };
}

/**
 * What a request may: what its token is for, as far as that is granted still, and what anybody may.
 */
export function createPermit({ principal, access }: Bearer, rules: RegistryRules): Permit {
  const isInToken = (action: RegistryAction, repository: string) =>
    access === undefined ||
    access.some(
      ({ type, name, actions }) => type === 'repository' && name === repository && actions.includes(action),
    );
  const isCatalogInToken = access === undefined || access.some(({ type }) => type === 'registry');

  function rightTo(action: RegistryAction, name: string): RegistryRight {
    const resource = { kind: 'repository', name } as const;
    const own = isInToken(action, name) ? decideRegistry(principal, action, resource, rules) : NO_RIGHT;
    return joinRights(own, decideRegistry(ANONYMOUS, action, resource, rules));
  }
  const mayList = (who: RegistryPrincipal) =>
    decideRegistry(who, 'pull', { kind: 'catalog' }, rules).kind !== 'none';

  const judge: Permit['judge'] = (action, repository, reference) => {
    const right = rightTo(action, repository);
    if (right.kind === 'whole') return { kind: 'yes' };
    return right.kind === 'none' ? { kind: 'no' } : judgeImages(action, right.references, reference);
  };
  return {
    mayList: (isCatalogInToken && mayList(principal)) || mayList(ANONYMOUS),
    mayPushSomewhere:
      (access === undefined ||
        access.some(({ type, actions }) => type === 'repository' && actions.includes('push'))) &&
      decideRegistry(principal, 'push', { kind: 'some repository' }, rules).kind !== 'none',
    judge,
    may: (action, repository, reference) =>
      action === 'pull' && reference === undefined
        ? rightTo(action, repository).kind === 'whole'
        : judge(action, repository, reference).kind === 'yes',
    sees(name) {
      if (rightTo('pull', name).kind !== 'none') return true;
      // A token for the list names no repositories.
      return (
        isCatalogInToken &&
        decideRegistry(principal, 'pull', { kind: 'repository', name }, rules).kind !== 'none'
      );
    },
  };
}
