// SPDX-License-Identifier: Apache-2.0
import { type Clock, waitUnlessAborted } from '@local-datastore/shared/clock';
import { EngineError } from '@local-datastore/shared/engine/engine-client';
import { errorMessage } from '@local-datastore/shared/errors';
import type { ContainerEngine, ContainerView } from '../engine/container-engine.ts';
import { placeInside } from './container-address.ts';
import { SwitchFailure } from './errors.ts';
import { type Check, chooseCheck, type HealthCheck, judgementLimitMs } from './health-check.ts';
import type { ProbeResult, Probes } from './probe.ts';

export interface JudgeDeps {
  readonly engine: ContainerEngine;
  readonly probes: Probes;
  readonly clock: Clock;
}

/** Says how a version is. Each throws SwitchFailure for one that is not well, EngineError, or the signal's reason. */
export interface Judge {
  /** Waits until it is healthy; where nothing tells that, until it has run for the settle time, or at all. */
  untilHealthy(
    id: string,
    wanted: { health: HealthCheck | null; runMs: number },
    signal: AbortSignal,
  ): Promise<void>;
  /** Sees for a time that they stay so. */
  watch(
    ids: readonly string[],
    health: HealthCheck | null,
    settleMs: number,
    signal: AbortSignal,
  ): Promise<void>;
}

/** Until the first success, however seldom it is asked later: the old one is waiting. */
const EAGER_INTERVAL_MS = 200;
/** How often it is looked whether it still runs. */
const LOOK_INTERVAL_MS = 200;
const MAX_LOG_LINES = 20;
const MAX_LINE_LENGTH = 500;
/** What does not come meanwhile is not told. */
const LOG_LIMIT_MS = 5000;

/** The last lines that a container wrote; none where they cannot be had. */
export async function lastLogLines(
  engine: ContainerEngine,
  id: string,
  signal: AbortSignal,
): Promise<string[]> {
  const lines: string[] = [];
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(LOG_LIMIT_MS)]);
    for await (const { text } of engine.readLogs(id, { tail: MAX_LOG_LINES }, limited)) {
      lines.push(text.slice(0, MAX_LINE_LENGTH));
      if (lines.length > MAX_LOG_LINES) lines.shift();
    }
  } catch {
    // Why it failed is told all the same.
  }
  return lines;
}

function whyNotRunning(view: ContainerView | null): string | null {
  if (view === null) return 'it is gone: somebody removed it';
  const { state, exitCode, error, isOutOfMemory } = view;
  if (state === 'running' || state === 'paused') return null;
  if (state === 'restarting') return `it exited with ${exitCode}, and is started again`;
  if (error !== '') return `it could not be started: ${error}`;
  return isOutOfMemory
    ? `it exited with ${exitCode}: it ran out of the memory that it may have`
    : `it exited with ${exitCode}`;
}

