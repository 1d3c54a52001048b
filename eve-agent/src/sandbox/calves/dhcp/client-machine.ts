// SPDX-License-Identifier: Apache-2.0
import { askingDue, receiveAnswer, receiveOffer, selectingDue } from './acquire-lease.ts';
import type { ArpPacket } from './arp.ts';
import {
  type ClientAction,
  type ClientContext,
  type ClientEvent,
  type ClientState,
  heldLease,
  type Step,
} from './client-state.ts';
import { enterInit, NO_SETBACKS, releaseMessage, sendDiscover, sendRebootRequest } from './enter-state.ts';
import { holdingArp, holdingDue, probingArp, probingDue, receiveRenewal } from './hold-lease.ts';
import { isUnicast, type Received } from './lease.ts';
import { startDelayMs } from './timing.ts';

/** What a client is before it starts, and after it gave its address back. */
export const STOPPED: ClientState = { kind: 'stopped', dueAtMs: null };

const unchanged = (state: ClientState, ...actions: readonly ClientAction[]): Step => ({ state, actions });

function start(context: ClientContext, address: string | null, nowMs: number): Step {
  if (address !== null && isUnicast(address)) return sendRebootRequest(context, address, nowMs, null);
  return enterInit(nowMs, startDelayMs(context.random), NO_SETBACKS);
}

function release(context: ClientContext, state: ClientState, nowMs: number): Step {
  const actions: ClientAction[] = [];
  const held = heldLease(state);
  const lease = state.kind === 'probing' ? state.lease : held;
  if (lease !== null) actions.push(releaseMessage(context, lease, nowMs));
  if (held !== null) actions.push({ kind: 'withdraw', reason: 'given back' });
  return { state: STOPPED, actions };
}

/** RFC 2131 §3.7: whether an address is still right is asked as after a restart; it is used meanwhile. */
function relink(context: ClientContext, state: ClientState, nowMs: number): Step {
  if (state.kind === 'stopped') return unchanged(state);
  if (state.kind === 'rebooting') return start(context, state.address, nowMs);
  const lease = state.kind === 'probing' ? state.lease : heldLease(state);
  return start(context, lease?.address ?? null, nowMs);
}

function due(context: ClientContext, state: ClientState, nowMs: number): Step {
  switch (state.kind) {
    case 'stopped':
      return unchanged(state);
    case 'init':
      return sendDiscover(context, state, nowMs);
    case 'selecting':
      return selectingDue(context, state, nowMs);
    case 'requesting':
    case 'rebooting':
      return askingDue(context, state, nowMs);
    case 'probing':
      return probingDue(context, state, nowMs);
    case 'bound':
    case 'renewing':
    case 'rebinding':
      return holdingDue(context, state, nowMs);
  }
}

/** Why a message is nobody's answer to this client; null: it may be one. */
function strangeness({ mac }: ClientContext, { message }: Received): string | null {
  if (message.operation !== 'reply') return 'a message to servers';
  return message.clientMac === mac ? null : 'for another client';
}

function receive(context: ClientContext, state: ClientState, received: Received, nowMs: number): Step {
  const reason = strangeness(context, received);
  if (reason !== null) return unchanged(state, { kind: 'ignored', reason });
  if (!('transactionId' in state)) return unchanged(state, { kind: 'ignored', reason: 'nothing was asked' });
  if (received.message.transactionId !== state.transactionId)
    return unchanged(state, { kind: 'ignored', reason: 'of another transaction' });
  switch (state.kind) {
    case 'selecting':
      return receiveOffer(context, state, received, nowMs);
    case 'requesting':
    case 'rebooting':
      return receiveAnswer(context, state, received, nowMs);
    case 'renewing':
    case 'rebinding':
      return receiveRenewal(context, state, received, nowMs);
  }
}

function hearArp(context: ClientContext, state: ClientState, packet: ArpPacket, nowMs: number): Step {
  if (state.kind === 'probing') return probingArp(context, state, packet, nowMs);
  if (state.kind === 'bound' || state.kind === 'renewing' || state.kind === 'rebinding')
    return holdingArp(context, state, packet, nowMs);
  return unchanged(state);
}

/**
 * What a client of DHCP does next (RFC 2131 §4.4, RFC 5227). Pure but for the randomness that it is handed.
 *
 * @param nowMs of a monotonic clock, the same that all times of the state are of
 */
export function step(context: ClientContext, state: ClientState, event: ClientEvent, nowMs: number): Step {
  switch (event.kind) {
    case 'started':
      return state.kind === 'stopped' ? start(context, event.address, nowMs) : unchanged(state);
    case 'relinked':
      return relink(context, state, nowMs);
    case 'released':
      return release(context, state, nowMs);
    case 'due':
      return state.dueAtMs === null || nowMs < state.dueAtMs ? unchanged(state) : due(context, state, nowMs);
    case 'received':
      return receive(context, state, event.received, nowMs);
    case 'arp':
      return hearArp(context, state, event.packet, nowMs);
  }
}
