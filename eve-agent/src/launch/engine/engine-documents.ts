// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type {
  ContainerNetwork,
  ContainerView,
  ImageView,
  NetworkView,
  PublishedPort,
} from './container-engine.ts';
import type { ContainerSpec, EndpointSettings, HostConfig } from './container-spec.ts';

/** Go writes null for an empty list or map. */
const orNull = <T extends z.ZodType>(schema: T) => schema.nullish();
const texts = z.array(z.string());
const textMap = z.record(z.string(), z.string());

const healthSchema = z.object({
  Test: orNull(texts).transform((test) => test ?? []),
  Interval: z.number().default(0),
  Timeout: z.number().default(0),
  StartPeriod: z.number().default(0),
  Retries: z.number().default(0),
});

const endpointSchema = z.looseObject({
  Aliases: orNull(texts),
  Links: orNull(texts),
  DriverOpts: orNull(textMap),
  IPAMConfig: orNull(
    z.looseObject({ IPv4Address: z.string().optional(), IPv6Address: z.string().optional() }),
  ),
  IPAddress: z.string().default(''),
  GlobalIPv6Address: z.string().default(''),
  Gateway: z.string().default(''),
  /** API 1.48. */
  GwPriority: z.number().default(0),
});

const bindingsSchema = z.record(
  z.string(),
  orNull(z.array(z.object({ HostIp: z.string().default(''), HostPort: z.string().default('') }))),
);

/** `GET /containers/ID/json`, as far as it is read. */
export const containerSchema = z.object({
  Id: z.string(),
  Name: z.string(),
  Image: z.string(),
  RestartCount: z.number().default(0),
  State: z.object({
    Status: z.enum(['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']),
    ExitCode: z.number(),
    Error: z.string().default(''),
    OOMKilled: z.boolean().default(false),
    StartedAt: z.string().default(''),
    Health: orNull(z.object({ Status: z.string().default('none') })),
  }),
  Config: z.looseObject({
    Hostname: z.string().default(''),
    Image: z.string(),
    Labels: orNull(textMap),
    Tty: z.boolean().default(false),
    StopTimeout: orNull(z.number()),
    Healthcheck: orNull(healthSchema),
    Shell: orNull(texts),
  }),
  HostConfig: z.looseObject({
    NetworkMode: z.string().default('default'),
    PortBindings: orNull(bindingsSchema),
    RestartPolicy: z
      .object({
        Name: z.enum(['', 'no', 'always', 'on-failure', 'unless-stopped']),
        MaximumRetryCount: z.number().default(0),
      })
      .default({ Name: 'no', MaximumRetryCount: 0 }),
  }),
  NetworkSettings: z.object({
    Networks: orNull(z.record(z.string(), endpointSchema)),
    /** What it has published, by which it may have chosen ports itself. */
    Ports: orNull(bindingsSchema),
  }),
});
type ContainerDocument = z.output<typeof containerSchema>;

export const containerListSchema = z.array(z.object({ Id: z.string() }));
export const createdSchema = z.object({ Id: z.string() });
export const execEndSchema = z.object({ ExitCode: z.number().nullable() });

/** `GET /info`: `N/A` where its init cannot be run; empty where that says nothing of its commit, as Debian's does. */
export const infoSchema = z
  .object({ InitCommit: orNull(z.object({ ID: z.string().default('') })) })
  .transform(({ InitCommit }) => ({ hasInit: InitCommit?.ID !== 'N/A' }));

export const networkSchema = z
  .object({ Id: z.string(), Driver: z.string(), Options: orNull(textMap) })
  .transform(({ Id, Driver, Options }): NetworkView => {
    if (Driver !== 'bridge') return { driver: Driver, bridge: null };
    // libnetwork, drivers/bridge: what it calls one that nobody named.
    return { driver: Driver, bridge: Options?.['com.docker.network.bridge.name'] ?? `br-${Id.slice(0, 12)}` };
  });

export const imageSchema = z.object({ Id: z.string(), RepoTags: orNull(texts) }).transform(
  ({ Id, RepoTags }): ImageView => ({
    id: Id,
    // What has a digest alone is listed so by engines before 25.
    tags: (RepoTags ?? []).filter((tag) => !tag.includes('<none>')),
  }),
);
export const imageListSchema = z.array(imageSchema);

const HEALTHS = ['starting', 'healthy', 'unhealthy'] as const;
/** moby, daemon/health.go: where the image names none. */
const DEFAULT_SHELL = ['/bin/sh', '-c'];

