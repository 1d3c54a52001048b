// SPDX-License-Identifier: Apache-2.0
import { shownValue } from './flags/flag.ts';
import type { RunArguments } from './parse.ts';

/** What becomes of one flag that was said. */
export interface ExplainedFlag {
  /** As `--publish`. */
  readonly flag: string;
  /** Without what may be a secret. */
  readonly value: string;
  /** Where it stands in the Engine API; null: nowhere. */
  readonly field: string | null;
  /** Why it has no effect; null: it has. */
  readonly why: string | null;
}

/** What becomes of each flag, in their order: for whoever wants to see what was understood. */
export function explainRunArguments({ said }: RunArguments): ExplainedFlag[] {
  return said.map(({ flag, value }) => {
    const { treatment, name } = flag;
    return {
      flag: `--${name}`,
      value: shownValue(flag, value),
      field: treatment.kind === 'used' ? treatment.field : null,
      why: treatment.kind === 'used' ? null : treatment.why,
    };
  });
}
