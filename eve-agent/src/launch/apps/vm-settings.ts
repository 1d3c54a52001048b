// SPDX-License-Identifier: Apache-2.0
import type { DeploymentSettings } from '../deployments/deployment-settings.ts';
import { readAppSettings } from './app-settings.ts';

/** Seconds, where nothing is said: a guest boots first, and shuts down what it runs. */
const DEFAULT_START_PERIOD = 120;
const DEFAULT_STOP_TIMEOUT = 60;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * What stands under our own key of an app that is a VM: as of others, but without what only a container has.
 *
 * @param name of the app, for messages
 * @returns a text: why it cannot be used
 */
export function readVmSettings(name: string, extension: unknown): DeploymentSettings | string {
  if (!isObject(extension)) {
    return readAppSettings(name, extension ?? { stopTimeout: DEFAULT_STOP_TIMEOUT });
  }
  if (Object.hasOwn(extension, 'args')) {
    return 'localDatastore: args are of "docker run", and cannot be given to a VM';
  }
  const { health } = extension;
  if (isObject(health) && health.kind === 'command') {
    return 'localDatastore.health: a command cannot be run in a VM: "http" or "tcp" asks it from outside';
  }
  return readAppSettings(name, {
    stopTimeout: DEFAULT_STOP_TIMEOUT,
    ...extension,
    ...(isObject(health) && { health: { startPeriodSeconds: DEFAULT_START_PERIOD, ...health } }),
  });
}
