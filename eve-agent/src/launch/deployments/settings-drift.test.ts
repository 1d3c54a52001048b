// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { ContainerSpec } from '../engine/container-spec.ts';
import { healthCheckSchema } from '../switch/health-check.ts';
import { LABELS } from '../switch/names.ts';
import { ARGS_LABEL, findDrift, withArgumentsLabel } from './settings-drift.ts';

const HTTP = healthCheckSchema.parse({ kind: 'http', port: 80 });
const spec = (more: Partial<ContainerSpec> = {}): ContainerSpec =>
  withArgumentsLabel({ Image: 'ed_web:1', Env: ['A=1'], HostConfig: {}, ...more });
/** Of what was made by that, with an http check and ten seconds to end. */
const container = {
  labels: { ...spec().Labels, [LABELS.health]: JSON.stringify(HTTP) },
  stopTimeoutSeconds: 10,
};
const AS_IT_IS = { health: HTTP, stopSeconds: 10 };

it.each([
  ['nothing', AS_IT_IS, {}, []],
  ['another image', AS_IT_IS, { Image: 'ed_web:2' }, []],
  ['other arguments', AS_IT_IS, { Env: ['A=2'] }, ['args']],
  ['another check', { ...AS_IT_IS, health: { ...HTTP, port: 81 } }, {}, ['health']],
  ['no check', { ...AS_IT_IS, health: null }, {}, ['health']],
  ['another time to end', { ...AS_IT_IS, stopSeconds: 11 }, {}, ['stopTimeout']],
  ['a time in the arguments', AS_IT_IS, { StopTimeout: 11 }, ['args', 'stopTimeout']],
  ['the same time in the arguments', { ...AS_IT_IS, stopSeconds: 3 }, { StopTimeout: 10 }, ['args']],
  ['all', { health: null, stopSeconds: 1 }, { User: 'x' }, ['args', 'health', 'stopTimeout']],
])('%s', (_what, settings, more, drift) => {
  expect(findDrift(container, settings, spec(more))).toEqual(drift);
});

it('says nothing of a container that says nothing of itself', () => {
  const foreign = { labels: { [ARGS_LABEL.slice(0, -1)]: 'x' }, stopTimeoutSeconds: null };
  expect(findDrift(foreign, AS_IT_IS, spec())).toEqual([]);
});

it('is of no label that the arguments give themselves', () => {
  const labels = { ...spec({ Labels: { [ARGS_LABEL]: 'mine', a: 'b' } }).Labels };
  expect(labels).toEqual({ a: 'b', [ARGS_LABEL]: expect.stringMatching(/^[0-9a-f]{64}$/) });
});
