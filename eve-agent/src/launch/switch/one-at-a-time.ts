// SPDX-License-Identifier: Apache-2.0
import { SwitchError } from './errors.ts';

/** What is going on with a deployment. */
export interface Running {
  readonly operation: string;
  /** The date at which it began. */
  readonly sinceMs: number;
}

export interface OneAtATime {
  /**
   * Runs what changes a deployment, alone. Nothing of it outlives the process: no lock can be stale. What puts right
   * by itself (`converge`) is waited for.
   *
   * @throws SwitchError CONFLICT while another runs; what the task throws
   */
  run<T>(name: string, operation: string, task: () => Promise<T>): Promise<T>;
  running(name: string): Running | null;
}

export const CONVERGE = 'converge';

export function createOneAtATime(wallMs: () => number): OneAtATime {
  const held = new Map<string, Running & { readonly ended: Promise<void> }>();
  return {
    async run(name, operation, task) {
      for (let other = held.get(name); other !== undefined; other = held.get(name)) {
        if (other.operation !== CONVERGE) {
          const since = new Date(other.sinceMs).toISOString();
          const message = `"${other.operation}" of ${name} is going on since ${since}: wait for its end`;
          const details = { operation: other.operation, since };
          throw new SwitchError('CONFLICT', message, { retryable: true, details });
        }
        await other.ended;
      }
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      held.set(name, { operation, sinceMs: wallMs(), ended });
      try {
        return await task();
      } finally {
        held.delete(name);
        resolve();
      }
    },

    running(name) {
      const { operation, sinceMs } = held.get(name) ?? {};
      return operation === undefined || sinceMs === undefined ? null : { operation, sinceMs };
    },
  };
}
