import type { IncomingMessage } from 'node:http';
import type { RegistryAction } from './registry-policy.ts';

export type { RegistryAction } from './registry-policy.ts';

/** What a request below `/v2/` wants to do. */
export interface RegistryWish {
  readonly action: RegistryAction | 'ping' | 'catalog';
  /** undefined: it is about none. */
  readonly repository: string | undefined;
  /** The tag, or the digest such as `sha256:…` of the manifest or blob; undefined: it is about no particular one. */
  readonly reference?: string | undefined;
}

export interface RegistryAllowed {
  readonly kind: 'allowed';
  /** Such as `user:alice`. */
  readonly subject: string;
  /** For what a request touches besides: the source of a mount, the names in a list. By name and tag alone. */
  may(action: RegistryAction, repository: string, reference?: string): boolean;
}

export interface RegistryDenied {
  readonly kind: 'denied';
  readonly status: 401 | 403 | 429;
  readonly code: 'UNAUTHORIZED' | 'DENIED' | 'TOOMANYREQUESTS';
  /** For `WWW-Authenticate`. */
  readonly challenge?: string;
  readonly retryAfterSeconds?: number;
  /** For a person. */
  readonly detail: string;
}

export type RegistryDecision = RegistryAllowed | RegistryDenied;

export interface RegistryAccess {
  /** Decides a request below `/v2/` by its bearer token, its write token, or by what is open to everybody. */
  decide(request: IncomingMessage, wish: RegistryWish): Promise<RegistryDecision>;
  /** Is told when a manifest was stored or something deleted: temporary tokens end soon after. */
  noteDone(subject: string): Promise<void>;
}
