// SPDX-License-Identifier: Apache-2.0
import {
  type CorrectionAnswer,
  MAX_NTP_SERVERS,
  type NtpState,
  type SourceRole,
} from '../../keys/ntp-keys.ts';
import { type Combination, combineSources, type Truechimer } from './combine-sources.ts';
import { type Corrections, correctAgain, noCorrections, slewedMs } from './corrections.ts';
import { type Correction, type DisciplineState, disciplineClock, newDiscipline } from './discipline.ts';
import type { LocalMoment } from './judge-reply.ts';
import { encodeNtpRequest } from './ntp-packet.ts';
import { adaptSchedule } from './poll-schedule.ts';
import { selectTruechimers } from './select-sources.ts';
import {
  afterDatagram,
  afterJump,
  afterQuestion,
  isNearEnough,
  isUndecided,
  measure,
  newSource,
  type SourceOptions,
  type SourceState,
} from './source.ts';

export type NtpEvent =
  /** A moment that was waited for, or any other. */
  | { readonly kind: 'tick' }
  /** A question went out. */
  | { readonly kind: 'sent'; readonly id: string; readonly transmitTimestamp: bigint }
  | { readonly kind: 'datagram'; readonly id: string; readonly bytes: Uint8Array }
  /** The system's clock was set, by priv or anybody else, or the machine slept. */
  | { readonly kind: 'jump' }
  | { readonly kind: 'answer'; readonly answer: CorrectionAnswer }
  /** These are the servers now; who was there before and is the same stays as it is. */
  | { readonly kind: 'servers'; readonly ids: readonly string[] };

/** What is to be done. */
export type NtpAction =
  | {
      readonly kind: 'send';
      readonly id: string;
      readonly bytes: Uint8Array;
      readonly transmitTimestamp: bigint;
    }
  | { readonly kind: 'correct'; readonly correction: NumberedCorrection };

/** As it is told to priv. */
export interface NumberedCorrection extends Correction {
  readonly sequence: number;
  /** How far from the truth the offset may be. */
  readonly errorMs: number;
  readonly jitterMs: number;
  /** When it was measured, by the monotonic clock. */
  readonly atMs: number;
}

/** Why the time is known, or not; whether it is followed is priv's to say. */
export type NtpStatus = Exclude<NtpState, 'refused'>;

export interface NtpClientState {
  readonly sources: ReadonlyMap<string, SourceState>;
  readonly roles: ReadonlyMap<string, SourceRole>;
  readonly combination: Combination | null;
  readonly status: NtpStatus;
  readonly corrections: Corrections;
  readonly discipline: DisciplineState;
  /** The last correction that was told; null: none was. */
  readonly told: NumberedCorrection | null;
  /** What priv did with it; null: it did not say yet. */
  readonly answer: CorrectionAnswer | null;
}

export interface NtpClientOptions extends SourceOptions {
  /** So many servers must agree at least. 1: one alone is followed. */
  readonly leastSources: number;
}

/** Chance, as it is handed in. */
export interface Chance {
  /** 64 bits that nobody can foresee. */
  bits64(): bigint;
  /** From 0 to below 1. */
  fraction(): number;
}

export function newNtpClient(nowMs: number): NtpClientState {
  return {
    sources: new Map(),
    roles: new Map(),
    combination: null,
    status: 'measuring',
    corrections: noCorrections(nowMs, 0),
    discipline: newDiscipline,
    told: null,
    answer: null,
  };
}

/** When something is to be done next, by the monotonic clock. Infinite: never, unless something comes. */
export function nextMomentMs({ sources }: NtpClientState): number {
  return Math.min(Number.POSITIVE_INFINITY, ...[...sources.values()].map(({ schedule }) => schedule.nextMs));
}

export interface NtpStep {
  readonly state: NtpClientState;
  /** In the order in which they are to be done. */
  readonly actions: readonly NtpAction[];
}

