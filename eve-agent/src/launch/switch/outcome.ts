import type { KeptCode } from './errors.ts';
import type { Gap } from './gap-meter.ts';

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
