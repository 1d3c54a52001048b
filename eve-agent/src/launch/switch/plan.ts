// SPDX-License-Identifier: Apache-2.0
import type { VersionContainer } from './names.ts';
import { planPuttingRight } from './plan-putting-right.ts';
import {
  type Facts,
  findOlds,
  findRole,
  hasSameRestart,
  NEVER,
  type Observed,
  planInstalling,
  type Step,
  stepKey,
} from './steps.ts';

/** What is wanted. */
export type Goal =
  /** A new version, or an old one (`rollback`), is to serve under this generation. */
  | {
      readonly kind: 'deploy' | 'rollback';
      readonly generation: number;
      /** Shows first, beside the one that serves, that it can run. */
      readonly isBeside: boolean;
      /** Its ports are led to the candidate meanwhile. */
      readonly hasRule: boolean;
    }
  | { readonly kind: 'start' | 'stop' | 'restart' | 'remove' }
  /** What serves is what is there: what a crash left is put right. */
  | { readonly kind: 'converge' };

/** Starts it, judges it; no step once that is done. What ends on the way is judged again, and found to have ended. */
function* bringUp(target: VersionContainer, { started, judged }: Facts): Generator<Step> {
  if (!target.isUp && !started.has(target.id)) yield { kind: 'start', target };
  else if (!target.isUp || !judged.has(target.id)) yield { kind: 'judge', target };
}

/** Of what an earlier switch left, since the one that serves cannot be started: there is another way to serve now. */
function* planMakingRoom(observed: Observed, own: VersionContainer | undefined): Generator<Step> {
  const next = findRole(observed, 'next');
  const back = findRole(observed, 'back');
  if (next !== undefined && next !== own) yield { kind: 'remove', target: next };
  if (back !== undefined && back !== own) {
    yield { kind: 'rename', target: back, to: 'old', number: back.generation };
  }
}

/** To another version. Ends without a step where that is committed. */
function* planSwitch(
  observed: Observed,
  goal: Extract<Goal, { generation: number }>,
  facts: Facts,
): Generator<Step> {
  const serving = findRole(observed, 'serving');
  const candidate = findRole(observed, 'candidate');
  const role = goal.kind === 'deploy' ? 'next' : 'back';
  const target = observed.containers.find(
    (container) => container.role === role && container.generation === goal.generation,
  );
  if (serving?.generation === goal.generation) return;
  yield* planMakingRoom(observed, target);

  if (goal.isBeside) {
    if (candidate === undefined) yield { kind: 'create', role: 'candidate' };
    else yield* bringUp(candidate, facts);
  }
  if (target === undefined) {
    if (goal.kind === 'deploy') yield { kind: 'create', role: 'next' };
    const kept = findOlds(observed).find(({ generation }) => generation === goal.generation);
    if (kept !== undefined) yield { kind: 'rename', target: kept, to: 'back', number: 0 };
    return;
  }
  if (serving?.isUp) {
    if (goal.hasRule && candidate !== undefined && !observed.hasRule) {
      yield { kind: 'add-rule', target: candidate };
    }
    if (observed.hasRule && !facts.drained.has(serving.id)) yield { kind: 'drain', target: serving };
    yield { kind: 'stop', target: serving };
  }
  yield* bringUp(target, facts);
  if (!facts.settled.has(target.id)) {
    const isAsked = observed.hasRule && candidate !== undefined;
    yield { kind: 'settle', targets: isAsked ? [target, candidate] : [target] };
  }
  if (serving !== undefined) {
    const { generation: number } = serving;
    const sameNumber = findOlds(observed).find(({ oldNumber }) => oldNumber === number);
    if (sameNumber !== undefined) yield { kind: 'remove', target: sameNumber };
    // The commit point: by this one change the new one is what serves.
    yield { kind: 'rename', target: serving, to: 'old', number };
  }
  yield* planInstalling(target);
}

function* planStopping(observed: Observed): Generator<Step> {
  const target = findRole(observed, 'serving');
  if (target === undefined) return;
  if (target.isOurs && !hasSameRestart(target.restart, NEVER)) {
    yield { kind: 'set-restart', target, policy: NEVER };
  }
  if (target.isUp) yield { kind: 'stop', target };
}

function* planStarting(observed: Observed, facts: Facts, isAnew: boolean): Generator<Step> {
  const target = findRole(observed, 'serving');
  if (target === undefined) return;
  if (isAnew && target.isUp && !facts.started.has(target.id)) yield { kind: 'restart', target };
  yield* bringUp(target, facts);
  if (!facts.settled.has(target.id)) yield { kind: 'settle', targets: [target] };
}

/** The one that serves goes last: a crash leaves a deployment that can be removed again. */
function* planRemoving(observed: Observed): Generator<Step> {
  if (observed.hasRule) yield { kind: 'remove-rule' };
  const serving = findRole(observed, 'serving');
  const others = observed.containers.filter((container) => container !== serving);
  for (const target of [...others, ...(serving ? [serving] : [])]) {
    if (target.isUp) yield { kind: 'stop', target };
    yield { kind: 'remove', target };
  }
}

function* planGoal(observed: Observed, goal: Goal, facts: Facts): Generator<Step> {
  switch (goal.kind) {
    case 'deploy':
    case 'rollback':
      return yield* planSwitch(observed, goal, facts);
    case 'start':
    case 'restart':
      return yield* planStarting(observed, facts, goal.kind === 'restart');
    case 'stop':
      return yield* planStopping(observed);
    case 'remove':
      return yield* planRemoving(observed);
    case 'converge':
      return;
  }
}

/** What to do next, and for what: for the goal, or to put right what is there. */
export interface NextStep {
  readonly step: Step;
  readonly isForGoal: boolean;
}

/**
 * What to do next, of what is there and what is wanted; null: all is done.
 *
 * Pure. What a crash left is put right by the steps that follow a failure.
 *
 * @param keep how many old versions stay; null: all
 */
export function nextStep(observed: Observed, goal: Goal, facts: Facts, keep: number | null): NextStep | null {
  const first = (steps: Iterable<Step>) => {
    for (const step of steps) if (!facts.givenUp.has(stepKey(step))) return step;
    return undefined;
  };
  const forGoal = facts.hasFailed ? undefined : first(planGoal(observed, goal, facts));
  if (forGoal !== undefined) return { step: forGoal, isForGoal: true };
  const afterwards = first(planPuttingRight(observed, facts, keep));
  return afterwards === undefined ? null : { step: afterwards, isForGoal: false };
}

/** The generation of the next version. */
export const nextGeneration = ({ containers }: Observed): number =>
  Math.max(0, ...containers.map(({ generation }) => generation)) + 1;

/**
 * Which kept version a rollback leads to.
 *
 * @param wanted absent: the newest of those before the one that serves
 * @returns null where there is none
 */
export function chooseRollback(observed: Observed, wanted: number | undefined): VersionContainer | null {
  const current = findRole(observed, 'serving')?.generation ?? Number.POSITIVE_INFINITY;
  const fits = ({ generation }: VersionContainer) =>
    wanted === undefined ? generation < current : generation === wanted;
  return findOlds(observed).find(fits) ?? null;
}
