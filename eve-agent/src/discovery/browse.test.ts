// SPDX-License-Identifier: Apache-2.0
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { expect, test } from 'vitest';
import type { Bridge } from './bridges.ts';
import { createBrowse } from './browse.ts';
import { createScriptedQuerier } from './scripted-querier.ts';

const BN1: Bridge = { name: 'bn1', address: '10.1.0.1', cidr: '10.1.0.1/24' };
const HTTP = '_http._tcp.local';
const PTR = { name: HTTP, type: 'PTR', class: 'IN', ttl: 4500, data: `ds.${HTTP}` } as const;

function setUp() {
  const clock = createManualClock();
  const querier = createScriptedQuerier();
  const controller = new AbortController();
  const browse = createBrowse({ openQuerier: querier.open, clock });
  const result = browse({ services: ['http'], bridges: [BN1], timeoutMs: 2000, signal: controller.signal });
  const asked = new Promise((done) => setImmediate(done));
  return { clock, querier, controller, result, asked };
}

test('asks, asks again for what is missing with what is known, and tells all it heard', async () => {
  const { clock, querier, result, asked } = setUp();
  await asked;
  const questions = [{ name: HTTP, type: 'PTR' }];
  expect(querier.asked.map(({ query }) => query)).toEqual([
    { questions, knownAnswers: [], wantsUnicast: true },
  ]);
  querier.hear(BN1, '10.1.0.5', { type: 'response', answers: [PTR] });
  clock.advance(1000);
  const known = { name: HTTP, type: 'PTR', ttl: 4500, data: `ds.${HTTP}` };
  expect(querier.asked.slice(1).map(({ query }) => query)).toEqual([
    {
      questions: [
        { name: `ds.${HTTP}`, type: 'SRV' },
        { name: `ds.${HTTP}`, type: 'TXT' },
      ],
    },
    { questions, knownAnswers: [known], wantsUnicast: false },
  ]);
  clock.advance(1000);
  const { instances, packets } = await result;
  expect(instances).toMatchObject([{ instanceName: 'ds', hostName: null, addresses: [] }]);
  expect(packets).toEqual({ received: 1, malformed: 0, rejected: 0 });
  expect(querier.isClosed()).toBe(true);
  expect(clock.pendingTimers()).toBe(0);
});

test('ends with the reason when it is stopped', async () => {
  const { querier, controller, result, asked, clock } = setUp();
  await asked;
  const reason = new Error('stopped');
  controller.abort(reason);
  await expect(result).rejects.toBe(reason);
  expect(querier.isClosed()).toBe(true);
  expect(clock.pendingTimers()).toBe(0);
});
