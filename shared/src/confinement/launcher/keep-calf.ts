// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../clock.ts';
import { errorMessage } from '../../errors.ts';
import type { Calf, CalfEnd } from './calf.ts';
import { judgeEnd, NO_FAILURES, WELL_AFTER_MS } from './restart-policy.ts';

export interface KeepDeps {
  readonly clock: Clock;
  /** Starts one. What it throws counts as an end. */
  start(): Calf;
  /** Is told of each one that was started, to give it what it needs. One that this throws for is killed. */
  onStart(calf: Calf): void;
  /** How long each one has until `markReady`; then it is killed. Undefined: for ever. */
  readonly readyWithinMs?: number;
  /** Is told of each end, and how long it is waited. */
  onEnd(end: CalfEnd, delayMs: number): void;
}

/** One end may be of a moment, such as a host that has just booted and is short of memory. */
const TRIES_TO_BEGIN = 3;

/** A calf that is started again whenever it ends. */
export interface KeptCalf {
  /**
   * Resolves once it is known whether this host lets it run: to null when one was ready, as `markReady` said; to the
   * reason, as a clause, when three could not run before any was, or it was closed before. Who kills one from outside,
   * as the kernel does where memory is short, says nothing of that.
   */
  readonly began: Promise<string | null>;
  /** Null: none runs at the moment. */
  current(): Calf | null;
  /** The one that runs said so. */
  markReady(): void;
  /** The one that runs cannot do here what it is for, for this reason: it is killed, as one that could not be started. */
  markUnfit(reason: string): void;
  /** It ended five times in a minute, and has not run for a minute since. */
  isDegraded(): boolean;
  /** How often it ended. */
  endCount(): number;
  /** Kills it, and starts none any more. Resolves when it has ended. Idempotent. */
  close(): Promise<void>;
}

/** How one ended, as a clause. */
const endText = ({ code, signal, refusal }: CalfEnd): string =>
  refusal ?? (code === null ? `it was ended by ${signal ?? 'an error'}` : `it ended with code ${code}`);

/** Starts a calf, and keeps one running: it waits longer the more often one ends. */
export function keepCalf({ clock, start, onStart, onEnd, readyWithinMs }: KeepDeps): KeptCalf {
  let record = NO_FAILURES;
  let current: Calf | null = null;
  let ends = 0;
  let inabilities = 0;
  let isClosed = false;
  let cancel = () => {};
  let markReady = () => {};
  let refuse: (reason: string) => void = () => {};
  const began = Promise.withResolvers<string | null>();

  function ended(end: CalfEnd, startedMs: number): void {
    current = null;
    cancel();
    markReady();
    ends += 1;
    if (isClosed) return;
    if (end.refusal !== null || end.signal !== 'SIGKILL') inabilities += 1;
    if (inabilities >= TRIES_TO_BEGIN) began.resolve(endText(end));
    const nowMs = clock.nowMs();
    const judged = judgeEnd(record, nowMs, nowMs - startedMs);
    record = judged.record;
    onEnd(end, judged.delayMs);
    cancel = clock.after(judged.delayMs, begin);
  }

  function begin(): void {
    const startedMs = clock.nowMs();
    let calf: Calf;
    try {
      calf = start();
    } catch (error) {
      ended({ code: null, signal: null, refusal: errorMessage(error) }, startedMs);
      return;
    }
    current = calf;
    cancel = clock.after(WELL_AFTER_MS, () => {
      record = NO_FAILURES;
    });
    let refusal: string | null = null;
    refuse = (reason) => {
      refusal = reason;
      calf.kill();
    };
    if (readyWithinMs !== undefined) {
      markReady = clock.after(readyWithinMs, () => refuse('it was not ready in time'));
    }
    void calf.ended.then((end) => ended({ ...end, refusal: refusal ?? end.refusal }, startedMs));
    try {
      onStart(calf);
    } catch (error) {
      // As when it ended before it was given anything.
      refuse(errorMessage(error));
    }
  }

  begin();
  return {
    began: began.promise,
    current: () => current,
    markReady() {
      began.resolve(null);
      markReady();
    },
    markUnfit: (reason) => refuse(reason),
    isDegraded: () => record.isDegraded,
    endCount: () => ends,
    async close() {
      isClosed = true;
      began.resolve('it was stopped');
      cancel();
      markReady();
      const last = current;
      last?.kill();
      await last?.ended;
    },
  };
}
