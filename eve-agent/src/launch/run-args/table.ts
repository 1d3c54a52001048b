// SPDX-License-Identifier: Apache-2.0
import type { RunFlag } from './flags/flag.ts';
import { ISOLATION_FLAGS } from './flags/isolation-flags.ts';
import { NETWORK_FLAGS } from './flags/network-flags.ts';
import { PROCESS_FLAGS } from './flags/process-flags.ts';
import { RESOURCE_FLAGS } from './flags/resource-flags.ts';
import { STORAGE_FLAGS } from './flags/storage-flags.ts';

/** All flags of `docker run`, of the engines 20.10 to 29, by name. */
export const RUN_FLAGS: readonly RunFlag[] = [
  ...ISOLATION_FLAGS,
  ...NETWORK_FLAGS,
  ...PROCESS_FLAGS,
  ...RESOURCE_FLAGS,
  ...STORAGE_FLAGS,
].sort((left, right) => (left.name < right.name ? -1 : 1));

/** By each of their long names. */
export const FLAGS_BY_NAME: ReadonlyMap<string, RunFlag> = new Map(
  RUN_FLAGS.flatMap((flag) => [flag.name, ...(flag.hiddenNames ?? [])].map((name) => [name, flag] as const)),
);

/** By their letters. */
export const FLAGS_BY_LETTER: ReadonlyMap<string, RunFlag> = new Map(
  RUN_FLAGS.flatMap((flag) => (flag.short === undefined ? [] : [[flag.short, flag] as const])),
);
