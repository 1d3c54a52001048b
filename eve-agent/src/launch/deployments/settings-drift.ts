// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import type { ContainerView } from '../engine/container-engine.ts';
import type { ContainerSpec } from '../engine/container-spec.ts';
import { formatStoredHealth } from '../switch/health-check.ts';
import { LABELS } from '../switch/names.ts';
import type { DeploymentSettings } from './deployment-settings.ts';

/** What a container of a deployment is made by, and cannot be changed in it. Named as in the configuration. */
export const MADE_BY = ['args', 'health', 'stopTimeout'] as const;
export type MadeBy = (typeof MADE_BY)[number];

/** By which a container tells what its arguments came to. */
export const ARGS_LABEL = 'io.local-datastore.args';

/** The same for the same container, however its arguments are written; what they name of the host is part of it. */
export function identifyArguments(spec: ContainerSpec): string {
  const { Image: _, ...rest } = spec;
  return hash('sha256', JSON.stringify(rest));
}

export const withArgumentsLabel = (spec: ContainerSpec): ContainerSpec => ({
  ...spec,
  Labels: { ...spec.Labels, [ARGS_LABEL]: identifyArguments(spec) },
});

/**
 * In what a container differs from the one that would be made now. Pure.
 *
 * @param spec what would be made now, of any image, with its label
 * @returns nothing too where it is not known: it was not made here, or before this was written down
 */
export function findDrift(
  { labels, stopTimeoutSeconds }: Pick<ContainerView, 'labels' | 'stopTimeoutSeconds'>,
  { health, stopSeconds }: Pick<DeploymentSettings, 'health' | 'stopSeconds'>,
  spec: ContainerSpec,
): MadeBy[] {
  const args = labels[ARGS_LABEL];
  if (args === undefined) return [];
  const differs: Readonly<Record<MadeBy, boolean>> = {
    args: args !== spec.Labels?.[ARGS_LABEL],
    health: labels[LABELS.health] !== formatStoredHealth(health),
    stopTimeout: stopTimeoutSeconds !== (spec.StopTimeout ?? stopSeconds),
  };
  return MADE_BY.filter((each) => differs[each]);
}
