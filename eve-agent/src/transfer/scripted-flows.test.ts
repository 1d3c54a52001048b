// SPDX-License-Identifier: Apache-2.0
import { describeFlowContract } from './flow-contract.ts';
import { createScriptedFlows } from './scripted-flows.ts';

describeFlowContract('of tests', async (answer) => ({
  openFlow: createScriptedFlows([answer]).openFlow,
  place: { host: '10.1.0.5', port: 80, localAddress: null, refusesInternal: false },
  close: async () => {},
}));
