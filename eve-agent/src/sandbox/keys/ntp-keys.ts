// SPDX-License-Identifier: Apache-2.0
/** The keys between priv and the client of NTP, below the prefix of the manifest. Values are ASCII. */

import { askRights } from '../exchange/ask-keys.ts';
import { type KeyPath, keyPathText } from '../store/key-path.ts';
import { type KeyRight, readable, writable } from '../store/rights.ts';

export const NTP_KEY = {
  /** A folder, by priv, read-only: `server/001/address`, … */
  server: 'server',
  /** By priv, read-only: what it did with a correction. See {@link CorrectionAnswer}. */
  answer: 'answer',
  /** What the frequency of the clock is to be, in all, in parts of a million; counts with the next offset. */
  frequency: 'frequency',
  /** What the clock is to be moved by. See {@link OfferedCorrection}. */
  offset: 'offset',
  /** To be shown: one of {@link NTP_STATES}. */
  state: 'state',
  /** To be shown: of this host, one more than that of the server that is followed; 16: none is. */
  stratum: 'stratum',
  /** To be shown: 0 none, 1 and 2 a leap second at the end of the month, as the server that is followed says. */
  leap: 'leap',
  /** To be shown: which server is followed, as `001`; empty: none. */
  peer: 'peer',
  /** A folder, to be shown: `source/001/role`, … */
  source: 'source',
} as const;

/** Why the time is known, or not: the values of {@link NTP_KEY.state}. */
export const NTP_STATES = [
  /** Servers were asked, and it is too early to tell. */
  'measuring',
  'synchronized',
  /** No server answers. */
  'unreachable',
  /** Servers answer, and none of them knows the time, or near enough. */
  'no-server-fit',
  /** Servers know the time, and there is no majority that agrees. */
  'no-agreement',
  /** Every server sent its client away. */
  'denied',
  /** The servers agree, and priv did not follow them. */
  'refused',
] as const;
export type NtpState = (typeof NTP_STATES)[number];

/** How a server stands beside the others. */
export const SOURCE_ROLES = [
  'unusable',
  'waiting',
  'falseticker',
  'outlier',
  'candidate',
  'system-peer',
] as const;
export type SourceRole = (typeof SOURCE_ROLES)[number];

/** Below `source/NNN`, all to be shown; times in milliseconds. */
const SOURCE_KEYS = [
  'role',
  'trouble',
  'stratum',
  'reach',
  'offset',
  'delay',
  'jitter',
  'distance',
  'dropped',
] as const;
export type SourceKey = (typeof SOURCE_KEYS)[number];

export const MAX_NTP_SERVERS = 16;
export const NTP_PORT = 123;

/** Below it the calf asks for the socket of a server, as `{ server: '001' }`: see `openAsks`. */
export const socketAsksOf = (prefix: KeyPath): KeyPath => [...prefix, 'socket'];

/** @param index from 0 */
export const serverName = (index: number): string => String(index + 1).padStart(3, '0');

/** What the calf says of the clock. */
export interface OfferedCorrection {
  /** One more each time. */
  readonly sequence: number;
  /** The time of the servers minus that of this host. */
  readonly offsetMs: number;
  /** How far from the truth that may be. */
  readonly errorMs: number;
  readonly jitterMs: number;
  /** When it was measured, by the monotonic clock. */
  readonly atMs: number;
  /** The clock minus the monotonic one then: an offset is of no use for a clock that was set since. */
  readonly wallBaseMs: number;
}

const ANSWER_KINDS = ['none', 'stepped', 'slewing', 'refused'] as const;

/** What priv did. */
export interface CorrectionAnswer {
  /** Of the correction that it answers; 0: of none, it tells how the clock is. */
  readonly sequence: number;
  readonly kind: (typeof ANSWER_KINDS)[number];
  /** What the clock is moved by. */
  readonly byMs: number;
  /** Of the clock, in all. */
  readonly frequencyPpm: number;
  /** When, by the monotonic clock. */
  readonly atMs: number;
  /** Why it was refused: a word, such as `panic`; `-` where it was not. */
  readonly reason: string;
}

/** What a client of NTP may do with keys below a prefix; the rest of its manifest is the launcher's. */
export function ntpRights(prefix: KeyPath): KeyRight[] {
  const below = (key: string) => keyPathText([...prefix, ...key.split('/')]);
  const { server, answer, frequency, offset, state, stratum, leap, peer, source } = NTP_KEY;
  return [
    ...[`${server}/*/address`, answer].map((key) => readable(below(key))),
    ...[frequency, offset, state, stratum, leap, peer, `${source}/*/*`].map((key) => writable(below(key))),
    ...askRights(socketAsksOf(prefix)),
  ];
}

/** Fixed point, so that it is read the same everywhere; as fine as a nanosecond of milliseconds. */
const numberText = (value: number) => value.toFixed(6);
const NUMBER = /^-?\d{1,15}(?:\.\d{1,6})?$/;
const SEQUENCE = /^\d{1,15}$/;
const WORD = /^[A-Za-z0-9-]{1,32}$/;
const MAX_TEXT_BYTES = 256;

/** @returns the words between single spaces; null: it is no text of so many */
function wordsOf(bytes: Uint8Array, count: number): string[] | null {
  if (bytes.length > MAX_TEXT_BYTES) return null;
  const words = Buffer.from(bytes).toString('latin1').split(' ');
  return words.length === count ? words : null;
}

function numbersOf(words: readonly string[]): number[] | null {
  return words.every((word) => NUMBER.test(word)) ? words.map(Number) : null;
}

export function correctionText(offered: OfferedCorrection): string {
  const { sequence, offsetMs, errorMs, jitterMs, atMs, wallBaseMs } = offered;
  return [sequence, ...[offsetMs, errorMs, jitterMs, atMs, wallBaseMs].map(numberText)].join(' ');
}

/** @returns null for anything but what {@link correctionText} makes */
export function parseCorrection(bytes: Uint8Array): OfferedCorrection | null {
  const [first = '', ...rest] = wordsOf(bytes, 6) ?? [];
  const numbers = numbersOf(rest);
  if (!SEQUENCE.test(first) || numbers === null) return null;
  const [offsetMs = 0, errorMs = 0, jitterMs = 0, atMs = 0, wallBaseMs = 0] = numbers;
  return { sequence: Number(first), offsetMs, errorMs, jitterMs, atMs, wallBaseMs };
}

/** A number alone, as of a frequency. */
export const quantityText = numberText;

/** @returns null for anything but what {@link quantityText} makes */
export function parseQuantity(bytes: Uint8Array): number | null {
  const [number] = numbersOf(wordsOf(bytes, 1) ?? []) ?? [];
  return number ?? null;
}

export function answerText(answer: CorrectionAnswer): string {
  const { sequence, kind, byMs, frequencyPpm, atMs, reason } = answer;
  return [sequence, kind, ...[byMs, frequencyPpm, atMs].map(numberText), reason].join(' ');
}

/** @returns null for anything but what {@link answerText} makes */
export function parseAnswer(bytes: Uint8Array): CorrectionAnswer | null {
  const [first = '', second, ...rest] = wordsOf(bytes, 6) ?? [];
  const kind = ANSWER_KINDS.find((each) => each === second);
  const reason = rest.pop() ?? '';
  const numbers = numbersOf(rest);
  if (!SEQUENCE.test(first) || kind === undefined || numbers === null || !WORD.test(reason)) return null;
  const [byMs = 0, frequencyPpm = 0, atMs = 0] = numbers;
  return { sequence: Number(first), kind, byMs, frequencyPpm, atMs, reason };
}
