import { type EngineClient, isEngineStatus } from '@local-datastore/shared/engine/engine-client';
import { CodedError } from '@local-datastore/shared/errors';
import { parseIpv4 } from '@local-datastore/shared/net/ip-address';
import * as z from 'zod';
import type { HostBridge } from './app-intent.ts';
import { networkName } from './container-of-app.ts';

/** The engine's network of a bridge cannot be used. */
export class AppNetworkError extends CodedError<'NETWORK_UNUSABLE'> {}

/** The engine's networks, each of which is a bridge that the host has already. */
export interface AppNetworks {
  /** Makes the network of a bridge where there is none, or the bridge has another address. @throws AppNetworkError; EngineError */
  ensure(bridge: HostBridge, signal: AbortSignal): Promise<void>;
}

const BRIDGE_OPTION = 'com.docker.network.bridge.name';
const LABEL = 'io.local-datastore.network';

const networkSchema = z.looseObject({
  Driver: z.string(),
  Options: z.record(z.string(), z.string()).nullish(),
  IPAM: z.looseObject({
    Config: z
      .array(z.looseObject({ Subnet: z.string().optional(), Gateway: z.string().optional() }))
      .nullish(),
  }),
  Labels: z.record(z.string(), z.string()).nullish(),
});

/** `10.1.0.1/24` → `10.1.0.0/24` */
export function subnetOf(cidr: string): string {
  const [address = '', length = ''] = cidr.split('/');
  const number = parseIpv4(address);
  const bits = Number(length);
  if (number === null || !/^\d{1,2}$/.test(length) || bits > 32) throw new RangeError(`${cidr} is no subnet`);
  const size = 2 ** (32 - bits);
  const first = Math.floor(number / size) * size;
  const octets = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256);
  return `${octets.join('.')}/${bits}`;
}

export function createAppNetworks(client: EngineClient): AppNetworks {
  async function isRight(bridge: HostBridge, signal: AbortSignal): Promise<boolean | null> {
    let document: unknown;
    try {
      document = await client.ask('GET', `/networks/${networkName(bridge)}`, { signal });
    } catch (error) {
      if (isEngineStatus(error, 404)) return null;
      throw error;
    }
    const { Driver, Options, IPAM, Labels } = networkSchema.parse(document);
    const [config] = IPAM.Config ?? [];
    if (Labels?.[LABEL] !== bridge.name) {
      const message = `the engine has a network ${networkName(bridge)} that was not made here: remove it, or rename it`;
      throw new AppNetworkError('NETWORK_UNUSABLE', message);
    }
    return (
      Driver === 'bridge' &&
      Options?.[BRIDGE_OPTION] === bridge.name &&
      config?.Subnet === subnetOf(bridge.cidr) &&
      config.Gateway === bridge.cidr.split('/')[0]
    );
  }

  return {
    async ensure(bridge, signal) {
      const state = await isRight(bridge, signal);
      if (state === true) return;
      const name = networkName(bridge);
      // The address of the bridge changed: containers that are attached keep the engine from this, and say so.
      if (state === false) await client.ask('DELETE', `/networks/${name}`, { signal });
      const json = {
        Name: name,
        Driver: 'bridge',
        CheckDuplicate: true,
        IPAM: {
          Driver: 'default',
          Config: [{ Subnet: subnetOf(bridge.cidr), Gateway: bridge.cidr.split('/')[0] }],
        },
        Options: { [BRIDGE_OPTION]: bridge.name },
        Labels: { [LABEL]: bridge.name },
      };
      await client.ask('POST', '/networks/create', { json, signal });
    },
  };
}
