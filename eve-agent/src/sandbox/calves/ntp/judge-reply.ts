// SPDX-License-Identifier: Apache-2.0
import { kissCodeOf, type NtpPacket } from './ntp-packet.ts';
import { unixNsOf } from './ntp-timestamp.ts';

/** RFC 5905 §7.2: how fast a clock that nobody corrects may go astray, as a part of the time that goes by. */
export const FREQUENCY_TOLERANCE = 15e-6;
/** RFC 5905 §7.2 MAXDISP: a server that is so far from its own source says nothing. */
export const MAX_DISPERSION_MS = 16_000;
/** Stratum of what is not synchronized. */
const MAX_STRATUM = 16;
const NOT_SYNCHRONIZED = 3;
const NS_PER_MS = 1e6;
/** A server cannot have held a request for longer than its answer took; so much may its clock run faster than ours. */
const HELD_TOO_LONG_MS = 1;
/** No server's clock is better than 2^-30 s, and none that is worse than a second is one. */
const PRECISION_LOG2 = { least: -30, greatest: 0 };

/** A moment by both clocks of this host. */
export interface LocalMoment {
  /** Of the monotonic clock. */
  readonly atMs: number;
  /** Of the clock that is to be set: nanoseconds since 1970. */
  readonly unixNs: bigint;
}

/** A question that is open. */
export interface NtpRequest {
  readonly transmitTimestamp: bigint;
  readonly sent: LocalMoment;
}

/** Which times can be: not before this program was built, nor decades after. */
export interface PlausibleTimes {
  readonly earliestUnixNs: bigint;
  readonly latestUnixNs: bigint;
}

/** One measurement of a server's clock against ours (RFC 5905 §8). */
export interface Sample {
  /** Server's time minus ours. */
  readonly offsetMs: number;
  readonly delayMs: number;
  /** How wrong the offset may be besides half the delay, when the answer came. */
  readonly dispersionMs: number;
  /** When the answer came, by the monotonic clock. */
  readonly atMs: number;
}

/** What a server says of itself. */
export interface ServerTraits {
  readonly leap: 0 | 1 | 2;
  readonly stratum: number;
  readonly rootDelayMs: number;
  readonly rootDispersionMs: number;
  readonly referenceId: number;
  readonly precisionMs: number;
}

export type DropReason =
  /** Nothing is asked, or the answer is not to what is asked: it repeats other 64 bits. */
  | 'origin'
  /** The server says that it does not know the time. */
  | 'unsynchronized'
  /** A timestamp is missing, or the answer went before the question came, or the server took too long. */
  | 'timestamps'
  /** The server's own source is too far away to tell anything. */
  | 'root-distance'
  /** The time is before this program was built. */
  | 'before-build'
  /** The time is further away than any that this program will see. */
  | 'after-horizon';

export type ReplyJudgement =
  | { readonly kind: 'sample'; readonly sample: Sample; readonly traits: ServerTraits }
  /** Stratum 0: the server wants something of its client. `pollLog2` is what it asks for, as it came. */
  | { readonly kind: 'kiss'; readonly code: string; readonly pollLog2: number }
  | { readonly kind: 'drop'; readonly why: DropReason };

const drop = (why: DropReason): ReplyJudgement => ({ kind: 'drop', why });

const msOf = (ns: bigint) => Number(ns) / NS_PER_MS;

/**
 * What an answer is worth. First of all it has to repeat the random timestamp of the question (RFC 5905 §8, test 2):
 * before that nothing is believed, not even that the server wants to be left alone, which anybody could send.
 *
 * @param request the question that is open; null: none is
 * @param received when the answer came
 * @param localPrecisionMs how finely the local times are read
 */
export function judgeReply(
  packet: NtpPacket,
  request: NtpRequest | null,
  received: LocalMoment,
  times: PlausibleTimes,
  localPrecisionMs: number,
): ReplyJudgement {
  if (request === null || packet.originTimestamp !== request.transmitTimestamp) return drop('origin');
  if (packet.stratum === 0) {
    return { kind: 'kiss', code: kissCodeOf(packet.referenceId), pollLog2: packet.pollLog2 };
  }
  if (packet.leap === NOT_SYNCHRONIZED || packet.stratum >= MAX_STRATUM) return drop('unsynchronized');
  if (packet.receiveTimestamp === 0n || packet.transmitTimestamp === 0n) return drop('timestamps');
  if (packet.rootDelayMs / 2 + packet.rootDispersionMs >= MAX_DISPERSION_MS) return drop('root-distance');

  // The era is the one in which the time lies next to the middle of what can be.
  const pivot = (times.earliestUnixNs + times.latestUnixNs) / 2n;
  const serverSent = unixNsOf(packet.transmitTimestamp, pivot);
  // Next to each other, whatever era they lie in.
  const serverReceived = unixNsOf(packet.receiveTimestamp, serverSent);
  if (serverReceived > serverSent) return drop('timestamps');
  const hasReference = packet.referenceTimestamp !== 0n;
  if (hasReference && unixNsOf(packet.referenceTimestamp, serverSent) > serverSent) return drop('timestamps');
  if (serverSent < times.earliestUnixNs) return drop('before-build');
  if (serverSent > times.latestUnixNs) return drop('after-horizon');

  const tookMs = received.atMs - request.sent.atMs;
  const heldMs = msOf(serverSent - serverReceived);
  if (heldMs > tookMs + HELD_TOO_LONG_MS) return drop('timestamps');
  const log2 = Math.min(Math.max(packet.precisionLog2, PRECISION_LOG2.least), PRECISION_LOG2.greatest);
  const precisionMs = 2 ** log2 * 1000;
  const thereNs = serverReceived - request.sent.unixNs;
  const backNs = serverSent - received.unixNs;
  return {
    kind: 'sample',
    sample: {
      offsetMs: msOf(thereNs + backNs) / 2,
      delayMs: Math.max(tookMs - heldMs, localPrecisionMs),
      dispersionMs: precisionMs + localPrecisionMs + FREQUENCY_TOLERANCE * tookMs,
      atMs: received.atMs,
    },
    traits: {
      leap: packet.leap,
      stratum: packet.stratum,
      rootDelayMs: packet.rootDelayMs,
      rootDispersionMs: packet.rootDispersionMs,
      referenceId: packet.referenceId,
      precisionMs,
    },
  };
}
