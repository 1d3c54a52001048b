// SPDX-License-Identifier: Apache-2.0
/** From an acknowledged address to its end: probed, used and defended, renewed, rebound, expired. */

import { NO_ADDRESS } from './address-bytes.ts';
import type { ArpPacket } from './arp.ts';
import type { ClientContext, HoldingState, StateOf, Step } from './client-state.ts';
import {
  announceOrWait,
  decline,
  enterBound,
  enterInit,
  NO_SETBACKS,
  refused,
  sendRenewal,
} from './enter-state.ts';
import { leaseOf, type Received } from './lease.ts';
import {
  ANNOUNCE_COUNT,
  ANNOUNCE_WAIT_MS,
  DEFEND_INTERVAL_MS,
  PROBE_COUNT,
  probeIntervalMs,
  startDelayMs,
} from './timing.ts';

type Probing = StateOf<'probing'>;

/** RFC 5227 §2.1.1: three probes, then a while in which somebody may still answer. */
export function probingDue(context: ClientContext, state: Probing, nowMs: number): Step {
  const { lease, probesSent, setbacks } = state;
  // A machine that slept meanwhile.
  if (nowMs >= lease.expiresAtMs) return enterInit(nowMs, startDelayMs(context.random), setbacks);
  if (probesSent === PROBE_COUNT) return enterBound(lease, nowMs, ANNOUNCE_COUNT);
  const sent = probesSent + 1;
  const waitMs = sent === PROBE_COUNT ? ANNOUNCE_WAIT_MS : probeIntervalMs(context.random);
  return {
    state: { ...state, probesSent: sent, dueAtMs: nowMs + waitMs },
    actions: [{ kind: 'probe', address: lease.address }],
  };
}

const isSentFrom = (packet: ArpPacket, address: string) => packet.senderAddress === address;

/** RFC 5227 §2.1.1: somebody has the address, or is about to take it as well. */
export function probingArp(context: ClientContext, state: Probing, packet: ArpPacket, nowMs: number): Step {
  const { lease, setbacks } = state;
  const isProbe =
    packet.operation === 'request' &&
    packet.senderAddress === NO_ADDRESS &&
    packet.targetAddress === lease.address;
  if (packet.senderMac === context.mac || !(isSentFrom(packet, lease.address) || isProbe))
    return { state, actions: [] };
  return decline(context, lease, setbacks, nowMs);
}

/** RFC 5227 §2.4 (b): an address is defended once; who insists gets it. */
export function holdingArp(
  context: ClientContext,
  state: HoldingState,
  packet: ArpPacket,
  nowMs: number,
): Step {
  const { lease, defendedAtMs } = state;
  if (packet.senderMac === context.mac || !isSentFrom(packet, lease.address)) return { state, actions: [] };
  if (defendedAtMs === null || nowMs - defendedAtMs >= DEFEND_INTERVAL_MS)
    return {
      state: { ...state, defendedAtMs: nowMs },
      actions: [{ kind: 'announce', address: lease.address }],
    };
  return decline(context, lease, NO_SETBACKS, nowMs, [
    { kind: 'withdraw', reason: `${packet.senderMac} has the same address` },
  ]);
}

export function holdingDue(context: ClientContext, state: HoldingState, nowMs: number): Step {
  const { lease } = state;
  if (nowMs >= lease.expiresAtMs)
    return enterInit(nowMs, startDelayMs(context.random), NO_SETBACKS, [
      { kind: 'withdraw', reason: 'the lease is over' },
    ]);
  if (nowMs >= lease.rebindAtMs) return sendRenewal(context, 'rebinding', state, nowMs);
  if (nowMs >= lease.renewAtMs) return sendRenewal(context, 'renewing', state, nowMs);
  return state.kind === 'bound'
    ? announceOrWait(state, nowMs)
    : { state: { ...state, dueAtMs: lease.rebindAtMs }, actions: [] };
}

export function receiveRenewal(
  context: ClientContext,
  state: StateOf<'renewing' | 'rebinding'>,
  received: Received,
  nowMs: number,
): Step {
  const { lease, defendedAtMs, sentAtMs } = state;
  const { type, serverId, text } = received.parameters;
  if (type === 'ack' && received.message.yourAddress === lease.address) {
    const renewed = leaseOf(received, sentAtMs, lease.prefixLength);
    if (nowMs < renewed.expiresAtMs) return enterBound(renewed, nowMs, 0, defendedAtMs);
    return { state, actions: [{ kind: 'ignored', reason: 'a lease that is over already' }] };
  }
  if (type !== 'ack' && type !== 'nak')
    return { state, actions: [{ kind: 'ignored', reason: `${type} while a lease is renewed` }] };
  const isOfAnother = serverId !== undefined && lease.serverId !== null && serverId !== lease.serverId;
  // RFC 2131 §4.3.2: only who was asked may say no; when rebinding, that is everybody.
  if (state.kind === 'renewing' && isOfAnother)
    return { state, actions: [{ kind: 'ignored', reason: `${type} of another server` }] };
  const reason = type === 'ack' ? 'the server gives another address' : 'the server takes the lease back';
  return refused(context, NO_SETBACKS, nowMs, [
    { kind: 'withdraw', reason: text === undefined || text === '' ? reason : `${reason}: ${text}` },
  ]);
}
