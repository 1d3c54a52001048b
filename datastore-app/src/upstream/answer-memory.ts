// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { isAway, type UpstreamError } from './upstream-error.ts';

/** When an upstream was last asked for something, and how it refused. */
export interface LastAnswer {
  readonly atMs: number;
  readonly failure: UpstreamError | undefined;
  /** From 0 to 1; another one each time. */
  readonly random: number;
}

/** What upstreams answered lately: bounded, and forgotten with the process. */
export interface AnswerMemory {
  lastOf(key: string): LastAnswer | undefined;
  /** Whether an upstream was asked for something within a time. */
  isYounger(key: string, ageMs: number): boolean;
  /** How an upstream has just refused something, so that there is no use in asking for it again. */
  refusalOf(key: string): UpstreamError | undefined;
  /**
   * Why nothing could be had of an upstream a moment ago: no connection to it came about.
   *
   * @param upstream anything that stands for it, and for nothing else
   */
  whyAway(upstream: unknown): UpstreamError | undefined;
  /** Takes over how a request went. */
  note(upstream: unknown, key: string, failure: UpstreamError | undefined): void;
  /** As {@link AnswerMemory.note} for what is asked for once alone: that it came is not remembered. */
  noteOnce(upstream: unknown, key: string, failure: UpstreamError | undefined): void;
}

/** So long it is remembered that an upstream did not give something, or did not answer at all. */
export const FAILURE_MS = 30_000;
const MAX_REMEMBERED = 10_000;

/** @param random from 0 to 1 */
export function createAnswerMemory(clock: Clock, random: () => number = () => 0.5): AnswerMemory {
  const answers = new Map<string, LastAnswer>();
  const away = new Map<unknown, { readonly atMs: number; readonly failure: UpstreamError }>();

  const isYoung = (atMs: number, ageMs: number) => clock.nowMs() - atMs < ageMs;
  const isYounger = (key: string, ageMs: number) =>
    isYoung(answers.get(key)?.atMs ?? Number.NEGATIVE_INFINITY, ageMs);

  function bound(map: Map<unknown, unknown>): void {
    const [oldest] = map.keys();
    if (map.size > MAX_REMEMBERED && oldest !== undefined) map.delete(oldest);
  }

  function noteUpstream(upstream: unknown, failure: UpstreamError | undefined): void {
    away.delete(upstream);
    if (failure === undefined || !isAway(failure)) return;
    away.set(upstream, { atMs: clock.nowMs(), failure });
    bound(away);
  }

  function set(key: string, failure: UpstreamError | undefined): void {
    answers.delete(key);
    answers.set(key, { atMs: clock.nowMs(), failure, random: random() });
    bound(answers);
  }

  return {
    lastOf: (key) => answers.get(key),
    isYounger,

    refusalOf: (key) => (isYounger(key, FAILURE_MS) ? answers.get(key)?.failure : undefined),

    whyAway(upstream) {
      const known = away.get(upstream);
      return known !== undefined && isYoung(known.atMs, FAILURE_MS) ? known.failure : undefined;
    },

    note(upstream, key, failure) {
      noteUpstream(upstream, failure);
      set(key, failure);
    },

    noteOnce(upstream, key, failure) {
      noteUpstream(upstream, failure);
      if (failure === undefined) answers.delete(key);
      else set(key, failure);
    },
  };
}
