// SPDX-License-Identifier: Apache-2.0
/** All times of the client, each with where it comes from. Milliseconds. */

const SECOND_MS = 1000;

/** RFC 2131 §4.1: between sending a message and sending it again; doubled each time, with up to a second more or less. */
const FIRST_RETRY_MS = 4 * SECOND_MS;
const MAX_RETRY_MS = 64 * SECOND_MS;
const RETRY_FUZZ_MS = SECOND_MS;
/** RFC 2131 §4.4.5: between renewals of a lease. */
const LEAST_RENEWAL_RETRY_MS = 60 * SECOND_MS;

/**
 * RFC 2131 §4.4.1 lets hosts that start together wait from one to ten seconds; one second is enough to part the few
 * on such a link.
 */
const MAX_START_DELAY_MS = SECOND_MS;
/** How often a request is sent before another server is looked for: a minute in all (RFC 2131 §3.1). */
export const MAX_REQUESTS = 4;
/** The same for a remembered address, on a link where perhaps nobody knows it. */
export const MAX_REBOOT_REQUESTS = 2;
/** From then on servers are asked to broadcast: not every one can answer by unicast. */
export const BROADCAST_FROM_ATTEMPT = 2;
/** How long an offer that lacks something waits for a better one. */
export const OFFER_HOLD_MS = SECOND_MS;
/** RFC 2131 §3.1: before a client that declined an address begins anew. */
export const DECLINE_WAIT_MS = 10 * SECOND_MS;

/** RFC 5227 §1.1. */
const PROBE_WAIT_MS = SECOND_MS;
const PROBE_MIN_MS = SECOND_MS;
const PROBE_MAX_MS = 2 * SECOND_MS;
export const PROBE_COUNT = 3;
export const ANNOUNCE_WAIT_MS = 2 * SECOND_MS;
export const ANNOUNCE_COUNT = 2;
export const ANNOUNCE_INTERVAL_MS = 2 * SECOND_MS;
export const MAX_CONFLICTS = 10;
export const RATE_LIMIT_MS = 60 * SECOND_MS;
export const DEFEND_INTERVAL_MS = 10 * SECOND_MS;

/** RFC 2131 §3.3. */
const INFINITE_SECONDS = 0xffffffff;
/** What other clients take where a server does not say how long (systemd #9610; dhcpcd and udhcpc take an hour, too). */
const DEFAULT_LEASE_SECONDS = 3600;
/** Less would be nothing but renewals. */
const LEAST_LEASE_SECONDS = 10;
/** RFC 2131 §4.4.5. */
const RENEWAL_PART = 0.5;
const REBINDING_PART = 0.875;

/** From 0 to below 1. */
export type RandomPart = () => number;

/** @param attempt how often it was sent again so far */
export function retryDelayMs(attempt: number, random: RandomPart): number {
  const base = Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempt, 10), MAX_RETRY_MS);
  return base + (2 * random() - 1) * RETRY_FUZZ_MS;
}

export const startDelayMs = (random: RandomPart): number => random() * MAX_START_DELAY_MS;

/** RFC 5227 §2.1.1: before the first probe, and between two of them. */
export const probeWaitMs = (random: RandomPart): number => random() * PROBE_WAIT_MS;
export const probeIntervalMs = (random: RandomPart): number =>
  PROBE_MIN_MS + random() * (PROBE_MAX_MS - PROBE_MIN_MS);

/** When a renewal is sent again: after half of the time that is left, at least a minute (RFC 2131 §4.4.5). */
export const renewalRetryAtMs = (nowMs: number, endMs: number): number =>
  Math.min(endMs, nowMs + Math.max((endMs - nowMs) / 2, LEAST_RENEWAL_RETRY_MS));

export interface LeaseTimes {
  /** Each is `Infinity` for a lease without end. */
  readonly renewAtMs: number;
  readonly rebindAtMs: number;
  readonly expiresAtMs: number;
}

/**
 * When a lease is renewed, rebound and over, counted from the request (RFC 2131 §4.4.1). Without a lease time, or
 * with 0, it is an hour; times of renewal and rebinding that are not in their order are replaced by the usual parts.
 */
export function leaseTimes(
  said: {
    readonly leaseSeconds?: number;
    readonly renewalSeconds?: number;
    readonly rebindingSeconds?: number;
  },
  requestedAtMs: number,
): LeaseTimes {
  if (said.leaseSeconds === INFINITE_SECONDS)
    return {
      renewAtMs: Number.POSITIVE_INFINITY,
      rebindAtMs: Number.POSITIVE_INFINITY,
      expiresAtMs: Number.POSITIVE_INFINITY,
    };
  const lease = Math.max(said.leaseSeconds || DEFAULT_LEASE_SECONDS, LEAST_LEASE_SECONDS);
  const renewal = said.renewalSeconds ?? lease * RENEWAL_PART;
  const rebinding = said.rebindingSeconds ?? lease * REBINDING_PART;
  const areInOrder = renewal > 0 && renewal < rebinding && rebinding < lease;
  const atMs = (seconds: number) => requestedAtMs + seconds * SECOND_MS;
  return {
    renewAtMs: atMs(areInOrder ? renewal : lease * RENEWAL_PART),
    rebindAtMs: atMs(areInOrder ? rebinding : lease * REBINDING_PART),
    expiresAtMs: atMs(lease),
  };
}
