// SPDX-License-Identifier: Apache-2.0
import { describeQuerierContract } from './querier-contract.ts';
import { createScriptedQuerier } from './scripted-querier.ts';

describeQuerierContract('of tests', async () => {
  const { open, asked, hear } = createScriptedQuerier();
  const bridge = { name: 'bn1', address: '10.1.0.1', cidr: '10.1.0.1/24' };
  const address = '10.1.0.5';
  return {
    open,
    bridge,
    neighbour: {
      address,
      answer: async (message) => hear(bridge, address, message),
      asked: () => asked.flatMap(({ query }) => query.questions),
    },
    close: async () => {},
  };
});
