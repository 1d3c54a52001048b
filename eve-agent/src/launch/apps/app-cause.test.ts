// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';
import { expect, it } from 'vitest';
import type { ContainerView } from '../engine/container-engine.ts';
import { causeOfEnd, causeOfError, causeOfRun } from './app-cause.ts';
import { BRIDGES_LABEL } from './container-of-app.ts';

const view = (more: Partial<ContainerView>) =>
  ({ state: 'exited', exitCode: 1, error: '', isOutOfMemory: false, labels: {}, ...more }) as ContainerView;
const on = (bridges: string) => view({ labels: { [BRIDGES_LABEL]: bridges } });

it.each<[Partial<ContainerView>, string, string]>([
  [{ exitCode: 3 }, 'app', 'it had ended with exit code 3'],
  [{ state: 'restarting', exitCode: 137, isOutOfMemory: true }, 'app', 'it used more memory than it may'],
  [{ state: 'created', error: 'port is already allocated' }, 'engine', 'port is already allocated'],
  [{ state: 'created' }, 'engine', 'its container was created'],
])('that an app does not run: %j is by the %s', (more, by, why) => {
  expect(causeOfEnd(view(more))).toEqual({ by, why });
});

it.each<[Partial<Parameters<typeof causeOfRun>[0]>, string, RegExp]>([
  [{ action: 'restart', verdict: { kind: 'purge' } }, 'operator', /a restart was asked for/],
  [{ verdict: { kind: 'purge' } }, 'configuration', /its purge counter rose/],
  [{ wasHalted: true }, 'configuration', /activate/],
  [{ serving: undefined }, 'configuration', /is to run/],
  [{ isSame: false, lastDigest: 'sha256:1' }, 'content', /another image, sha256:2/],
  [{ isSame: false, lastDigest: 'sha256:2' }, 'configuration', /changed/],
  [{ isSame: false, lastDigest: null }, 'configuration', /changed/],
  [
    {
      isSame: false,
      serving: on('bn1=10.1.0.1/24 bn2=10.2.0.1/24'),
      bridges: 'bn1=10.9.0.1/24 bn2=10.2.0.1/24',
    },
    ...(['host', /^a bridge has another address: bn1=10\.1\.0\.1/] as const),
  ],
  [{ isSame: false, serving: on('bn1=10.1.0.1/24'), bridges: 'bn2=10.2.0.1/24' }, 'configuration', /changed/],
  [{ serving: view({ state: 'running' }) }, 'agent', /ran already/],
  [{ serving: view({ exitCode: 2 }) }, 'app', /exit code 2/],
])('what is done with %j is by the %s', (more, by, why) => {
  const facts = { action: undefined, verdict: { kind: 'none' }, isSame: true, wasHalted: false } as const;
  const cause = causeOfRun({
    ...{ ...facts, digest: 'sha256:2', lastDigest: null, bridges: '', serving: view({ state: 'running' }) },
    ...more,
  });
  expect(cause).toEqual({ by, why: expect.stringMatching(why) });
});

it.each([
  [new CodedError('EXITED', 'a'), 'app'],
  [new CodedError('ENGINE_AWAY', 'a'), 'engine'],
  [new CodedError('APP_UNUSABLE', 'a'), 'configuration'],
  [new Error('a'), 'agent'],
])('%o is by the %s', (error, by) => {
  expect(causeOfError(error)).toEqual({ by, why: 'a' });
});
