// SPDX-License-Identifier: Apache-2.0
import type { ContainerView } from '../engine/container-engine.ts';
import type { ContainerSpec } from '../engine/container-spec.ts';
import type { HealthCheck } from './health-check.ts';
import type { Role } from './names.ts';
import type { Running } from './one-at-a-time.ts';
import type { SwitchOutcome } from './outcome.ts';

/** A new version. */
export interface WantedVersion {
  /** Of the deployment, without prefix. */
  readonly name: string;
  /** `Image` is overridden by the tag below. */
  readonly spec: ContainerSpec;
  readonly image: { readonly id: string; readonly tag: string; readonly configDigest: string };
  /** null: its own HEALTHCHECK; else that it runs. */
  readonly health: HealthCheck | null;
  /** Until it is forced to end, where the arguments say nothing; null: the engine's own. */
  readonly stopSeconds: number | null;
  /** How long it is watched before it is committed. */
  readonly settleMs: number;
  /** How many old versions stay. */
  readonly keep: number;
  /** It must not run beside the old one, though its arguments would allow it. */
  readonly isExclusive?: boolean;
}

export interface Wanted {
  readonly name: string;
  readonly settleMs: number;
}

/** A version of a deployment that is there. */
export interface KeptVersion {
  readonly generation: number;
  readonly role: Role;
  readonly container: ContainerView;
}

/** Is told of each step before it is done, as `start candidate`. */
export type OnStep = (step: string) => void;

/**
 * Changes which version of a deployment serves, and keeps one serving.
 *
 * Each throws SwitchError CONFLICT while another operation on the deployment goes on, NAME_INVALID; EngineError; the
 * reason of `ending`. The signal calls an operation off: what it has begun is taken back.
 */
export interface Switch {
  deploy(wanted: WantedVersion, onStep: OnStep, signal: AbortSignal): Promise<SwitchOutcome>;
  /**
   * @param wanted `generation`: which one; absent: the newest of those before the one that serves
   * @throws SwitchError NOTHING_TO_ROLL_BACK
   */
  rollback(
    wanted: Wanted & { readonly keep: number; readonly generation?: number },
    onStep: OnStep,
    signal: AbortSignal,
  ): Promise<SwitchOutcome>;
  /** @throws SwitchError NOT_DEPLOYED; as the next three */
  start(wanted: Wanted, onStep: OnStep, signal: AbortSignal): Promise<SwitchOutcome>;
  /** It stays stopped, also when the machine starts again. */
  stop(name: string, onStep: OnStep, signal: AbortSignal): Promise<SwitchOutcome>;
  restart(wanted: Wanted, onStep: OnStep, signal: AbortSignal): Promise<SwitchOutcome>;
  /** Every version, its images, its anonymous volumes. */
  remove(name: string, onStep: OnStep, signal: AbortSignal): Promise<SwitchOutcome>;
  /** Takes away old versions but so many, and images that no version is made of. */
  prune(name: string, keep: number, onStep: OnStep, signal: AbortSignal): Promise<SwitchOutcome>;
  /**
   * Puts right what a crash left. Nothing is done where an operation goes on, which does it itself.
   *
   * @param wasAway the engine was, and may have left stopped what it was to keep running
   */
  converge(name: string, signal: AbortSignal, wasAway?: boolean): Promise<SwitchOutcome | null>;
  /** The versions that are there, the newest first. */
  versions(name: string, signal: AbortSignal): Promise<readonly KeptVersion[]>;
  /** Those of all that the engine has containers of; nothing is changed. */
  names(signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** The names of all that the engine has containers of; rules of others are none of ours and go. */
  convergeAll(signal: AbortSignal, wasAway?: boolean): Promise<ReadonlyMap<string, SwitchOutcome | null>>;
  running(name: string): Running | null;
}