function mapValues<T>(map: ReadonlyMap<string, T>, change: (value: T, key: string) => T): Map<string, T> {
  return new Map([...map].map(([key, value]) => [key, change(value, key)]));
}

interface Opinion {
  readonly roles: ReadonlyMap<string, SourceRole>;
  readonly combination: Combination | null;
  /** When the newest sample of the system peer came. */
  readonly atMs: number;
  readonly status: NtpStatus;
}

/** What the servers say together, now. */
function formOpinion(state: NtpClientState, nowMs: number, options: NtpClientOptions): Opinion {
  const all = [...state.sources];
  const measured = new Map(all.map(([id, source]) => [id, measure(source, nowMs, options)]));
  const fit = all.flatMap(([id, source]): (Truechimer & { atMs: number })[] => {
    const found = measured.get(id) ?? null;
    if (found === null || !isNearEnough(found, source)) return [];
    return [{ id, ...found, stratum: found.traits.stratum }];
  });
  const isFit = (id: string) => fit.some((each) => each.id === id);
  // Who comes first is not followed alone, before others could disagree, nor are those that are not sure yet together.
  const isEarly = all.some(([id, source]) => isUndecided(source) && (all.length > 1 || !isFit(id)));
  const asked = isEarly && state.combination === null ? [] : fit;
  const chosen = new Set(selectTruechimers(asked).truechimers);
  const truechimers = chosen.size < options.leastSources ? [] : fit.filter(({ id }) => chosen.has(id));
  const combination = combineSources(truechimers, state.combination?.systemPeer ?? null);
  const roles = new Map(
    all.map(([id]): [string, SourceRole] => {
      if (!isFit(id)) return [id, 'unusable'];
      if (combination?.systemPeer === id) return [id, 'system-peer'];
      if (combination?.survivors.includes(id)) return [id, 'candidate'];
      if (asked.length === 0) return [id, 'waiting'];
      return [id, truechimers.some((each) => each.id === id) ? 'outlier' : 'falseticker'];
    }),
  );
  const atMs = measured.get(combination?.systemPeer ?? '')?.atMs ?? Number.NEGATIVE_INFINITY;
  const statusOf = (): NtpStatus => {
    if (combination !== null) return 'synchronized';
    const sources = all.map(([, source]) => source);
    if (sources.length > 0 && sources.every(({ isDenied }) => isDenied)) return 'denied';
    if (isEarly) return 'measuring';
    if (fit.length > 0) return 'no-agreement';
    return sources.some(({ reach }) => reach !== 0) ? 'no-server-fit' : 'unreachable';
  };
  return { roles, combination, atMs, status: statusOf() };
}

/** The client with what its servers say now; a new measurement becomes a correction. */
function conclude(state: NtpClientState, nowMs: number, options: NtpClientOptions): NtpStep {
  const { roles, combination, atMs, status } = formOpinion(state, nowMs, options);
  const formed = { ...state, roles, combination, status };
  if (combination === null) return { state: formed, actions: [] };
  const { peerOffsetMs: offsetMs, jitterMs, rootDistanceMs: errorMs } = combination;
  const measurement = { atMs, offsetMs, othersMs: combination.offsetMs - offsetMs, jitterMs };
  const disciplined = disciplineClock(state.discipline, measurement, state.corrections, nowMs);
  const { state: discipline, correction } = disciplined;
  const { pollLog2 } = discipline;
  const sources = mapValues(state.sources, (source) => ({
    ...source,
    schedule: adaptSchedule(source.schedule, nowMs, pollLog2),
  }));
  const next = { ...formed, discipline, sources };
  if (correction === null) return { state: next, actions: [] };
  const told = { ...correction, sequence: (state.told?.sequence ?? 0) + 1, errorMs, jitterMs, atMs: nowMs };
  return { state: { ...next, told }, actions: [{ kind: 'correct', correction: told }] };
}