export function createJudge({ engine, probes, clock }: JudgeDeps): Judge {
  async function fail(code: 'EXITED' | 'UNHEALTHY', why: string, id: string, signal: AbortSignal) {
    return new SwitchFailure(code, why, await lastLogLines(engine, id, signal));
  }

  /** One that runs, since the same moment as before. @throws SwitchFailure EXITED */
  async function look(
    id: string,
    startedAt: string | undefined,
    signal: AbortSignal,
  ): Promise<ContainerView> {
    const view = await engine.inspect(id, signal);
    const why = whyNotRunning(view);
    if (view === null || why !== null) {
      throw await fail('EXITED', why ?? '', id, signal);
    }
    if (startedAt !== undefined && view.startedAt !== startedAt) {
      throw await fail('EXITED', 'it ended, and was started again', id, signal);
    }
    return view;
  }

  /** Asks by a check; one command at a time, though it hangs. */
  function createAsker(view: ContainerView, check: Check, signal: AbortSignal): () => Promise<ProbeResult> {
    if (check.kind === 'exec') {
      let running: Promise<ProbeResult> | undefined;
      return async () => {
        running ??= engine
          .exec(view.id, check.command, signal)
          .then(({ exitCode, output }) =>
            exitCode === 0 ? null : `its check ends with ${exitCode}${output && `: ${output.slice(-200)}`}`,
          )
          .catch((error: unknown) => errorMessage(error))
          .finally(() => {
            running = undefined;
          });
        const ended = new AbortController();
        const late = waitUnlessAborted(clock, check.timeoutMs, ended.signal).then(
          () => `its check does not end within ${check.timeoutMs} ms`,
        );
        const result = await Promise.race([running, late]);
        ended.abort();
        return result;
      };
    }
    let place = placeInside(view, check.port);
    return async () => {
      // A machine has an address when its system has asked for one, which may be another one each time.
      if (place === null) {
        const now = await engine.inspect(view.id, signal).catch(() => null);
        place = now && placeInside(now, check.port);
      }
      if (place === null) return 'it has no address where the host could reach it';
      const result =
        check.kind === 'tcp'
          ? await probes.tcp(place, check.timeoutMs)
          : await probes.http(place, check.path, check.timeoutMs);
      if (result !== null) place = null;
      return result;
    };
  }

  /**
   * A version ends with its engine, and one that is back within a moment says only that it has ended: that is no
   * fault of the version.
   *
   * @throws EngineError where the engine went away meanwhile, whatever the version seems to have done
   */
  async function whileEngineLives(signal: AbortSignal, run: () => Promise<void>): Promise<void> {
    const judged = new AbortController();
    let isAway = false;
    engine.untilAway(AbortSignal.any([signal, judged.signal])).then(
      () => {
        isAway = !judged.signal.aborted;
      },
      // Of what it asks next it hears the same.
      () => undefined,
    );
    try {
      await run();
    } catch (error) {
      if (!isAway || !(error instanceof SwitchFailure)) throw error;
      const message = 'the container engine went away while the version was judged';
      throw new EngineError('ENGINE_UNREACHABLE', message, null, { cause: error });
    } finally {
      judged.abort(new Error('judged'));
    }
  }

  async function pause(ms: number, signal: AbortSignal): Promise<void> {
    await waitUnlessAborted(clock, ms, signal);
    signal.throwIfAborted();
  }

  async function seeThatItRuns(id: string, startedAt: string, runMs: number, signal: AbortSignal) {
    const endMs = clock.nowMs() + runMs;
    for (;;) {
      await look(id, startedAt, signal);
      const leftMs = endMs - clock.nowMs();
      if (leftMs <= 0) return;
      await pause(Math.min(leftMs, LOOK_INTERVAL_MS), signal);
    }
  }

  async function watchOne(id: string, health: HealthCheck | null, settleMs: number, signal: AbortSignal) {
    const view = await look(id, undefined, signal);
    const check = chooseCheck(view, health);
    if (check === null) return await seeThatItRuns(id, view.startedAt, settleMs, signal);
    const ask = createAsker(view, check, signal);
    const endMs = clock.nowMs() + settleMs;
    let failures = 0;
    for (let askAtMs = clock.nowMs(); ; ) {
      const { health: verdict } = await look(id, view.startedAt, signal);
      if (clock.nowMs() >= askAtMs) {
        const why = await ask();
        failures = why === null ? 0 : failures + 1;
        const isUnhealthy = failures >= check.retries || (health === null && verdict === 'unhealthy');
        if (isUnhealthy) throw await fail('UNHEALTHY', why ?? 'its own check fails', id, signal);
        askAtMs = clock.nowMs() + check.intervalMs;
      }
      const leftMs = endMs - clock.nowMs();
      // What has begun to fail is seen through: a settle time is over with a success.
      if (leftMs <= 0 && failures === 0) return;
      if (leftMs <= 0) askAtMs = Math.min(askAtMs, clock.nowMs() + EAGER_INTERVAL_MS);
      await pause(leftMs > 0 ? Math.min(leftMs, LOOK_INTERVAL_MS) : EAGER_INTERVAL_MS, signal);
    }
  }

  async function untilHealthy(
    id: string,
    { health, runMs }: { health: HealthCheck | null; runMs: number },
    signal: AbortSignal,
  ): Promise<void> {
    const first = await look(id, undefined, signal);
    const check = chooseCheck(first, health);
    if (check === null) return await seeThatItRuns(id, first.startedAt, runMs, signal);
    const ending = new AbortController();
    const asking = AbortSignal.any([signal, ending.signal]);
    const ask = createAsker(first, check, asking);
    const endMs = clock.nowMs() + judgementLimitMs(check);
    try {
      for (;;) {
        const why = await ask();
        if (why === null) return;
        const { health: verdict } = await look(id, first.startedAt, signal);
        if (health === null && verdict === 'healthy') return;
        if (clock.nowMs() >= endMs || (health === null && verdict === 'unhealthy')) {
          throw await fail('UNHEALTHY', why, id, signal);
        }
        await pause(Math.min(check.intervalMs, EAGER_INTERVAL_MS), signal);
      }
    } finally {
      ending.abort(new Error('judged'));
    }
  }

  async function watchAll(
    ids: readonly string[],
    health: HealthCheck | null,
    settleMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const ending = new AbortController();
    const watching = AbortSignal.any([signal, ending.signal]);
    try {
      await Promise.all(ids.map((id) => watchOne(id, health, settleMs, watching)));
    } finally {
      ending.abort(new Error('another is not well'));
    }
  }

  return {
    untilHealthy: (id, wanted, signal) => whileEngineLives(signal, () => untilHealthy(id, wanted, signal)),
    watch: (ids, health, settleMs, signal) =>
      whileEngineLives(signal, () => watchAll(ids, health, settleMs, signal)),
  };
}
