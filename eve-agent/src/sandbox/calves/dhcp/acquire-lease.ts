// SPDX-License-Identifier: Apache-2.0
/** From nothing to an address: selecting, requesting, or asking for the one of before a restart. */
import type { ClientContext, StateOf, Step } from './client-state.ts';
import {
  enterInit,
  enterProbing,
  refused,
  sendDiscover,
  sendRebootRequest,
  sendSelectingRequest,
} from './enter-state.ts';
import { isUnicast, leaseOf, type Received } from './lease.ts';
import { MAX_REBOOT_REQUESTS, MAX_REQUESTS, OFFER_HOLD_MS, startDelayMs } from './timing.ts';

type Selecting = StateOf<'selecting'>;
type Asking = StateOf<'requesting' | 'rebooting'>;

const ignore = (state: Selecting | Asking, reason: string): Step => ({
  state,
  actions: [{ kind: 'ignored', reason }],
});

/** A request for what an offer has; the exchange stays that of the offer (RFC 2131 §4.4.1). */
const request = (context: ClientContext, state: Selecting, offer: Received, nowMs: number) =>
  sendSelectingRequest(context, { ...state, attempt: 0 }, offer, nowMs);

/** The first offer that lacks nothing is taken; one that does waits a moment for a better one. */
export function receiveOffer(context: ClientContext, state: Selecting, offer: Received, nowMs: number): Step {
  const { type, serverId, leaseSeconds } = offer.parameters;
  if (type !== 'offer') return ignore(state, `${type} while offers are waited for`);
  if (!isUnicast(offer.message.yourAddress))
    return ignore(state, 'an offer of an address that no host may have');
  if (serverId !== undefined && leaseSeconds !== undefined) return request(context, state, offer, nowMs);
  if (state.held !== null) return ignore(state, 'another offer that lacks something');
  return {
    state: { ...state, held: offer, dueAtMs: Math.min(state.retryAtMs, nowMs + OFFER_HOLD_MS) },
    actions: [],
  };
}

/** Nobody made a better offer, or any. */
export const selectingDue = (context: ClientContext, state: Selecting, nowMs: number): Step =>
  state.held === null ? sendDiscover(context, state, nowMs) : request(context, state, state.held, nowMs);

/** Whether a message is from the server whose offer was taken; one that does not name itself is known by its address. */
function isFromChosen(offer: Received, { parameters, source }: Received): boolean {
  const chosen = offer.parameters.serverId;
  if (chosen === undefined || parameters.serverId === undefined) return source === offer.source;
  return parameters.serverId === chosen;
}

export function receiveAnswer(
  context: ClientContext,
  state: Asking,
  received: Received,
  nowMs: number,
): Step {
  const { type } = received.parameters;
  if (type !== 'ack' && type !== 'nak')
    return ignore(state, `${type} while an acknowledgement is waited for`);
  if (state.kind === 'requesting' && !isFromChosen(state.offer, received))
    return ignore(state, `${type} of another server`);
  if (type === 'nak') {
    // What was held before a restart is still in use.
    const withdrawn = { kind: 'withdraw', reason: 'the server refuses the address of before' } as const;
    return refused(context, state.setbacks, nowMs, state.kind === 'rebooting' ? [withdrawn] : []);
  }
  const wanted = state.kind === 'requesting' ? state.offer.message.yourAddress : state.address;
  if (received.message.yourAddress !== wanted) return ignore(state, 'another address than was asked for');
  const known = state.kind === 'requesting' ? state.offer.parameters.prefixLength : undefined;
  const lease = leaseOf(received, state.sentAtMs, known);
  // A machine that slept meanwhile.
  if (nowMs >= lease.expiresAtMs) return ignore(state, 'a lease that is over already');
  return enterProbing(context, lease, state.setbacks, nowMs);
}

/** Nobody answered: once more, or from the beginning. */
export function askingDue(context: ClientContext, state: Asking, nowMs: number): Step {
  if (state.kind === 'requesting') {
    if (state.attempt + 1 < MAX_REQUESTS)
      return sendSelectingRequest(context, { ...state, attempt: state.attempt + 1 }, state.offer, nowMs);
  } else if (state.attempt + 1 < MAX_REBOOT_REQUESTS) {
    return sendRebootRequest(context, state.address, nowMs, state);
  }
  return enterInit(nowMs, startDelayMs(context.random), state.setbacks);
}
