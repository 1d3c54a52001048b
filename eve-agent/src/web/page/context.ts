// SPDX-License-Identifier: Apache-2.0
import type { Client } from './api/client.ts';
import type { Operations } from './deployments/operations.ts';

/** What the parts of the page work with; made once, in main.tsx. */
export interface PageContext {
  readonly client: Client;
  readonly operations: Operations;
}
