// SPDX-License-Identifier: Apache-2.0
import type { HealthConfig, HostConfig } from '../engine/container-spec.ts';
import type { RunArguments } from './parse.ts';

/** What an engine is too old for. */
export interface UnsupportedArgument {
  /** As `--annotation`. */
  readonly flag: string;
  readonly value: string;
  /** The second part of the least version of the API: 44 for 1.44. */
  readonly leastApi: number;
}

/**
 * What must not be sent to an engine of this version: older ones leave it out without a word, so that the container
 * would be another one.
 *
 * @param api the second part of the version of the API that is spoken: 41 for 1.41
 */
export function findUnsupported({ container }: RunArguments, api: number): UnsupportedArgument[] {
  const { Annotations = {}, Mounts = [], DeviceRequests = [] }: HostConfig = container.HostConfig;
  const { StartInterval = 0 }: HealthConfig = container.Healthcheck ?? {};
  const endpoints = Object.entries(container.NetworkingConfig?.EndpointsConfig ?? {});
  const needs: UnsupportedArgument[] = [];
  const require = (leastApi: number, flag: string, value: string) => needs.push({ leastApi, flag, value });
  for (const name of Object.keys(Annotations)) require(43, '--annotation', name);
  if (StartInterval !== 0) require(44, '--health-start-interval', `${StartInterval}ns`);
  if (endpoints.length > 1) require(44, '--network', endpoints.map(([name]) => name).join(' '));
  for (const [name, { GwPriority = 0 }] of endpoints) {
    if (GwPriority !== 0) require(48, '--network', `name=${name},gw-priority=${GwPriority}`);
  }
  for (const { Driver, DeviceIDs = [] } of DeviceRequests) {
    if (Driver === 'cdi') require(44, '--device', DeviceIDs.join(' '));
  }
  for (const { Type, Target, BindOptions = {}, VolumeOptions = {} } of Mounts) {
    if (BindOptions.CreateMountpoint) require(42, '--mount', `target=${Target},bind-create-src`);
    if (BindOptions.ReadOnlyForceRecursive)
      require(44, '--mount', `target=${Target},bind-recursive=readonly`);
    if (VolumeOptions.Subpath !== undefined) require(45, '--mount', `target=${Target},volume-subpath`);
    if (Type === 'image') require(48, '--mount', `target=${Target},type=image`);
  }
  return needs.filter(({ leastApi }) => leastApi > api);
}
