// SPDX-License-Identifier: Apache-2.0
import { readFile, realpath, stat } from 'node:fs/promises';
import type { EngineAddress } from '@local-datastore/shared/engine/engine-address';
import { errorMessage } from '@local-datastore/shared/errors';
import type { ContainerSpec } from '../engine/container-spec.ts';
import { findUnsupported } from '../run-args/api-versions.ts';
import { readArgumentFiles } from '../run-args/argument-files.ts';
import { RunArgumentsError } from '../run-args/errors.ts';
import { lookUpHostPaths } from '../run-args/host-paths.ts';
import { parseRunArguments, type RunArguments } from '../run-args/parse.ts';
import { findMissingPermissions, type MissingPermission } from '../run-args/permissions.ts';
import { splitArguments } from '../run-args/split-arguments.ts';
import { toContainerSpec } from '../run-args/to-container-spec.ts';
import type { DeploymentSettings } from './deployment-settings.ts';
import { DeploymentError } from './errors.ts';

const MAX_SHOWN = 5;

/** For whom a container is prepared: how it is said that it cannot be. */
export interface ContainerOwner {
  /** @param why of its arguments; in English, of one line */
  unusable(why: string, cause?: unknown): Error;
  /** What needs a permission that nobody gave. */
  lacks(missing: MissingPermission): string;
}

const ownerOfDeployment = (name: string): ContainerOwner => ({
  unusable: (why, cause) =>
    new DeploymentError(
      'DEPLOYMENT_UNUSABLE',
      `deployment ${name} cannot be run as it is configured: ${why}`,
      {
        cause,
      },
    ),
  lacks: ({ flag, value, permission }) =>
    permission === 'host-path'
      ? `${flag} ${value} needs its path in "allowedHostPaths"`
      : `${flag} ${value} needs "${permission}" in "allow"`,
});

/** @throws RunArgumentsError that names the flag */
export function readArguments({ args }: Pick<DeploymentSettings, 'args'>): RunArguments {
  return parseRunArguments(typeof args === 'string' ? splitArguments(args) : args);
}

/** The content of a file that arguments name. @throws Error */
async function readBounded(path: string, maxBytes: number): Promise<string> {
  if ((await stat(path)).size > maxBytes) throw new Error(`it is larger than ${maxBytes} bytes`);
  return await readFile(path, 'utf8');
}

/**
 * Makes of what the configuration says the container that is to run, for an image that is still to come.
 *
 * @param owner absent: the deployment of that name
 * @throws what `owner` makes of it, DeploymentError DEPLOYMENT_UNUSABLE: an argument is wrong, not permitted, or of a
 *   newer engine
 * @throws what `apiVersion` throws
 */
export async function prepareContainer(
  settings: DeploymentSettings,
  engine: {
    readonly address: EngineAddress;
    /** The second part of the version of the API that is spoken with it. */
    apiVersion(): Promise<number>;
  },
  owner: ContainerOwner = ownerOfDeployment(settings.name),
): Promise<(image: string) => ContainerSpec> {
  const { allow, allowedHostPaths } = settings;
  try {
    const args = readArguments(settings);
    const engineSocket = engine.address.kind === 'unix' ? engine.address.path : null;
    const hostPaths = await lookUpHostPaths(args, { realpath, allowedHostPaths, engineSocket });
    const missing = findMissingPermissions(args, { allow: new Set(allow), allowedHostPaths }, hostPaths);
    if (missing.length > 0) {
      throw owner.unusable(missing.slice(0, MAX_SHOWN).map(owner.lacks).join('; '));
    }
    const api = await engine.apiVersion();
    const newer = findUnsupported(args, api).map(
      ({ flag, value, leastApi }) =>
        `${flag} ${value} needs an engine that speaks API 1.${leastApi}, this one speaks 1.${api}`,
    );
    if (newer.length > 0) throw owner.unusable(newer.slice(0, MAX_SHOWN).join('; '));
    const files = await readArgumentFiles(args, hostPaths, readBounded);
    return (image) => toContainerSpec(args, image, { hostPaths, files });
  } catch (error) {
    if (error instanceof RunArgumentsError) throw owner.unusable(errorMessage(error), error);
    throw error;
  }
}
