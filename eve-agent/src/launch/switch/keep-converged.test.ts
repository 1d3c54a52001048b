// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '@local-datastore/shared/engine/engine-client';
import { silentLog } from '@local-datastore/shared/log';
import { expect, it } from 'vitest';
import { keepConverged } from './keep-converged.ts';
import { createHastyClock } from './scripted-switch.ts';

it('puts right at the start, and each time the engine is back', async () => {
  const ending = new AbortController();
  const happened: string[] = [];
  // There, gone for three looks, there again.
  const answers = [true, false, false, false, true];
  const away = () => new EngineError('ENGINE_UNREACHABLE', 'away', null);
  await keepConverged(
    {
      engine: {
        async ping() {
          const isThere = answers.shift();
          happened.push(isThere ? 'there' : 'away');
          if (!isThere) throw away();
        },
        async untilAway(signal) {
          happened.push('waiting');
          if (answers.length > 0) return;
          ending.abort(new Error('enough'));
          signal.throwIfAborted();
        },
      },
      versions: {
        async convergeAll(_signal, wasAway) {
          happened.push(`converged${wasAway ? ' after it was away' : ''}`);
          return new Map();
        },
      },
      ...{ clock: createHastyClock(), log: silentLog },
    },
    { lookIntervalMs: 1000 },
    ending.signal,
  );
  expect(happened).toEqual([
    ...['there', 'converged', 'waiting', 'away', 'away', 'away'],
    ...['there', 'converged after it was away', 'waiting'],
  ]);
});
