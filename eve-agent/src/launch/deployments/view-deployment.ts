// SPDX-License-Identifier: Apache-2.0
import { LABELS } from '../switch/names.ts';
import type { KeptVersion } from '../switch/switch-contract.ts';
import type { DeploymentView } from './deployment-view.ts';
import type { RunningOperation } from './running-operations.ts';

const STATES = {
  created: 'stopped',
  running: 'running',
  paused: 'paused',
  restarting: 'restarting',
  removing: 'stopped',
  exited: 'stopped',
  dead: 'stopped',
} as const satisfies Record<KeptVersion['container']['state'], DeploymentView['state']>;

/** What Go writes for a time that never was. */
const NEVER = '0001-01-01T00:00:00Z';

export const servingOf = (versions: readonly KeptVersion[]): KeptVersion | undefined =>
  versions.find(({ role }) => role === 'serving');

/** What is there of a deployment, from its versions. */
export function viewOf(
  name: string,
  versions: readonly KeptVersion[],
  facts: Pick<DeploymentView, 'problem' | 'wanted' | 'drift'> & {
    readonly operation: RunningOperation | null;
  },
): DeploymentView {
  const kept = versions.filter(({ role }) => role === 'old').map(({ generation }) => generation);
  const serving = servingOf(versions);
  if (serving === undefined) {
    return {
      ...{ name, state: 'stopped', image: '', health: 'unknown', generation: null },
      ...{ configDigest: null, startedAt: null, kept, ...facts },
    };
  }
  const { state, image, health, startedAt, labels } = serving.container;
  return {
    name,
    state: STATES[state],
    image,
    health: health === 'none' ? 'unknown' : health,
    generation: serving.generation === 0 ? null : serving.generation,
    configDigest: labels[LABELS.image] ?? null,
    startedAt: startedAt === '' || startedAt === NEVER ? null : startedAt,
    kept,
    ...facts,
  };
}
