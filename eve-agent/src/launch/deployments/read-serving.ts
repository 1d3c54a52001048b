// SPDX-License-Identifier: Apache-2.0
import type { EngineClient } from '@local-datastore/shared/engine/engine-client';
import * as z from 'zod';

const runningSchema = z.array(
  z.object({
    Names: z
      .array(z.string())
      .nullish()
      .transform((names) => names ?? []),
  }),
);

/**
 * Whether each deployment has a version that runs, by one request for all of them.
 *
 * @param prefix of their containers
 * @throws EngineError; the signal's reason
 */
export async function readServing(
  client: Pick<EngineClient, 'ask'>,
  prefix: string,
  deployments: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, boolean>> {
  const running = runningSchema.parse(await client.ask('GET', '/containers/json', { signal }));
  const names = new Set(running.flatMap(({ Names }) => Names.map((name) => name.replace(/^\//, ''))));
  return new Map(deployments.map((name) => [name, names.has(prefix + name)]));
}
