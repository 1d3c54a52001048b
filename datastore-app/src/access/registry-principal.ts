// SPDX-License-Identifier: Apache-2.0
/** What a temporary token is for. */
export const OPERATIONS = ['pull', 'push', 'delete', 'rename'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Who asks for something of the registry. */
export type RegistryPrincipal =
  | { readonly kind: 'anonymous' }
  /** Has the write token, or the certificate of an administrator. */
  | { readonly kind: 'admin' }
  /** Has the read credential, with which all images can be read. */
  | { readonly kind: 'reader' }
  | { readonly kind: 'user'; readonly name: string; readonly groups: readonly string[] }
  | { readonly kind: 'device'; readonly id: string }
  /** Has a token for one operation on one repository. */
  | {
      readonly kind: 'temporary';
      readonly id: string;
      readonly operation: Operation;
      readonly repository: string;
      /** undefined: for all that is in the repository. */
      readonly tag: string | undefined;
    };

export const ANONYMOUS: RegistryPrincipal = { kind: 'anonymous' };
/** Whoever has the write token: nobody else changes files. */
export const ADMIN: RegistryPrincipal = { kind: 'admin' };

/** How a principal is called in a token (`sub`, RFC 7519 §4.1.2), in grants and in logs. */
export function subjectOf(principal: RegistryPrincipal): string {
  if (principal.kind === 'user') return `user:${principal.name}`;
  if (principal.kind === 'device') return `device:${principal.id}`;
  if (principal.kind === 'temporary') return `temp:${principal.id}`;
  return principal.kind;
}
