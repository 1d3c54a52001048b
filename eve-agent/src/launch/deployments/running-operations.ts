// SPDX-License-Identifier: Apache-2.0
import type { CallerFacts } from './caller.ts';
import { DeploymentError } from './errors.ts';
import type { ChangingOperation } from './operations.ts';

/** What is being done to a deployment. */
export interface RunningOperation {
  readonly operation: ChangingOperation | 'converge';
  /** ISO 8601. */
  readonly since: string;
  /** Who asked for it. */
  readonly by: string;
}

/** One operation at a time of a deployment; held by this process alone, so that none is left when it ends. */
export interface RunningOperations {
  /** @returns the release @throws DeploymentError OPERATION_RUNNING, with what runs in its details */
  take(deployment: string, operation: RunningOperation['operation'], by: CallerFacts): () => void;
  of(deployment: string): RunningOperation | null;
}

export function createRunningOperations(wallMs: () => number): RunningOperations {
  const running = new Map<string, RunningOperation>();
  return {
    take(deployment, operation, { who }) {
      const other = running.get(deployment);
      if (other !== undefined) {
        const message = `"${other.operation}" of ${deployment} runs since ${other.since}, asked for by ${other.by}: try again when it is over`;
        throw new DeploymentError('OPERATION_RUNNING', message, { retryable: true, details: { ...other } });
      }
      running.set(deployment, { operation, since: new Date(wallMs()).toISOString(), by: who });
      return () => running.delete(deployment);
    },
    of: (deployment) => running.get(deployment) ?? null,
  };
}
