// SPDX-License-Identifier: Apache-2.0
/** How each state begins: what is sent at once, and when something is due. */
import type {
  ClientAction,
  ClientContext,
  HoldingState,
  Outgoing,
  Setbacks,
  StateOf,
  Step,
} from './client-state.ts';
import type { Lease, Received } from './lease.ts';
import {
  ANNOUNCE_COUNT,
  ANNOUNCE_INTERVAL_MS,
  BROADCAST_FROM_ATTEMPT,
  DECLINE_WAIT_MS,
  MAX_CONFLICTS,
  probeWaitMs,
  RATE_LIMIT_MS,
  renewalRetryAtMs,
  retryDelayMs,
  startDelayMs,
} from './timing.ts';

export const NO_SETBACKS: Setbacks = { conflicts: 0, refusals: 0 };
const MAX_TRANSACTION_ID = 2 ** 32;

const newTransactionId = ({ random }: ClientContext) => Math.floor(random() * MAX_TRANSACTION_ID);

/** @param exchange that the message belongs to */
function messageOf(
  type: Outgoing['type'],
  exchange: { readonly transactionId: number; readonly beganAtMs: number; readonly attempt: number },
  nowMs: number,
  fields: Partial<Pick<Outgoing, 'clientAddress' | 'requestedAddress' | 'serverId'>> = {},
): Outgoing {
  return {
    type,
    transactionId: exchange.transactionId,
    seconds: Math.floor((nowMs - exchange.beganAtMs) / 1000),
    // RFC 2131 §4.3.2: who has an address is answered there.
    isBroadcast: exchange.attempt >= BROADCAST_FROM_ATTEMPT && (fields.clientAddress ?? null) === null,
    clientAddress: null,
    requestedAddress: null,
    serverId: null,
    ...fields,
  };
}

/** @param delayMs until servers are looked for */
export function enterInit(
  nowMs: number,
  delayMs: number,
  setbacks: Setbacks,
  actions: readonly ClientAction[] = [],
): Step {
  return { state: { kind: 'init', dueAtMs: nowMs + delayMs, setbacks }, actions };
}

/** The first time, or once more after nobody answered. */
export function sendDiscover(
  context: ClientContext,
  state: StateOf<'init' | 'selecting'>,
  nowMs: number,
): Step {
  const exchange =
    state.kind === 'selecting'
      ? { transactionId: state.transactionId, beganAtMs: state.beganAtMs, attempt: state.attempt + 1 }
      : { transactionId: newTransactionId(context), beganAtMs: nowMs, attempt: 0 };
  const retryAtMs = nowMs + retryDelayMs(exchange.attempt, context.random);
  return {
    state: {
      kind: 'selecting',
      ...exchange,
      setbacks: state.setbacks,
      retryAtMs,
      dueAtMs: retryAtMs,
      held: null,
    },
    actions: [{ kind: 'send', message: messageOf('discover', exchange, nowMs), to: null }],
  };
}

/** RFC 2131 §4.3.2, "generated during SELECTING state": broadcast, so that other servers hear it as well. */
export function sendSelectingRequest(
  context: ClientContext,
  exchange: {
    readonly transactionId: number;
    readonly beganAtMs: number;
    readonly attempt: number;
    readonly setbacks: Setbacks;
  },
  offer: Received,
  nowMs: number,
): Step {
  const { transactionId, beganAtMs, attempt, setbacks } = exchange;
  const message = messageOf('request', exchange, nowMs, {
    requestedAddress: offer.message.yourAddress,
    // Whoever does not name itself cannot be named.
    serverId: offer.parameters.serverId ?? null,
  });
  return {
    state: {
      kind: 'requesting',
      ...{ transactionId, beganAtMs, attempt, setbacks, offer },
      sentAtMs: nowMs,
      dueAtMs: nowMs + retryDelayMs(attempt, context.random),
    },
    actions: [{ kind: 'send', message, to: null }],
  };
}

/** RFC 2131 §4.3.2, "generated during INIT-REBOOT state". */
export function sendRebootRequest(
  context: ClientContext,
  address: string,
  nowMs: number,
  before: StateOf<'rebooting'> | null,
): Step {
  const exchange =
    before === null
      ? { transactionId: newTransactionId(context), beganAtMs: nowMs, attempt: 0 }
      : { transactionId: before.transactionId, beganAtMs: before.beganAtMs, attempt: before.attempt + 1 };
  return {
    state: {
      kind: 'rebooting',
      ...exchange,
      address,
      setbacks: NO_SETBACKS,
      sentAtMs: nowMs,
      dueAtMs: nowMs + retryDelayMs(exchange.attempt, context.random),
    },
    actions: [
      {
        kind: 'send',
        message: messageOf('request', exchange, nowMs, { requestedAddress: address }),
        to: null,
      },
    ],
  };
}

