// SPDX-License-Identifier: Apache-2.0
import type { OptionDescription } from '@local-datastore/shared/command-line/options';
import * as z from 'zod';
import type { SeparationWish } from '../service/service-settings.ts';

export interface SeparationOptions {
  /** Undefined: as far as this host lets it. */
  readonly separation?: boolean;
}

/** The two switches of separation, as a command describes them. */
export const separationOptions = (on: string, off: string): readonly OptionDescription[] => [
  {
    ...{ flags: '--separation', description: on, environment: 'EVE_AGENT_SEPARATION' },
    schema: z.boolean(),
  },
  {
    ...{ flags: '--no-separation', description: off, environment: 'EVE_AGENT_NO_SEPARATION' },
    schema: z.boolean(),
  },
];

/** What the switches come to. */
export function separationOf({ separation }: SeparationOptions): SeparationWish {
  if (separation === undefined) return 'preferred';
  return separation ? 'required' : 'off';
}
