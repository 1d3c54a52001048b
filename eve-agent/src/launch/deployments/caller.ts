// SPDX-License-Identifier: Apache-2.0
import { type ClientIdentity, distinguishedNameText } from './client-names.ts';
import { type ClientRule, isPermitted } from './client-rules.ts';
import type { Operation } from './operations.ts';

/** Who asks for an operation. */
export type Caller =
  /** By the Unix socket, whose mode says who may. */
  | { readonly kind: 'local'; readonly from: string }
  | { readonly kind: 'certificate'; readonly identity: ClientIdentity; readonly from: string };

/** Who it was, as history, audit log and messages say it. */
export interface CallerFacts {
  /** `local`, or the subject of the certificate. */
  readonly who: string;
  /** Of the certificate; null: there was none. */
  readonly sha256: string | null;
  /** The address, or the socket. */
  readonly from: string;
}

export function callerFacts(caller: Caller): CallerFacts {
  const { from } = caller;
  if (caller.kind === 'local') return { who: 'local', sha256: null, from };
  const { subject, sha256 } = caller.identity;
  return { who: distinguishedNameText(subject) || '(no subject)', sha256, from };
}

/** Whether somebody may do something, with a deployment or (null) with any. */
export function mayCall(
  caller: Caller,
  rules: readonly ClientRule[] | null,
  operation: Operation,
  deployment: string | null,
): boolean {
  return caller.kind === 'local' || isPermitted(rules, caller.identity, operation, deployment);
}
