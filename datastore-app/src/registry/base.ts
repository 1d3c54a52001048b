// SPDX-License-Identifier: Apache-2.0
import { type RegistryResource, sendDocument } from './registry-call.ts';

/** `/v2/`: whether there is a registry, and whether the client's token is good (end-1). */
export const baseResource: RegistryResource<'base'> = {
  GET: {
    action: 'ping',
    async handle(call) {
      sendDocument(call, {});
    },
  },
};