export function enterProbing(context: ClientContext, lease: Lease, setbacks: Setbacks, nowMs: number): Step {
  if (!context.isProbing) return enterBound(lease, nowMs, ANNOUNCE_COUNT);
  return {
    state: {
      kind: 'probing',
      ...{ lease, setbacks },
      probesSent: 0,
      dueAtMs: nowMs + probeWaitMs(context.random),
    },
    actions: [],
  };
}

/** @param announcements how often the address is told to everybody: once it is new (RFC 5227 §2.3) */
export function enterBound(
  lease: Lease,
  nowMs: number,
  announcements: number,
  defendedAtMs: number | null = null,
): Step {
  const bound = {
    kind: 'bound',
    ...{ lease, defendedAtMs },
    announcementsLeft: announcements,
    dueAtMs: nowMs,
  } as const;
  const { state, actions } = announceOrWait(bound, nowMs);
  return { state, actions: [{ kind: 'publish', lease }, ...actions] };
}

const finite = (atMs: number) => (Number.isFinite(atMs) ? atMs : null);

/** Announces a new address once more, or waits for its renewal. */
export function announceOrWait(state: StateOf<'bound'>, nowMs: number): Step {
  const { lease, announcementsLeft } = state;
  if (announcementsLeft === 0) return { state: { ...state, dueAtMs: finite(lease.renewAtMs) }, actions: [] };
  const left = announcementsLeft - 1;
  const nextMs = left === 0 ? lease.renewAtMs : Math.min(lease.renewAtMs, nowMs + ANNOUNCE_INTERVAL_MS);
  return {
    state: { ...state, announcementsLeft: left, dueAtMs: finite(nextMs) },
    actions: [{ kind: 'announce', address: lease.address }],
  };
}

/** RFC 2131 §4.4.5: asks the server for more time, or every server. */
export function sendRenewal(
  context: ClientContext,
  kind: 'renewing' | 'rebinding',
  state: HoldingState,
  nowMs: number,
): Step {
  const { lease, defendedAtMs } = state;
  const exchange =
    state.kind === kind
      ? { transactionId: state.transactionId, beganAtMs: state.beganAtMs, attempt: state.attempt + 1 }
      : { transactionId: newTransactionId(context), beganAtMs: nowMs, attempt: 0 };
  const endMs = kind === 'renewing' ? lease.rebindAtMs : lease.expiresAtMs;
  return {
    state: {
      kind,
      ...{ lease, defendedAtMs, ...exchange },
      sentAtMs: nowMs,
      dueAtMs: renewalRetryAtMs(nowMs, endMs),
    },
    actions: [
      {
        kind: 'send',
        message: messageOf('request', exchange, nowMs, { clientAddress: lease.address }),
        to: kind === 'renewing' ? lease.server : null,
      },
    ],
  };
}

/** The server says no, or takes the address back: another one is looked for, ever more slowly. */
export function refused(
  context: ClientContext,
  setbacks: Setbacks,
  nowMs: number,
  actions: readonly ClientAction[],
): Step {
  const { refusals, conflicts } = setbacks;
  const delayMs = refusals === 0 ? startDelayMs(context.random) : retryDelayMs(refusals - 1, context.random);
  return enterInit(nowMs, delayMs, { conflicts, refusals: refusals + 1 }, actions);
}

/** Somebody else has the address: the server is told (RFC 2131 §4.4.1), and another one is looked for. */
export function decline(
  context: ClientContext,
  lease: Lease,
  setbacks: Setbacks,
  nowMs: number,
  actions: readonly ClientAction[] = [],
): Step {
  const exchange = { transactionId: newTransactionId(context), beganAtMs: nowMs, attempt: 0 };
  const message = messageOf('decline', exchange, nowMs, {
    requestedAddress: lease.address,
    serverId: lease.serverId,
  });
  const conflicts = setbacks.conflicts + 1;
  const delayMs = conflicts >= MAX_CONFLICTS ? RATE_LIMIT_MS : DECLINE_WAIT_MS;
  return enterInit(nowMs, delayMs, { ...setbacks, conflicts }, [
    { kind: 'send', message, to: null },
    ...actions,
  ]);
}

/** Gives the address back (RFC 2131 §4.4.6). */
export function releaseMessage(context: ClientContext, lease: Lease, nowMs: number): ClientAction {
  const exchange = { transactionId: newTransactionId(context), beganAtMs: nowMs, attempt: 0 };
  const message = messageOf('release', exchange, nowMs, {
    clientAddress: lease.address,
    serverId: lease.serverId,
  });
  return { kind: 'send', message, to: lease.server };
}
