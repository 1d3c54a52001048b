// SPDX-License-Identifier: Apache-2.0
import { waitUnlessAborted } from '@local-datastore/shared/clock';
import { EngineError } from '@local-datastore/shared/engine/engine-client';
import { errorMessage } from '@local-datastore/shared/errors';
import type { ContainerView } from '../engine/container-engine.ts';
import { SwitchFailure } from './errors.ts';
import type { Gap } from './gap-meter.ts';
import { observeContainers } from './observe.ts';
import { type Goal, nextStep } from './plan.ts';
import { runStep, type StepContext, type StepDeps } from './run-step.ts';
import { findRole, type Observed, type Step, stepKey, stepName } from './steps.ts';

export interface CarryOutOptions extends StepContext {
  readonly deployment: string;
  /** How many old versions stay; null: all. */
  readonly keep: number | null;
  /** Whether the engine was away just before. */
  readonly wasAway: boolean;
  /** An engine that is away is waited for so long. */
  readonly engineWaitMs: number;
  /** Ends everything where it is: the process ends. */
  readonly ending: AbortSignal;
  /** Of whoever asked: calls it off, and what was begun is taken back. */
  readonly signal: AbortSignal;
  /** Called before each step. */
  onStep(name: string): void;
  /** Called when the ports begin to move. @returns ends it */
  measure(serving: ContainerView): (() => Promise<Gap>) | null;
}

export interface CarriedOut {
  /** Why the goal was not reached; null: it was. */
  readonly failure: SwitchFailure | null;
  /** What is there in the end; null: the engine is away. */
  readonly serving: ContainerView | null;
  readonly gap: Gap | null;
  readonly hadRule: boolean;
  /** What could not be done beside it. */
  readonly warnings: readonly string[];
}

/** No plan is as long: one that does not end is a mistake in it. */
const MAX_STEPS = 500;
const ENGINE_LOOK_MS = 250;

/** Waits for an engine that is away. @returns whether it came back in time */
export async function waitForEngine(
  { engine, clock }: Pick<StepDeps, 'engine' | 'clock'>,
  limitMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const endMs = clock.nowMs() + limitMs;
  for (;;) {
    try {
      await engine.ping(signal);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (!isAway(error) || clock.nowMs() >= endMs) return false;
    }
    await waitUnlessAborted(clock, ENGINE_LOOK_MS, signal);
    signal.throwIfAborted();
  }
}

const isAway = (error: unknown) => error instanceof EngineError && error.code === 'ENGINE_UNREACHABLE';

const AWAY = 'the container engine does not answer; what it left is put right when it is back';

/** Notes of one operation: sets that the plan reads. */
const createNotes = (wasAway: boolean) => ({
  ...{ hasFailed: false, hadRule: false, wasAway },
  started: new Set<string>(),
  judged: new Set<string>(),
  settled: new Set<string>(),
  drained: new Set<string>(),
  givenUp: new Set<string>(),
});

function noteDone(notes: ReturnType<typeof createNotes>, step: Step): void {
  if (step.kind === 'start' || step.kind === 'restart') notes.started.add(step.target.id);
  if (step.kind === 'judge' || step.kind === 'await') notes.judged.add(step.target.id);
  if (step.kind === 'drain') notes.drained.add(step.target.id);
  if (step.kind === 'settle') for (const { id } of step.targets) notes.settled.add(id);
}

/**
 * Goes towards a goal, one step after another, each planned from what the engine shows then; where one fails, back to
 * what served before.
 *
 * @throws the reason of `ending`; SwitchFailure ENGINE_AWAY where the engine does not come back
 */
