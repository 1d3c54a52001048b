// SPDX-License-Identifier: Apache-2.0
import { describeBridgeSocketsContract } from '../discovery/bridge-sockets-contract.ts';
import { openBridgeSockets } from './bridge-sockets.ts';
import { createLoopbackLink } from './loopback-link.ts';

describeBridgeSocketsContract('of the system', async () => ({
  ...(await createLoopbackLink()),
  open: openBridgeSockets,
}));
