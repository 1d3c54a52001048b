// SPDX-License-Identifier: Apache-2.0
import { describeTargetContract } from '../content/target-contract.ts';
import { createMemoryTarget } from './memory-target.ts';

describeTargetContract('in memory', async () => {
  const target = createMemoryTarget(1_000_000);
  return { target, published: async () => target.published(), isTidy: async () => true };
});
