// SPDX-License-Identifier: Apache-2.0
import type { ContainerSpec, EndpointSettings } from './container-spec.ts';

/** By which an endpoint says what its interface is called; engines before API 1.48 leave it out without a word. */
export const INTERFACE_NAME = 'com.docker.network.endpoint.ifname';

/** From this on a container is made with all of its networks, each with a MAC address. */
const ALL_AT_ONCE_API = 44;
/** From this on interfaces have names, and a network is chosen for the way out. */
const NAMED_API = 48;

/** A network that a container is connected to after it was made, and before it is started. */
export interface LaterNetwork {
  readonly network: string;
  readonly endpoint: EndpointSettings;
}

const endpointsOf = ({ NetworkingConfig }: ContainerSpec): [string, EndpointSettings][] =>
  Object.entries(NetworkingConfig?.EndpointsConfig ?? {});

/** The first network is the one that the container is made on. */
function inOrder(spec: ContainerSpec): [string, EndpointSettings][] {
  const isFirst = ([name]: readonly [string, unknown]) => name === spec.HostConfig.NetworkMode;
  const all = endpointsOf(spec);
  return [...all.filter(isFirst), ...all.filter((each) => !isFirst(each))];
}

/**
 * What of several networks an engine cannot do, each as one line; older ones leave it out without a word.
 *
 * Pure. Measured with Docker 20.10: a sandbox gets its interfaces in the order of the names of their networks (libnetwork,
 * sandbox.go), however they were connected, and the first one is the way out.
 *
 * @param api the second part of the version of the API that is spoken
 */
export function findUnsupportedNetworks(spec: ContainerSpec, api: number): string[] {
  const endpoints = inOrder(spec);
  if (endpoints.length < 2) return [];
  const needs = (what: string, leastApi: number) =>
    `${what} needs an engine that speaks API 1.${leastApi}, this one speaks 1.${api}`;
  const problems: string[] = [];
  if (api < ALL_AT_ONCE_API) {
    for (const [name, { MacAddress }] of endpoints.slice(1)) {
      if (MacAddress)
        problems.push(needs(`the MAC address ${MacAddress} on ${name}, a further network,`, ALL_AT_ONCE_API));
    }
  }
  if (api < NAMED_API) {
    const given = endpoints.map(([name]) => name).sort();
    for (const [name, { DriverOpts }] of endpoints) {
      const wanted = DriverOpts?.[INTERFACE_NAME];
      const interfaceName = `eth${given.indexOf(name)}`;
      if (wanted !== undefined && wanted !== interfaceName)
        problems.push(
          needs(
            `the interface ${wanted} on ${name} (it would be ${interfaceName}, by the names of the networks)`,
            NAMED_API,
          ),
        );
    }
  }
  return problems;
}

/**
 * What an engine makes a container of, and what it is connected to after that.
 *
 * @param api as above
 */
export function divideNetworks(spec: ContainerSpec, api: number): [ContainerSpec, readonly LaterNetwork[]] {
  const endpoints = inOrder(spec);
  if (endpoints.length < 2) return [spec, []];
  const known = endpoints.map(
    ([name, endpoint]) => [name, api < NAMED_API ? withoutNames(endpoint) : endpoint] as const,
  );
  const isAtOnce = api >= ALL_AT_ONCE_API;
  const EndpointsConfig = Object.fromEntries(isAtOnce ? known : known.slice(0, 1));
  const later = isAtOnce ? [] : known.slice(1).map(([network, endpoint]) => ({ network, endpoint }));
  return [{ ...spec, NetworkingConfig: { EndpointsConfig } }, later];
}

/** Without what such an engine has nothing for. */
function withoutNames({ GwPriority: _, DriverOpts, ...endpoint }: EndpointSettings): EndpointSettings {
  const { [INTERFACE_NAME]: _name, ...options } = DriverOpts ?? {};
  return { ...endpoint, ...(Object.keys(options).length > 0 && { DriverOpts: options }) };
}
