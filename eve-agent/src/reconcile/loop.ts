// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';

/** What is looked at, and what is done about it. */
export interface LoopWork<Step, Plan extends { readonly steps: readonly Step[] }> {
  /** What should be done now that is not under way. */
  plan(): Plan;
  /** Never rejects. What it changes is marked before its first wait, so that the next look sees it. */
  runStep(step: Step, signal: AbortSignal): Promise<void>;
  /**
   * Is told of a plan whose steps have begun.
   *
   * @returns when to look again, by the clock, if nobody asks before; infinite: never
   */
  begun(plan: Plan): number;
  /** Ends what is under way. */
  stopSteps(reason: unknown): void;
}

/** Looks, as often as it is asked, what is to be done, and does it: several things at a time, each until it is done. */
export interface Loop {
  /** Works until the signal is aborted; returns when nothing is under way any more. */
  run(signal: AbortSignal): Promise<void>;
  /** Look, soon: however often it is asked for until then, once. It never looks unasked; before `run` it is put off. */
  replan(): void;
}

/** Node's timers hold 31 bits. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export function createLoop<Step, Plan extends { readonly steps: readonly Step[] }>(
  clock: Clock,
  work: LoopWork<Step, Plan>,
): Loop {
  const running = new Set<Promise<void>>();
  let signal: AbortSignal | null = null;
  let isPutOff = false;
  let isPlanned = false;
  let cancelWake = () => {};

  function look(until: AbortSignal): void {
    const plan = work.plan();
    for (const step of plan.steps) {
      const doing: Promise<void> = work.runStep(step, until).finally(() => running.delete(doing));
      running.add(doing);
    }
    const wakeAtMs = work.begun(plan);
    cancelWake();
    const waitMs = Math.min(wakeAtMs - clock.nowMs(), MAX_TIMER_MS);
    cancelWake = wakeAtMs === Number.POSITIVE_INFINITY ? () => {} : clock.after(waitMs, replan);
  }

  function replan(): void {
    isPutOff = signal === null;
    if (isPlanned || signal === null || signal.aborted) return;
    isPlanned = true;
    setImmediate(() => {
      isPlanned = false;
      if (signal !== null && !signal.aborted) look(signal);
    });
  }

  return {
    replan,
    async run(until) {
      signal = until;
      if (isPutOff) replan();
      if (!until.aborted) {
        await new Promise<void>((resolve) =>
          until.addEventListener('abort', () => resolve(), { once: true }),
        );
      }
      cancelWake();
      work.stopSteps(until.reason);
      while (running.size > 0) await Promise.all(running);
    },
  };
}
