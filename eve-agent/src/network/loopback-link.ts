// SPDX-License-Identifier: Apache-2.0
import { MDNS_GROUP_IPV4, MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';
import type { BridgeSocketsUnderTest } from '../discovery/bridge-sockets-contract.ts';
import { closeSocket } from './multicast-socket.ts';
import { systemMulticastSockets } from './system-multicast-sockets.ts';

/** The loopback interface as a bridge with a neighbour, for tests: what is multicast by it leaves no machine. */
export async function createLoopbackLink(): Promise<Omit<BridgeSocketsUnderTest, 'open'>> {
  const bridge = { name: 'lo', address: '127.0.0.1', cidr: '127.0.0.1/8' };
  const address = '127.0.0.2';
  const heard: { bytes: Buffer; sourcePort: number }[] = [];
  const group = await systemMulticastSockets.openGroup();
  group.addMembership(MDNS_GROUP_IPV4, address);
  group.on('message', (bytes, { port: sourcePort }) => heard.push({ bytes, sourcePort }));
  const mouth = await systemMulticastSockets.openAsking({ address, port: MDNS_PORT, ipTtl: 1 });
  return {
    bridge,
    neighbour: {
      address,
      say: (bytes) =>
        new Promise((resolve, reject) => {
          const settle = (error: Error | null) => (error === null ? resolve() : reject(error));
          mouth.socket.send(bytes, MDNS_PORT, MDNS_GROUP_IPV4, settle);
        }),
      heard: () => heard,
    },
    async close() {
      await Promise.all([closeSocket(group), mouth.close()]);
    },
  };
}
