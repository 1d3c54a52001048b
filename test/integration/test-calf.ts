// SPDX-License-Identifier: Apache-2.0
/** Calves that do what tests tell them. */
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  CALF_USERS,
  type Calf,
  type CalfCode,
  type CalfSpec,
} from '@local-datastore/shared/confinement/launcher/calf';
import { type SpawnDeps, spawnCalf } from '@local-datastore/shared/confinement/launcher/spawn-calf';
import { systemClock } from '../../shared/src/system-clock.ts';
import { WORKSPACE } from '../lab/run-program.ts';

export const TEST_CALF = 'test/integration/programs/test-calf.ts';

/** The test calf as a module of the source tree. */
export const SOURCE_CODE: CalfCode = {
  kind: 'source',
  file: join(WORKSPACE, TEST_CALF),
  folders: [WORKSPACE.replace(/\/$/, '')],
};

export interface Answer {
  readonly deed: string;
  readonly result?: unknown;
  readonly refused?: string;
}

/** A test calf that runs. */
export interface TestCalf extends Calf {
  /** Lets it do something, one thing at a time. @returns what came of it */
  tell(deed: string, argument?: string): Promise<Answer>;
  /** What it wrote to stdout and stderr. */
  readonly output: readonly string[];
}

export const TEST_LIMITS = { memoryBytes: 192 * 1024 * 1024, openFiles: 128, workers: 1 };

/** Starts one, and waits until it runs. @throws Error it ended before */
export async function startTestCalf(
  code: CalfCode,
  spec: Partial<CalfSpec> = {},
  deps: Partial<SpawnDeps> = {},
): Promise<TestCalf> {
  const output: string[] = [];
  const calf = spawnCalf(
    { name: 'test', code, user: CALF_USERS.test, limits: TEST_LIMITS, ...spec },
    { clock: systemClock, onOutput: (line) => output.push(line), ...deps },
  );
  const lines = createInterface({ input: calf.store })[Symbol.asyncIterator]();
  const next = async () => {
    const ended = calf.ended.then(({ code: exitCode, signal, refusal }) => {
      throw new Error(`it ended by ${exitCode ?? signal}: ${refusal ?? ''} ${output.join('\n')}`);
    });
    const { value } = await Promise.race([lines.next(), ended]);
    if (value === undefined) return await ended;
    return JSON.parse(value) as Answer;
  };
  await next();
  return {
    ...calf,
    output,
    async tell(deed, argument) {
      const answer = next();
      calf.store.write(`${JSON.stringify({ deed, argument })}\n`);
      return await answer;
    },
  };
}
