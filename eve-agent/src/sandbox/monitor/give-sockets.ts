// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:dgram';
import { descriptorOf } from '@local-datastore/shared/confinement/system/descriptor-of';
import { MDNS_GROUP_IPV4, MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { Bridge } from '../../discovery/bridges.ts';
import { describePortHolder, type PortHolderSources } from '../../discovery/port-holder.ts';
import { closeSocket } from '../../network/multicast-socket.ts';
import { bindAskingSocket, bindGroupSocket } from '../../network/system-multicast-sockets.ts';
import type { NetAsk } from '../calves/net/net-messages.ts';
import { AskRefusal, type Gift } from '../exchange/serve-asks.ts';

/** RFC 6762 §11. */
const IP_TTL = 255;

export interface SocketGiverDeps {
  /** @throws DiscoveryError `NO_BRIDGE` */
  selectBridges(): readonly Bridge[];
  readonly portHolderSources: PortHolderSources;
  /** Lets nothing but multicast DNS into a socket, for good. */
  confine(fd: number): void;
}

/** The sockets for multicast DNS that a calf gets, on the bridges that it may speak on. */
export interface SocketGiver {
  give(ask: Extract<NetAsk, { kind: 'bridges' | 'group-socket' | 'asking-socket' | 'join' }>): Promise<Gift>;
  /** Leaves the groups. */
  close(): Promise<void>;
}

export function createSocketGiver({
  selectBridges,
  portHolderSources,
  confine,
}: SocketGiverDeps): SocketGiver {
  /** By address: what a socket of this host has joined, its socket that hears the group hears, whoever has that. */
  const members = new Map<string, Socket>();

  function requireBridge(address: string): void {
    if (selectBridges().some((bridge) => bridge.address === address)) return;
    throw new AskRefusal(
      'DENIED',
      `${address} is the address of no bridge that datastores are looked for on`,
    );
  }

  async function hand(open: () => Promise<Socket>): Promise<Gift> {
    let socket: Socket;
    try {
      socket = await open();
    } catch (error) {
      const code = systemErrorCode(error) ?? '';
      const holder = describePortHolder({ code, message: errorMessage(error) }, portHolderSources);
      throw Object.assign(new Error(`${errorMessage(error)} (${holder})`), { code });
    }
    try {
      const fd = descriptorOf(socket);
      if (fd === null) throw new Error('the socket was closed');
      confine(fd);
      // Nothing is read of it here: the calf has a copy by the time that it is closed.
      return { value: {}, descriptor: { fd, kind: 'udp4', close: () => void closeSocket(socket) } };
    } catch (error) {
      await closeSocket(socket);
      throw error;
    }
  }

  async function join(address: string): Promise<Gift> {
    requireBridge(address);
    if (!members.has(address)) {
      // It is bound to the address and a port that nobody knows, and hears nothing.
      const socket = await bindAskingSocket({ address, port: 0, ipTtl: IP_TTL });
      try {
        socket.addMembership(MDNS_GROUP_IPV4, address);
      } catch (error) {
        await closeSocket(socket);
        throw error;
      }
      members.set(address, socket);
    }
    return { value: {} };
  }

  return {
    async give(ask) {
      switch (ask.kind) {
        case 'bridges':
          return { value: { bridges: selectBridges() } };
        case 'group-socket':
          return await hand(bindGroupSocket);
        case 'asking-socket': {
          const { address, isOwnPort } = ask;
          requireBridge(address);
          const port = isOwnPort ? 0 : MDNS_PORT;
          return await hand(() => bindAskingSocket({ address, port, ipTtl: IP_TTL }));
        }
        case 'join':
          return await join(ask.address);
      }
    },
    async close() {
      const open = [...members.values()];
      members.clear();
      await Promise.all(open.map(closeSocket));
    },
  };
}
