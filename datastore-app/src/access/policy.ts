// SPDX-License-Identifier: Apache-2.0
/** Who asks. */
export type Principal =
  | { readonly kind: 'anybody' }
  /** Follows a link that holds a ticket for one image. */
  | { readonly kind: 'ticket'; readonly path: string }
  | { readonly kind: 'reader' }
  | { readonly kind: 'writer' };

export type Action = 'read' | 'write';

/** What is asked for. */
export type Resource =
  /** Health, the page, and what HTTPS stands on. */
  | { readonly kind: 'public' }
  /** List, status, settings, metrics, and all that is not said to be something else. */
  | { readonly kind: 'own' }
  /** What is being sent by others. */
  | { readonly kind: 'uploads' }
  /** What happens here, and who does it. */
  | { readonly kind: 'log' }
  /** @property path below the root; undefined: no image can have this path */
  | { readonly kind: 'image'; readonly path: string | undefined };

/** What somebody wants to do, and with what. */
export interface Wish {
  readonly action: Action;
  readonly resource: Resource;
}

/** What is configured. */
export interface AccessRules {
  /** No credential for reading is set. */
  readonly isReadOpen: boolean;
}

/**
 * Who may do what: writing always needs the write token, which reads as well; reading needs a credential where one is
 * set, except of what is public.
 */
export function isPermitted(
  principal: Principal,
  { action, resource }: Wish,
  { isReadOpen }: AccessRules,
): boolean {
  if (principal.kind === 'writer') return true;
  if (action === 'write' || resource.kind === 'uploads' || resource.kind === 'log') return false;
  if (resource.kind === 'public' || isReadOpen || principal.kind === 'reader') return true;
  return principal.kind === 'ticket' && resource.kind === 'image' && principal.path === resource.path;
}
