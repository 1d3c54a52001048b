// SPDX-License-Identifier: Apache-2.0
import { type EngineClient, isEngineStatus } from '@local-datastore/shared/engine/engine-client';
import { CodedError, errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { createSubnetTest } from '@local-datastore/shared/net/ip-address';
import { createTurns } from '@local-datastore/shared/turns';
import * as z from 'zod';
import type { HostBridge } from './app-intent.ts';
import { lastAddresses, overlaps, subnetOf, upperHalfOf } from './bridge-subnet.ts';
import { networkName } from './container-of-app.ts';

/** The engine's network of a bridge cannot be used. It is tried again: somebody may have made room for it. */
export class AppNetworkError extends CodedError<'NETWORK_UNUSABLE'> {
  constructor(message: string) {
    super('NETWORK_UNUSABLE', message, { retryable: true });
  }
}

/** The engine's networks, each of which is a bridge that the host has already. */
export interface AppNetworks {
  /**
   * Makes the network of a bridge where there is none. Where the bridge has another address it is made anew: what is
   * attached to it gets an address of the new subnet, by which it is reached until its app is replaced.
   *
   * @throws AppNetworkError; EngineError
   */
  ensure(bridge: HostBridge, signal: AbortSignal): Promise<void>;
}

const BRIDGE_OPTION = 'com.docker.network.bridge.name';
/** Names the bridge that a network was made for. */
export const NETWORK_LABEL = 'io.local-datastore.network';
/** What starts in between is attached, and keeps the engine from removing a network. */
const MAX_TRIES = 5;

const networkSchema = z.looseObject({
  Name: z.string().default(''),
  Driver: z.string(),
  Options: z.record(z.string(), z.string()).nullish(),
  IPAM: z.looseObject({
    Config: z
      .array(z.looseObject({ Subnet: z.string().optional(), Gateway: z.string().optional() }))
      .nullish(),
  }),
  Labels: z.record(z.string(), z.string()).nullish(),
  /** Those that run, by id. */
  Containers: z.record(z.string(), z.unknown()).nullish(),
});
type NetworkDocument = z.output<typeof networkSchema>;

const attachedSchema = z.looseObject({
  NetworkSettings: z.looseObject({
    Networks: z
      .record(
        z.string(),
        z.looseObject({ IPAMConfig: z.looseObject({ IPv4Address: z.string().optional() }).nullish() }),
      )
      .nullish(),
  }),
});

/** A container that is attached, with the address that it is to have; null: one that the engine gave it. */
interface Attached {
  readonly container: string;
  readonly address: string | null;
}

const gatewayOf = ({ cidr }: HostBridge) => cidr.split('/')[0] ?? '';

export function createAppNetworks(client: Pick<EngineClient, 'ask'>, log: Log): AppNetworks {
  async function inspect(bridge: HostBridge, signal: AbortSignal): Promise<NetworkDocument | null> {
    try {
      return networkSchema.parse(await client.ask('GET', `/networks/${networkName(bridge)}`, { signal }));
    } catch (error) {
      if (isEngineStatus(error, 404)) return null;
      throw error;
    }
  }

  function isRight({ Driver, Options, IPAM }: NetworkDocument, bridge: HostBridge): boolean {
    const [config] = IPAM.Config ?? [];
    return (
      Driver === 'bridge' &&
      Options?.[BRIDGE_OPTION] === bridge.name &&
      config?.Subnet === subnetOf(bridge.cidr) &&
      config.Gateway === gatewayOf(bridge)
    );
  }

  /** Before anything is taken away: the engine would refuse the new one when the old one is gone. */
  async function refuseOverlaps(bridge: HostBridge, signal: AbortSignal): Promise<void> {
    const name = networkName(bridge);
    const all = z.array(networkSchema).parse(await client.ask('GET', '/networks', { signal }));
    for (const { Name, IPAM } of all) {
      const subnet = (IPAM.Config ?? [])
        .flatMap(({ Subnet }) => Subnet ?? [])
        .find((each) => overlaps(each, bridge.cidr));
      if (Name === name || subnet === undefined) continue;
      throw new AppNetworkError(
        `${bridge.name} has ${bridge.cidr}, which overlaps the engine's network ${Name} (${subnet}): remove that one, or give either another subnet`,
      );
    }
  }

  async function readAttached(bridge: HostBridge, signal: AbortSignal): Promise<Attached[]> {
    const name = networkName(bridge);
    const attached: Attached[] = [];
    for (const container of Object.keys((await inspect(bridge, signal))?.Containers ?? {})) {
      // Endpoints of what is half gone have other names.
      if (!/^[0-9a-f]{12,}$/.test(container)) continue;
      try {
        const document = await client.ask('GET', `/containers/${container}/json`, { signal });
        const endpoint = attachedSchema.parse(document).NetworkSettings.Networks?.[name];
        attached.push({ container, address: endpoint?.IPAMConfig?.IPv4Address ?? null });
      } catch (error) {
        if (!isEngineStatus(error, 404)) throw error;
      }
    }
    return attached;
  }

  /** @returns what was attached to it */
  async function remove(bridge: HostBridge, signal: AbortSignal): Promise<Attached[]> {
    const name = networkName(bridge);
    const all = new Map<string, Attached>();
    for (let count = 1; ; count += 1) {
      for (const each of await readAttached(bridge, signal)) {
        all.set(each.container, each);
        const json = { Container: each.container, Force: true };
        await client.ask('POST', `/networks/${name}/disconnect`, { json, signal });
      }
      try {
        await client.ask('DELETE', `/networks/${name}`, { signal });
        return [...all.values()];
      } catch (error) {
        if (isEngineStatus(error, 404)) return [...all.values()];
        if (!isEngineStatus(error, 403) || count === MAX_TRIES) throw error;
      }
    }
  }

  async function create(bridge: HostBridge, signal: AbortSignal): Promise<void> {
    const IPRange = upperHalfOf(bridge.cidr);
    const config = {
      ...{ Subnet: subnetOf(bridge.cidr), Gateway: gatewayOf(bridge) },
      ...(IPRange !== null && { IPRange }),
    };
    const json = {
      Name: networkName(bridge),
      Driver: 'bridge',
      CheckDuplicate: true,
      IPAM: { Driver: 'default', Config: [config] },
      Options: { [BRIDGE_OPTION]: bridge.name },
      Labels: { [NETWORK_LABEL]: bridge.name },
    };
    await client.ask('POST', '/networks/create', { json, signal });
  }

  /** One that was told its address keeps it where it can; another one gets one that no new version is given. */
  async function attach(
    bridge: HostBridge,
    attached: readonly Attached[],
    signal: AbortSignal,
  ): Promise<void> {
    const isInside = createSubnetTest(bridge.cidr);
    const kept = new Set(
      attached.flatMap(({ address }) => (address !== null && isInside(address) ? [address] : [])),
    );
    const others = lastAddresses(bridge.cidr, kept);
    for (const { container, address } of attached) {
      const IPv4Address = address !== null && kept.has(address) ? address : others.next().value;
      const json = {
        Container: container,
        EndpointConfig: { ...(IPv4Address !== undefined && { IPAMConfig: { IPv4Address } }) },
      };
      try {
        await client.ask('POST', `/networks/${networkName(bridge)}/connect`, { json, signal });
      } catch (error) {
        signal.throwIfAborted();
        log.warn(
          { bridge: bridge.name, container, reason: errorMessage(error) },
          'a container cannot be attached to the network that was made anew: it has none until it is replaced',
        );
      }
    }
  }

  async function ensureNow(bridge: HostBridge, signal: AbortSignal): Promise<void> {
    const document = await inspect(bridge, signal);
    if (document !== null && document.Labels?.[NETWORK_LABEL] !== bridge.name) {
      throw new AppNetworkError(
        `the engine has a network ${networkName(bridge)} that was not made here: remove it, or rename it`,
      );
    }
    if (document !== null && isRight(document, bridge)) return;
    await refuseOverlaps(bridge, signal);
    if (document === null) return create(bridge, signal);
    const attached = await remove(bridge, signal);
    await create(bridge, signal);
    await attach(bridge, attached, signal);
    log.info(
      { bridge: bridge.name, address: bridge.cidr, containers: attached.length },
      'the network of a bridge was made anew: the bridge has another address',
    );
  }

  /** One after the other: several apps are on one bridge. */
  const turns = createTurns();
  return {
    ensure(bridge, signal) {
      return turns.take(() => ensureNow(bridge, signal));
    },
  };
}
