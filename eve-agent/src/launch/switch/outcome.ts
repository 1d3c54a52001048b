// SPDX-License-Identifier: Apache-2.0
import type { ContainerView } from '../engine/container-engine.ts';
import type { KeptCode, SwitchFailure } from './errors.ts';
import type { Gap } from './gap-meter.ts';
import { LABELS } from './names.ts';

/** What came of an operation. */
export type SwitchOutcome =
  | {
      readonly kind: 'committed';
      /** Of the version that is there now; null: none. */
      readonly generation: number | null;
      /** The image that serves now; null: nothing runs. */
      readonly serving: string | null;
      /**
       * `bridged`: the new one ran beside the old one, and had its ports by a rule meanwhile; `beside`: it had shown
       * there that it can run; `in-place`: the old one stopped first.
       */
      readonly how: 'bridged' | 'beside' | 'in-place';
      /** By requests of ours through the published port; null: none could be made. */
      readonly gap: Gap | null;
      readonly gapMs: number | null;
      /** What could not be done beside it, and is tried again. */
      readonly warnings: readonly string[];
    }
  | {
      readonly kind: 'kept';
      readonly code: KeptCode;
      readonly why: string;
      /** The last lines of what failed. */
      readonly logs: readonly string[];
      /** The image that serves now; null: nothing runs. */
      readonly serving: string | null;
      readonly gap: Gap | null;
      readonly warnings: readonly string[];
    };

/** What was done, and what is there now. */
export interface Done {
  readonly serving: ContainerView | null;
  readonly gap: Gap | null;
  readonly hadRule: boolean;
  readonly warnings: readonly string[];
}

const servingImage = (view: ContainerView | null) => (view?.state === 'running' ? view.image : null);

export function toKept(failure: SwitchFailure, { serving, gap, warnings }: Done): SwitchOutcome {
  const { code, message: why, logs } = failure;
  return { kind: 'kept', code, why, logs, serving: servingImage(serving), gap, warnings };
}

export function toReached(done: Done, how: 'beside' | 'in-place'): SwitchOutcome {
  const { serving, gap, hadRule, warnings } = done;
  return {
    kind: 'committed',
    // One that was not made here has none.
    generation: serving === null ? null : Number(serving.labels[LABELS.generation] ?? 0),
    serving: servingImage(serving),
    how: hadRule ? 'bridged' : how,
    gap,
    gapMs: gap?.longestSilenceMs ?? null,
    warnings,
  };
}
