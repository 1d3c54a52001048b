// SPDX-License-Identifier: Apache-2.0
import {
  type CorrectionAnswer,
  NTP_KEY,
  NTP_STATES,
  type NtpState,
  parseCorrection,
  parseQuantity,
  SOURCE_ROLES,
  type SourceKey,
  type SourceRole,
  serverName,
} from '../keys/ntp-keys.ts';
import type { KeyPath } from '../store/key-path.ts';
import type { KeyStore } from '../store/key-store.ts';
import { type ClockStep, WATCHED } from './clock.ts';

/** A time server, as its client sees it. What is null is not known. */
export interface NtpServerStatus {
  /** As it was named. */
  readonly name: string;
  readonly address: string | null;
  readonly role: SourceRole;
  /** What was wrong with its last answer, as a word. */
  readonly trouble: string | null;
  readonly stratum: number | null;
  /** Whether one of the last eight questions was answered. */
  readonly isReached: boolean;
  /** Its time minus that of this host. */
  readonly offsetMs: number | null;
  readonly delayMs: number | null;
  readonly jitterMs: number | null;
  /** How far from the truth its time may be. */
  readonly distanceMs: number | null;
}

/** The time, as the status tells it. What is null is not known. */
export interface NtpStatus {
  /** `starting`: no server was asked yet; `watched`: the servers agree, and the clock may not be set. */
  readonly state: NtpState | 'starting' | 'watched';
  /** Why the clock may not be set, and is only watched; null: it is kept right. */
  readonly watchedSince: string | null;
  /** Why a correction was refused, as a word. */
  readonly refusal: string | null;
  /** The time of the servers minus that of this host, when it was measured last, and how far from the truth that may be. */
  readonly offsetMs: number | null;
  readonly errorMs: number | null;
  /** Of this host: one more than that of the server that is followed. */
  readonly stratum: number | null;
  /** The server that is followed, as it was named. */
  readonly server: string | null;
  /** How much faster the clock is made to run, in parts of a million. */
  readonly frequencyPpm: number | null;
  /** How often the clock was set, not slewed, and when last. */
  readonly steps: number;
  readonly lastStep: { readonly at: string; readonly byMs: number } | null;
  readonly servers: readonly NtpServerStatus[];
}

/** What priv itself knows. */
export interface NtpKnowledge {
  readonly names: readonly string[];
  readonly answer: CorrectionAnswer | null;
  readonly watchedSince: string | null;
  readonly steps: number;
  readonly lastStep: ClockStep | null;
}

const WORD = /^[A-Za-z0-9-]{1,32}$/;
const STRATUM = /^(?:[1-9]|1[0-5])$/;
const REACH = /^[01]{1,8}$/;
/** ECMA-262: no Date is later. */
const LAST_DATE_MS = 8.64e15;

/**
 * What the client of NTP shows of itself, as far as it can be so: it may have been taken over.
 *
 * @param prefix below which its keys stand
 */
export function readNtpStatus(
  store: Pick<KeyStore, 'read'>,
  prefix: KeyPath,
  { names, answer, watchedSince, steps, lastStep }: NtpKnowledge,
): NtpStatus {
  const read = (...key: string[]) => store.read([...prefix, ...key]);
  const textOf = (...key: string[]) => Buffer.from(read(...key) ?? []).toString('latin1');
  const stratumOf = (text: string) => (STRATUM.test(text) ? Number(text) : null);

  function serverStatus(name: string, index: number): NtpServerStatus {
    const id = serverName(index);
    const text = (key: SourceKey) => textOf(NTP_KEY.source, id, key);
    const quantity = (key: SourceKey) => parseQuantity(read(NTP_KEY.source, id, key) ?? new Uint8Array());
    const [trouble, reach, address] = [text('trouble'), text('reach'), textOf(NTP_KEY.server, id, 'address')];
    return {
      name,
      address: address === '' ? null : address,
      role: SOURCE_ROLES.find((role) => role === text('role')) ?? 'unusable',
      trouble: WORD.test(trouble) ? trouble : null,
      stratum: stratumOf(text('stratum')),
      isReached: REACH.test(reach) && reach.includes('1'),
      offsetMs: quantity('offset'),
      delayMs: quantity('delay'),
      jitterMs: quantity('jitter'),
      distanceMs: quantity('distance'),
    };
  }

  const offered = parseCorrection(read(NTP_KEY.offset) ?? new Uint8Array());
  const shown = NTP_STATES.find((state) => state === textOf(NTP_KEY.state)) ?? 'starting';
  const isWatched = answer?.reason === WATCHED;
  const peer = textOf(NTP_KEY.peer);
  return {
    state: shown === 'refused' && isWatched ? 'watched' : shown,
    watchedSince,
    refusal: answer?.kind === 'refused' && !isWatched ? answer.reason : null,
    offsetMs: offered?.offsetMs ?? null,
    errorMs: offered?.errorMs ?? null,
    stratum: stratumOf(textOf(NTP_KEY.stratum)),
    server: names.find((_, index) => serverName(index) === peer) ?? null,
    frequencyPpm: watchedSince === null ? (answer?.frequencyPpm ?? null) : null,
    steps,
    lastStep:
      lastStep === null || Math.abs(lastStep.unixMs) > LAST_DATE_MS
        ? null
        : { at: new Date(lastStep.unixMs).toISOString(), byMs: lastStep.byMs },
    servers: names.map(serverStatus),
  };
}
