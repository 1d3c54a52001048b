// SPDX-License-Identifier: Apache-2.0
import { MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';
import { describeBridgeSocketsContract } from './bridge-sockets-contract.ts';
import { createScriptedBridgeSockets } from './scripted-bridge-sockets.ts';

const OWN_PORT = 40_000;

describeBridgeSocketsContract('of tests', async () => {
  const { open, sent, hear } = createScriptedBridgeSockets();
  const address = '10.1.0.5';
  return {
    open,
    bridge: { name: 'bn1', address: '10.1.0.1', cidr: '10.1.0.1/24' },
    neighbour: {
      address,
      say: async (bytes) => hear({ bytes, source: address, sourcePort: MDNS_PORT, isToOwnPort: false }),
      heard: () =>
        sent.map(({ from, bytes }) => ({ bytes, sourcePort: from === 'mdns' ? MDNS_PORT : OWN_PORT })),
    },
    close: async () => {},
  };
});
