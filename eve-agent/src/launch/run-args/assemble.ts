// SPDX-License-Identifier: Apache-2.0
import type { ContainerSpec, EndpointSettings, HostConfig } from '../engine/container-spec.ts';
import type { Draft } from './draft.ts';
import { RunArgumentsError } from './errors.ts';
import { isOwnNetwork, type NetworkAttachment } from './grammar/networks.ts';

function conflict(flag: string, why: string): RunArgumentsError {
  return new RunArgumentsError('ARGUMENT_INVALID', flag, `${flag}: ${why}`);
}

/** What has an entry; undefined where nothing has. */
const filled = <T extends object>(value: T): T | undefined =>
  Object.values(value).some((entry) => entry !== undefined) ? value : undefined;

const record = (map: ReadonlyMap<string, string>) => (map.size === 0 ? undefined : Object.fromEntries(map));
const list = <T>(values: Iterable<T>) => {
  const array = [...values];
  return array.length === 0 ? undefined : array;
};

/** Drops what is undefined: it is said by absence. */
function present<T extends object>(value: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined)) as never;
}

function healthCheckOf({ health, hasNoHealthcheck }: Draft): ContainerSpec['Healthcheck'] {
  const isSaid = Object.values(health).some((value) =>
    Array.isArray(value) ? value.length > 0 : value !== 0,
  );
  if (hasNoHealthcheck && isSaid) throw conflict('--no-healthcheck', 'it contradicts the --health-… flags');
  if (hasNoHealthcheck) return { Test: ['NONE'] };
  return isSaid ? health : undefined;
}

function logConfigOf({ logDriver, logOptions }: Draft): HostConfig['LogConfig'] {
  if (logDriver === 'none' && logOptions.size > 0)
    throw conflict('--log-opt', 'the driver none has no options');
  return logDriver === '' && logOptions.size === 0
    ? undefined
    : { Type: logDriver, Config: Object.fromEntries(logOptions) };
}

/** One value or the other; the flag of its own and the field of `--network` together are none. */
function either<T>(flag: string, ofFlag: T | null, ofNetwork: T | null): T | null {
  if (ofFlag !== null && ofNetwork !== null) throw conflict(flag, '--network says it too');
  return ofFlag ?? ofNetwork;
}
const nonEmpty = <T>(values: readonly T[]) => (values.length === 0 ? null : values);

/** Flags of their own are of the first network. */
function withFlags(first: NetworkAttachment, { endpoint }: Draft): NetworkAttachment {
  return {
    ...first,
    aliases: either('--network-alias', nonEmpty(endpoint.aliases), nonEmpty(first.aliases)) ?? [],
    linkLocalIps:
      either('--link-local-ip', nonEmpty(endpoint.linkLocalIps), nonEmpty(first.linkLocalIps)) ?? [],
    ip: either('--ip', endpoint.ip, first.ip),
    ip6: either('--ip6', endpoint.ip6, first.ip6),
    mac: either('--mac-address', endpoint.mac, first.mac),
  };
}

function endpointOf(network: NetworkAttachment, links: readonly string[]): EndpointSettings | undefined {
  const isOwn = isOwnNetwork(network.name);
  if (network.aliases.length > 0 && !isOwn) {
    throw conflict('--network-alias', `the network ${network.name} has no names; one of your own has`);
  }
  return filled(
    present({
      Aliases: list(network.aliases),
      DriverOpts: filled(network.driverOptions),
      Links: isOwn ? list(links) : undefined,
      IPAMConfig: filled(
        present({
          IPv4Address: network.ip ?? undefined,
          IPv6Address: network.ip6 ?? undefined,
          LinkLocalIPs: list(network.linkLocalIps),
        }),
      ),
      MacAddress: network.mac ?? undefined,
      GwPriority: network.gatewayPriority === 0 ? undefined : network.gatewayPriority,
    }),
  );
}

const NO_NETWORK: NetworkAttachment = {
  ...{ name: 'default', aliases: [], driverOptions: {}, linkLocalIps: [] },
  ...{ ip: null, ip6: null, mac: null, gatewayPriority: 0 },
};

interface Networking {
  readonly mode: string;
  readonly endpoints: Readonly<Record<string, EndpointSettings>>;
}

function networkingOf(draft: Draft): Networking {
  const [named, ...others] = draft.networks;
  const first = withFlags(named ?? NO_NETWORK, draft);
  const all = [first, ...others];
  const names = all.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw conflict('--network', `${twice} stands there twice`);
  if (new Set(names.map(isOwnNetwork)).size > 1) {
    throw conflict('--network', "networks of your own cannot be joined beside one of the engine's");
  }
  if (others.length > 0 && !isOwnNetwork(first.name)) {
    throw conflict('--network', `nothing can be joined beside ${first.name}`);
  }
  const endpoints: Record<string, EndpointSettings> = {};
  for (const network of all) {
    const endpoint = endpointOf(network, network === first ? (draft.host.Links ?? []) : []);
    // The engine makes that of a single network by itself.
    if (endpoint !== undefined || all.length > 1) endpoints[network.name] = endpoint ?? {};
  }
  return { mode: first.name, endpoints };
}

/**
 * What all flags together say; what contradicts each other is seen only here.
 *
 * @throws RunArgumentsError
 */
export function assembleContainer(draft: Draft): Omit<ContainerSpec, 'Image'> {
  const { container, host, env, labels, volumes, binds, ulimits, qualifiedDevices } = draft;
  const networking = networkingOf(draft);
  const requests = [
    ...(host.DeviceRequests ?? []),
    ...(qualifiedDevices.length === 0 ? [] : [{ Driver: 'cdi', DeviceIDs: qualifiedDevices }]),
  ];
  const hostConfig: HostConfig = present({
    ...host,
    Binds: list(binds),
    DeviceRequests: list(requests),
    LogConfig: logConfigOf(draft),
    NetworkMode: networking.mode,
    Ulimits: list([...ulimits.values()].sort((left, right) => (left.Name < right.Name ? -1 : 1))),
  });
  return present({
    ...container,
    Env: list([...env].map(([name, value]) => `${name}=${value}`)),
    Healthcheck: healthCheckOf(draft),
    HostConfig: hostConfig,
    Labels: record(labels),
    MacAddress: networking.endpoints[networking.mode]?.MacAddress,
    NetworkingConfig: filled(networking.endpoints) && { EndpointsConfig: networking.endpoints },
    Volumes: volumes.size === 0 ? undefined : Object.fromEntries([...volumes].map((path) => [path, {}])),
  });
}