export async function carryOut(deps: StepDeps, goal: Goal, options: CarryOutOptions): Promise<CarriedOut> {
  const { engine, portRule, log } = deps;
  const { base, deployment, keep, ending, signal } = options;
  const notes = createNotes(options.wasAway);
  const warnings: string[] = [];
  let failure: SwitchFailure | null = null;
  let hasRule = (await portRule?.list(ending))?.has(base) ?? false;
  let endMeasure: (() => Promise<Gap>) | null | undefined;

  const fail = (reason: SwitchFailure) => {
    failure ??= reason;
    notes.hasFailed = true;
  };

  function warn(step: Step, error: unknown): void {
    const reason = errorMessage(error);
    warnings.push(`${stepName(step)}: ${reason}`);
    log.warn({ deployment, step: stepName(step), reason }, 'a step of a switch cannot be done');
    notes.givenUp.add(stepKey(step));
  }

  function noteFailure(step: Step, isForGoal: boolean, error: unknown): void {
    if (isForGoal && signal.aborted && !notes.hasFailed) {
      fail(new SwitchFailure('CANCELLED', 'it was called off', [], error));
    } else if (!isForGoal || notes.hasFailed || step.kind === 'add-rule') {
      warn(step, error);
    } else if (error instanceof SwitchFailure) {
      const why = `the container engine went away in the middle: ${error.message}`;
      fail(notes.wasAway ? new SwitchFailure('ENGINE_AWAY', why, error.logs, error) : error);
    } else fail(new SwitchFailure('ENGINE_REFUSED', errorMessage(error), [], error));
  }

  /** What runs after a failure, or after the goal is reached, is not called off. */
  const signalFor = (isForGoal: boolean) =>
    isForGoal && !notes.hasFailed ? AbortSignal.any([signal, ending]) : ending;

  async function doStep(step: Step, isForGoal: boolean, views: readonly ContainerView[]): Promise<void> {
    const isMove = step.kind === 'add-rule' || step.kind === 'stop' || step.kind === 'restart';
    const serving = views.find(({ name }) => name === base);
    if (isMove && isForGoal && endMeasure === undefined && serving) endMeasure = options.measure(serving);
    options.onStep(stepName(step));
    log.debug({ deployment, step: stepName(step) }, 'a step of a switch');
    if (step.kind === 'add-rule') {
      // From here on there may be one, also where this fails.
      hasRule = true;
      notes.hadRule = true;
    }
    try {
      await runStep(deps, options, step, signalFor(isForGoal));
      if (step.kind === 'remove-rule') hasRule = false;
      noteDone(notes, step);
    } catch (error) {
      if (step.kind === 'add-rule') {
        hasRule = (await portRule?.list(ending).catch(() => null))?.has(base) ?? true;
        notes.hadRule = hasRule;
      }
      throw error;
    }
  }

  async function end(serving: ContainerView | null): Promise<CarriedOut> {
    const gap = (await endMeasure?.()) ?? null;
    return { failure, serving, gap, hadRule: notes.hadRule, warnings };
  }

  for (let count = 0; count < MAX_STEPS; count += 1) {
    let step: Step | null = null;
    let isForGoal = false;
    try {
      notes.hadRule ||= hasRule;
      const seen = await observeContainers(engine, base, deployment, ending);
      const observed: Observed = { containers: seen.map(({ version }) => version), hasRule };
      const next = nextStep(observed, goal, notes, keep);
      const views = seen.map(({ view }) => view);
      if (next === null) {
        const serving = findRole(observed, 'serving');
        return await end(views.find(({ id }) => id === serving?.id) ?? null);
      }
      ({ step, isForGoal } = next);
      if (signal.aborted && isForGoal) signal.throwIfAborted();
      await doStep(step, isForGoal, views);
    } catch (error) {
      if (ending.aborted) {
        await end(null);
        throw ending.reason;
      }
      if (isAway(error)) {
        notes.wasAway = true;
        log.warn(
          { deployment, reason: errorMessage(error) },
          'the container engine is away: it is waited for',
        );
        if (await waitForEngine(deps, options.engineWaitMs, ending)) continue;
        failure ??= new SwitchFailure('ENGINE_AWAY', AWAY, [], error);
        return await end(null);
      }
      if (step === null) {
        await end(null);
        throw error;
      }
      noteFailure(step, isForGoal, error);
    }
  }
  await end(null);
  throw new Error(`the plan for ${base} does not come to an end`);
}
