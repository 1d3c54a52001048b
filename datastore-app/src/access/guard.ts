import { isReadCredential, isWriteToken, type ReadCredential } from './credential.ts';
import type { FailureLimiter } from './failure-limiter.ts';

export type Access = 'read' | 'write';

export type Decision =
  | { readonly kind: 'allowed' }
  /** No credential, or a wrong one. */
  | { readonly kind: 'denied'; readonly isMissing: boolean }
  /** Too many wrong ones from there: not even looked at. */
  | { readonly kind: 'slowed'; readonly retryAfterSeconds: number };

/** Decides who may do what. */
export interface Guard {
  /** Whether reading is open to all. */
  readonly isReadOpen: boolean;
  /** @param client what tells clients apart: the remote address @param authorization the header, where given */
  decide(access: Access, client: string, authorization: string | undefined): Decision;
}

export interface GuardOptions {
  readonly writeToken: string;
  /** undefined: reading is open. */
  readonly readCredential: ReadCredential | undefined;
}

/** Writing always needs the write token, which reads as well; reading needs a credential where one is set. */
export function createGuard(
  { limiter }: { readonly limiter: FailureLimiter },
  { writeToken, readCredential }: GuardOptions,
): Guard {
  return {
    isReadOpen: readCredential === undefined,
    decide(access, client, authorization) {
      if (access === 'read' && readCredential === undefined) return { kind: 'allowed' };
      if (authorization === undefined) return { kind: 'denied', isMissing: true };
      const waitMs = limiter.waitMs(client);
      if (waitMs > 0) return { kind: 'slowed', retryAfterSeconds: Math.ceil(waitMs / 1000) };
      const isAllowed =
        isWriteToken(authorization, writeToken) ||
        (access === 'read' &&
          readCredential !== undefined &&
          isReadCredential(authorization, readCredential));
      if (isAllowed) {
        limiter.forget(client);
        return { kind: 'allowed' };
      }
      limiter.fail(client);
      return { kind: 'denied', isMissing: false };
    },
  };
}
