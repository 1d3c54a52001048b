// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import type { ContainerSpec } from '../engine/container-spec.ts';
import type { Switch } from '../switch/switch-contract.ts';
import type { DeploymentEntry } from './config-file.ts';
import type { DeploymentSettings } from './deployment-settings.ts';
import type { DeploymentView } from './deployment-view.ts';
import type { DesiredStates } from './desired-state.ts';
import type { RunningOperations } from './running-operations.ts';
import { findDrift } from './settings-drift.ts';
import { servingOf, viewOf } from './view-deployment.ts';

export interface LookDeps {
  readonly switcher: Pick<Switch, 'versions'>;
  readonly desired: DesiredStates;
  readonly running: RunningOperations;
  /** @throws DeploymentError DEPLOYMENT_UNUSABLE */
  prepare(settings: DeploymentSettings): Promise<(image: string) => ContainerSpec>;
}

/** What has no usable name is called by its place in the file. */
export const isNamed = (name: string): boolean => !name.includes('[');

/** What is there of a deployment, beside what the configuration says of it. */
export function createLook({ switcher, desired, running, prepare }: LookDeps) {
  /** What would be made of it now, or why nothing can be. */
  async function tryToPrepare(entry: DeploymentEntry) {
    if (entry.kind === 'unusable') return { problem: entry.problem, made: null };
    const { settings } = entry;
    try {
      return { problem: null, made: { settings, spec: (await prepare(settings))('') } };
    } catch (error) {
      return { problem: errorMessage(error), made: null };
    }
  }

  return async (name: string, entry: DeploymentEntry, signal: AbortSignal): Promise<DeploymentView> => {
    const { problem, made } = await tryToPrepare(entry);
    const facts = { problem, operation: running.of(name), drift: [] };
    if (!isNamed(name)) return viewOf(name, [], { ...facts, wanted: null });
    const wanted = (await desired.read(name))?.state ?? null;
    const versions = await switcher.versions(name, signal);
    const serving = servingOf(versions);
    const drift =
      made === null || serving === undefined ? [] : findDrift(serving.container, made.settings, made.spec);
    return viewOf(name, versions, { ...facts, wanted, drift });
  };
}
