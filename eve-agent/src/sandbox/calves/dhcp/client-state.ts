// SPDX-License-Identifier: Apache-2.0
import type { ArpPacket } from './arp.ts';
import type { Lease, Received } from './lease.ts';
import type { RandomPart } from './timing.ts';

/** What went wrong in a row until a lease is held: it slows the client down. */
export interface Setbacks {
  readonly conflicts: number;
  readonly refusals: number;
}

interface Exchange {
  readonly transactionId: number;
  readonly beganAtMs: number;
  /** How often its message was sent again. */
  readonly attempt: number;
}

interface Holding {
  readonly lease: Lease;
  /** When the address was last defended against another host; null: never. */
  readonly defendedAtMs: number | null;
}

/**
 * The client's states (RFC 2131 §4.4, figure 5), with the probing of RFC 5227 before an address is used. `dueAtMs` is
 * when something is to be done though nothing happens; null: never.
 */
export type ClientState = { readonly dueAtMs: number | null } & (
  | { readonly kind: 'stopped' }
  | { readonly kind: 'init'; readonly setbacks: Setbacks }
  | (Exchange & {
      readonly kind: 'selecting';
      readonly setbacks: Setbacks;
      readonly retryAtMs: number;
      /** An offer that lacks something, taken if nobody makes a better one. */
      readonly held: Received | null;
    })
  | (Exchange & {
      readonly kind: 'requesting';
      readonly setbacks: Setbacks;
      readonly offer: Received;
      readonly sentAtMs: number;
    })
  | (Exchange & {
      readonly kind: 'rebooting';
      readonly setbacks: Setbacks;
      readonly address: string;
      readonly sentAtMs: number;
    })
  | {
      readonly kind: 'probing';
      readonly setbacks: Setbacks;
      readonly lease: Lease;
      readonly probesSent: number;
    }
  | (Holding & { readonly kind: 'bound'; readonly announcementsLeft: number })
  | (Holding & Exchange & { readonly kind: 'renewing' | 'rebinding'; readonly sentAtMs: number })
);

export type StateKind = ClientState['kind'];
export type StateOf<Kind extends StateKind> = Extract<ClientState, { readonly kind: Kind }>;
/** Those in which the address may be used. */
export type HoldingState = StateOf<'bound' | 'renewing' | 'rebinding'>;

export type ClientEvent =
  /** `address`: what was held before a restart; null: nothing. */
  | { readonly kind: 'started'; readonly address: string | null }
  /** `dueAtMs` is reached. */
  | { readonly kind: 'due' }
  | { readonly kind: 'received'; readonly received: Received }
  | { readonly kind: 'arp'; readonly packet: ArpPacket }
  /** The link carries again after it did not: it may lead into another network. */
  | { readonly kind: 'relinked' }
  /** The address is wanted no longer. */
  | { readonly kind: 'released' };

/** A message to a server; what is the same in all of them is added where it is encoded. */
export interface Outgoing {
  readonly type: 'discover' | 'request' | 'decline' | 'release';
  readonly transactionId: number;
  readonly seconds: number;
  readonly isBroadcast: boolean;
  /** Only what is configured already; null: none. */
  readonly clientAddress: string | null;
  readonly requestedAddress: string | null;
  readonly serverId: string | null;
}

export type ClientAction =
  /** `to`: null for everybody on the link. */
  | {
      readonly kind: 'send';
      readonly message: Outgoing;
      readonly to: { readonly address: string; readonly mac: string } | null;
    }
  | { readonly kind: 'probe' | 'announce'; readonly address: string }
  | { readonly kind: 'publish'; readonly lease: Lease }
  | { readonly kind: 'withdraw'; readonly reason: string }
  /** What was not used, for the counts and the log. */
  | { readonly kind: 'ignored'; readonly reason: string };

export interface Step {
  readonly state: ClientState;
  readonly actions: readonly ClientAction[];
}

/** What the decisions need besides the state. */
export interface ClientContext {
  readonly mac: string;
  readonly random: RandomPart;
  /** Whether an address is probed before it is used. */
  readonly isProbing: boolean;
}

/** The lease that is in force; null: none. */
export function heldLease(state: ClientState): Lease | null {
  return state.kind === 'bound' || state.kind === 'renewing' || state.kind === 'rebinding'
    ? state.lease
    : null;
}