/** The one that it was made on is the first: it is the way out, by which what came by a port goes back. */
function toNetworks(
  networks: ContainerDocument['NetworkSettings']['Networks'],
  networkMode: string,
): ContainerNetwork[] {
  const all = Object.entries(networks ?? {}).map(([name, { IPAddress, GlobalIPv6Address, Gateway }]) => ({
    name,
    ipv4: IPAddress,
    ipv6: GlobalIPv6Address,
    gateway: Gateway,
  }));
  return all.sort((a, b) => Number(b.name === networkMode) - Number(a.name === networkMode));
}

const toBindings = (bindings: z.output<typeof bindingsSchema> | null | undefined) =>
  Object.fromEntries(Object.entries(bindings ?? {}).map(([port, places]) => [port, places ?? []]));

/** How engines write every address of a family. */
const EVERY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::', '']);

/** One that is published by both families at every address is one. */
function toPublished(ports: z.output<typeof bindingsSchema> | null | undefined): PublishedPort[] {
  const published = new Map<string, PublishedPort>();
  for (const [name, places] of Object.entries(ports ?? {})) {
    const [port = '', protocol = 'tcp'] = name.split('/');
    for (const { HostIp, HostPort } of places ?? []) {
      const hostAddress = EVERY_ADDRESS.has(HostIp) ? '' : HostIp;
      const found = { protocol, hostAddress, hostPort: Number(HostPort), port: Number(port) };
      published.set(JSON.stringify(found), found);
    }
  }
  return [...published.values()].sort((a, b) => a.hostPort - b.hostPort);
}

export function toContainerView(document: ContainerDocument): ContainerView {
  const { Id, Name, Image, RestartCount, State, Config, HostConfig, NetworkSettings } = document;
  return {
    id: Id,
    name: Name.replace(/^\//, ''),
    labels: Config.Labels ?? {},
    image: Config.Image,
    imageId: Image,
    state: State.Status,
    exitCode: State.ExitCode,
    error: State.Error,
    isOutOfMemory: State.OOMKilled,
    startedAt: State.StartedAt,
    restartCount: RestartCount,
    restartPolicy: HostConfig.RestartPolicy,
    health: HEALTHS.find((health) => health === State.Health?.Status) ?? 'none',
    healthcheck: Config.Healthcheck ?? null,
    shell: Config.Shell?.length ? Config.Shell : DEFAULT_SHELL,
    hasTerminal: Config.Tty,
    stopTimeoutSeconds: Config.StopTimeout ?? null,
    networkMode: HostConfig.NetworkMode,
    networks: toNetworks(NetworkSettings.Networks, HostConfig.NetworkMode),
    portBindings: toBindings(HostConfig.PortBindings),
    publishedPorts: State.Status === 'running' ? toPublished(NetworkSettings.Ports) : [],
  };
}

/** What the caller asked of a network, without what the engine made of it. */
function toEndpoint(endpoint: z.output<typeof endpointSchema>, shortId: string): EndpointSettings {
  const aliases = (endpoint.Aliases ?? []).filter((alias) => alias !== shortId);
  return {
    ...(aliases.length > 0 && { Aliases: aliases }),
    ...(endpoint.Links && { Links: endpoint.Links }),
    ...(endpoint.DriverOpts && { DriverOpts: endpoint.DriverOpts }),
    ...(endpoint.GwPriority !== 0 && { GwPriority: endpoint.GwPriority }),
    ...(endpoint.IPAMConfig && {
      IPAMConfig: endpoint.IPAMConfig as NonNullable<EndpointSettings['IPAMConfig']>,
    }),
  };
}

/** Go writes null for what is absent. */
const withoutNulls = (members: object): object =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null));

/**
 * What would make a container like this one. An engine takes back what it shows as `Config` and `HostConfig`, but for
 * what it chose itself: the host name and the alias that are the beginning of the id.
 */
export function toContainerSpec({
  Id,
  Config,
  HostConfig,
  NetworkSettings,
}: ContainerDocument): ContainerSpec {
  const shortId = Id.slice(0, 12);
  const { Hostname, ...config } = Config;
  const endpoints = Object.entries(NetworkSettings.Networks ?? {}).map(
    ([name, endpoint]) => [name, toEndpoint(endpoint, shortId)] as const,
  );
  const isJoined = /^(?:host|none|container:.*)$/.test(HostConfig.NetworkMode);
  return {
    ...(withoutNulls(config) as ContainerSpec),
    ...(Hostname !== shortId && !isJoined && { Hostname }),
    Labels: Config.Labels ?? {},
    HostConfig: {
      ...(withoutNulls(HostConfig) as HostConfig),
      PortBindings: toBindings(HostConfig.PortBindings),
    },
    ...(!isJoined && { NetworkingConfig: { EndpointsConfig: Object.fromEntries(endpoints) } }),
  };
}
