// SPDX-License-Identifier: Apache-2.0
import type { ContainerSpec, EndpointSettings } from '../engine/container-spec.ts';
import { formatStoredHealth, type HealthCheck, withHealthcheck } from './health-check.ts';
import { LABELS, restartPolicyText } from './names.ts';

/** What a version is made of. */
export interface VersionFacts {
  /** The name of the deployment. */
  readonly deployment: string;
  readonly generation: number;
  /** The generation that serves meanwhile. */
  readonly replaces: number | null;
  readonly configDigest: string;
  readonly health: HealthCheck | null;
  /** Where the arguments say nothing. */
  readonly stopSeconds: number | null;
  /** Whether the engine has an init for it. */
  readonly hasInit: boolean;
}

/**
 * The container that is to serve: as it is wanted, but not yet with its restart policy, which it gets when it is
 * committed.
 */
export function nextSpec(spec: ContainerSpec, facts: VersionFacts): ContainerSpec {
  const { RestartPolicy } = spec.HostConfig;
  const restart = RestartPolicy?.Name ? restartPolicyText(RestartPolicy) : 'unless-stopped';
  const stopTimeout = spec.StopTimeout ?? facts.stopSeconds;
  return withHealthcheck(
    {
      ...spec,
      ...(stopTimeout !== null && { StopTimeout: stopTimeout }),
      Labels: {
        ...spec.Labels,
        [LABELS.deployment]: facts.deployment,
        [LABELS.generation]: String(facts.generation),
        [LABELS.kind]: 'version',
        [LABELS.image]: facts.configDigest,
        [LABELS.replaces]: facts.replaces === null ? '' : String(facts.replaces),
        [LABELS.restart]: restart,
        [LABELS.health]: formatStoredHealth(facts.health),
      },
      HostConfig: {
        ...spec.HostConfig,
        // It reaps and hands on signals: few programs are made to be the first process.
        Init: spec.HostConfig.Init ?? facts.hasInit,
        RestartPolicy: { Name: 'no' },
      },
    },
    facts.health,
  );
}

/** Nobody is to reach it by the name that others of the network know. */
function withoutAliases({ Aliases: _aliases, ...endpoint }: EndpointSettings): EndpointSettings {
  return endpoint;
}

/** Of a version the container that shows that it can run: the same, without ports. */
export function candidateSpec(next: ContainerSpec): ContainerSpec {
  const { NetworkingConfig, ...spec } = next;
  const endpoints = Object.entries(NetworkingConfig?.EndpointsConfig ?? {}).map(
    ([network, endpoint]) => [network, withoutAliases(endpoint)] as const,
  );
  return {
    ...spec,
    Labels: { ...next.Labels, [LABELS.kind]: 'candidate' },
    HostConfig: {
      ...next.HostConfig,
      PortBindings: {},
      PublishAllPorts: false,
      RestartPolicy: { Name: 'no' },
    },
    ...(NetworkingConfig && { NetworkingConfig: { EndpointsConfig: Object.fromEntries(endpoints) } }),
  };
}
