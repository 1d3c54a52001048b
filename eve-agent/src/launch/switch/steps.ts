// SPDX-License-Identifier: Apache-2.0
import type { RestartPolicy } from '../engine/container-spec.ts';
import { type Role, restartPolicyText, type VersionContainer } from './names.ts';

/** One effect, or one thing to wait for. */
export type Step =
  | { readonly kind: 'create'; readonly role: 'candidate' | 'next' }
  | { readonly kind: 'start'; readonly target: VersionContainer }
  | { readonly kind: 'restart'; readonly target: VersionContainer }
  /** Until it is healthy; else the operation fails. */
  | { readonly kind: 'judge'; readonly target: VersionContainer }
  /** Until an old one that is back answers, within limits: nothing depends on it but when a rule may go. */
  | { readonly kind: 'await'; readonly target: VersionContainer }
  /** Sees for the settle time that they stay healthy. */
  | { readonly kind: 'settle'; readonly targets: readonly VersionContainer[] }
  /** Leaves it the time to answer what it was asked before others were led elsewhere. */
  | { readonly kind: 'drain'; readonly target: VersionContainer }
  | { readonly kind: 'add-rule'; readonly target: VersionContainer }
  | { readonly kind: 'remove-rule' }
  | { readonly kind: 'stop'; readonly target: VersionContainer }
  | { readonly kind: 'rename'; readonly target: VersionContainer; readonly to: Role; readonly number: number }
  | { readonly kind: 'set-restart'; readonly target: VersionContainer; readonly policy: RestartPolicy }
  | { readonly kind: 'remove'; readonly target: VersionContainer };

/** What is there. */
export interface Observed {
  readonly containers: readonly VersionContainer[];
  /** Whether a rule of ours leads its ports elsewhere. */
  readonly hasRule: boolean;
}

/** What happened in this operation, by the ids of containers. */
export interface Facts {
  /** It has failed: what it has begun is taken back. */
  readonly hasFailed: boolean;
  readonly started: ReadonlySet<string>;
  readonly judged: ReadonlySet<string>;
  readonly settled: ReadonlySet<string>;
  readonly drained: ReadonlySet<string>;
  /** A rule led to the candidate at some time of it. */
  readonly hadRule: boolean;
  /** The engine was away, and may have left stopped what it was to keep running. */
  readonly wasAway: boolean;
  /** There is no use in trying again: the keys of steps. */
  readonly givenUp: ReadonlySet<string>;
}

/** Tells one step from another. */
export function stepKey(step: Step): string {
  if ('target' in step) return `${step.kind} ${step.target.id}`;
  return step.kind === 'create' ? `create ${step.role}` : step.kind;
}

/** A step as progress and tests name it, as `start candidate`. */
export function stepName(step: Step): string {
  switch (step.kind) {
    case 'create':
      return `create ${step.role}`;
    case 'settle':
    case 'remove-rule':
      return step.kind;
    case 'rename':
      return `rename ${step.target.role} to ${step.to}`;
    default:
      return `${step.kind} ${step.target.role}`;
  }
}

export const findRole = ({ containers }: Observed, role: Role): VersionContainer | undefined =>
  containers.find((container) => container.role === role);

/**
 * The one first that the serving one has replaced, as it served last and was well: after a roll-back that is not the
 * highest generation. Then the highest first.
 */
export function findOlds(observed: Observed): VersionContainer[] {
  const replaced = findRole(observed, 'serving')?.replaces ?? null;
  const rank = ({ generation }: VersionContainer) =>
    generation === replaced ? Number.POSITIVE_INFINITY : generation;
  return observed.containers
    .filter(({ role }) => role === 'old')
    .sort((a, b) => (rank(a) < rank(b) ? 1 : -1));
}

export const hasSameRestart = (a: RestartPolicy, b: RestartPolicy): boolean =>
  restartPolicyText(a) === restartPolicyText(b);

/** Its policy says that it was stopped on purpose, or is not to serve; and outlasts a reboot. */
export const NEVER: RestartPolicy = { Name: 'no' };

/** Gives the one that serves from now on its policy, before its name says that it has it. */
export function* planInstalling(target: VersionContainer): Generator<Step> {
  const { restart, wantedRestart } = target;
  if (!hasSameRestart(restart, wantedRestart)) yield { kind: 'set-restart', target, policy: wantedRestart };
  yield { kind: 'rename', target, to: 'serving', number: 0 };
}
