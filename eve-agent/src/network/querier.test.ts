// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { decode, encode } from 'dns-packet';
import { createOpenQuerier } from '../discovery/querier.ts';
import { describeQuerierContract } from '../discovery/querier-contract.ts';
import { openBridgeSockets } from './bridge-sockets.ts';
import { createLoopbackLink } from './loopback-link.ts';

describeQuerierContract('on sockets of the system', async () => {
  const { bridge, neighbour, close } = await createLoopbackLink();
  return {
    open: createOpenQuerier({
      openSockets: openBridgeSockets,
      portHolderSources: { readUdpTables: () => [], findProcesses: () => [] },
      log: silentLog,
      clock: createManualClock(),
    }),
    bridge,
    neighbour: {
      address: neighbour.address,
      answer: ({ answers = [] }) => neighbour.say(encode({ type: 'response', answers: [...answers] })),
      asked: () => neighbour.heard().flatMap(({ bytes }) => decode(bytes).questions ?? []),
    },
    close,
  };
});