/** Asks the servers whose time has come. */
function ask(state: NtpClientState, now: LocalMoment, chance: Chance): NtpStep {
  const actions: NtpAction[] = [];
  const sources = mapValues(state.sources, (source, id) => {
    if (source.schedule.nextMs > now.atMs) return source;
    const transmitTimestamp = chance.bits64();
    actions.push({ kind: 'send', id, transmitTimestamp, bytes: encodeNtpRequest(transmitTimestamp) });
    return afterQuestion(source, { transmitTimestamp, sent: now }, chance.fraction());
  });
  return { state: { ...state, sources }, actions };
}

/** The client after priv said what it did. */
function hear(state: NtpClientState, answer: CorrectionAnswer): NtpClientState {
  const { sequence, kind, byMs, frequencyPpm, atMs } = answer;
  // Nothing was said yet: it tells how the clock is, be it in an answer to a process before this one.
  if (kind === 'none' || state.told === null) {
    return { ...state, corrections: noCorrections(atMs, frequencyPpm) };
  }
  if (sequence > state.told.sequence || sequence <= (state.answer?.sequence ?? 0)) return state;
  const heard = { ...state, answer };
  if (kind === 'refused') return heard;
  if (kind === 'stepped') {
    const stepsLeft = Math.max(0, state.discipline.stepsLeft - 1);
    const discipline = { ...state.discipline, stepsLeft };
    return { ...heard, discipline, corrections: noCorrections(atMs, frequencyPpm) };
  }
  const corrections = correctAgain(state.corrections, atMs, { slewMs: byMs, frequencyPpm });
  return { ...heard, discipline: { ...state.discipline, stepsLeft: 0 }, corrections };
}

/** The client after the clock was set: all that was measured is of another time. */
function jump(state: NtpClientState, nowMs: number): NtpClientState {
  return {
    ...state,
    sources: mapValues(state.sources, (source) => afterJump(source, nowMs)),
    corrections: noCorrections(nowMs, state.corrections.frequencyPpm),
    discipline: { ...state.discipline, points: [], spikeSinceMs: null },
  };
}

/**
 * What an event makes of the client, and what is to be done then. Pure: time and chance are handed in.
 *
 * @param now when the event is; of a datagram, when it came
 */
export function stepNtpClient(
  state: NtpClientState,
  event: NtpEvent,
  now: LocalMoment,
  chance: Chance,
  options: NtpClientOptions,
): NtpStep {
  switch (event.kind) {
    case 'tick': {
      const asked = ask(state, now, chance);
      const concluded = conclude(asked.state, now.atMs, options);
      return { state: concluded.state, actions: [...asked.actions, ...concluded.actions] };
    }
    case 'sent': {
      const source = state.sources.get(event.id);
      if (source?.request?.transmitTimestamp !== event.transmitTimestamp) return { state, actions: [] };
      const request = { transmitTimestamp: event.transmitTimestamp, sent: now };
      return {
        state: { ...state, sources: new Map(state.sources).set(event.id, { ...source, request }) },
        actions: [],
      };
    }
    case 'datagram': {
      const source = state.sources.get(event.id);
      if (source === undefined) return { state, actions: [] };
      const slewed = slewedMs(state.corrections, now.atMs);
      const after = afterDatagram(source, event.bytes, now, slewed, options);
      const next = { ...state, sources: new Map(state.sources).set(event.id, after.source) };
      // A flood of what anybody can send changes no opinion, and costs as little as it can.
      return after.heard === 'nothing' ? { state: next, actions: [] } : conclude(next, now.atMs, options);
    }
    case 'jump':
      return conclude(jump(state, now.atMs), now.atMs, options);
    case 'answer':
      return { state: hear(state, event.answer), actions: [] };
    case 'servers': {
      const ids = [...new Set(event.ids)].slice(0, MAX_NTP_SERVERS);
      const sources = new Map(ids.map((id) => [id, state.sources.get(id) ?? newSource(now.atMs)]));
      return conclude({ ...state, sources }, now.atMs, options);
    }
  }
}
