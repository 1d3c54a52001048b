// SPDX-License-Identifier: Apache-2.0
import type { CalfLimits, VisiblePath } from './calf.ts';

/** What the launcher is told, in its one argument as JSON: what becomes of it, and as what. */
export interface LaunchOrder {
  readonly name: string;
  /** The process that started it: without that one it ends. */
  readonly parent: number;
  /** What it becomes; null: it stays who it is. */
  readonly user: number | null;
  readonly dropsBoundingSet: boolean;
  readonly hasNamespaces: boolean;
  readonly limits: CalfLimits;
  /** Descriptors from this one on are closed. */
  readonly firstClosed: number;
  /** A module of the source tree; null: a script, which comes by the program's descriptor, or an asset. */
  readonly module: string | null;
  /** Of the executable; null: it is none. */
  readonly asset: string | null;
  readonly visible: readonly VisiblePath[];
  readonly args: readonly string[];
}

/** The exit code of a launcher that did not come to the calf; its last line on stderr says why. */
export const LAUNCH_FAILED = 112;
