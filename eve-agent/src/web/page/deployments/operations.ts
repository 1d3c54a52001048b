// SPDX-License-Identifier: Apache-2.0
import { ApiError } from '@local-datastore/shared/page/api-error';
import { createStore, type Store } from '@local-datastore/shared/page/store';
import { type Client, pathOf } from '../api/client.ts';
import {
  beginRun,
  type DeploymentOperation,
  type OperationRun,
  withFailure,
  withLine,
  withSent,
} from './operation-run.ts';

export interface OperationInput {
  /** Of `load`. */
  readonly file?: File;
  /** Of `pull`: what, in place of what the configuration says. */
  readonly image?: string;
}

/** What this page does to deployments: one thing at a time of each. */
export interface Operations {
  /** The last one of each deployment, by its name, until it is dismissed. */
  readonly runs: Store<ReadonlyMap<string, OperationRun>>;
  begin(name: string, operation: DeploymentOperation, input?: OperationInput): void;
  /** Gives up what is being sent. */
  giveUp(name: string): void;
  /** Shows no more what came of the last one. */
  dismiss(name: string): void;
  areRunning(): boolean;
}

function requestOf(name: string, operation: DeploymentOperation, { file, image }: OperationInput) {
  const deployment = pathOf('/v1/deployments', name);
  if (operation === 'delete') return { method: 'DELETE', path: deployment } as const;
  const query = image === undefined || image === '' ? '' : `?${new URLSearchParams({ image })}`;
  return {
    method: operation === 'load' ? 'PUT' : 'POST',
    path: `${deployment}/${operation}${query}`,
    file,
  } as const;
}

/** @param announce is told the end of each, for who hears the page */
export function createOperations(client: Client, announce: (text: string) => void): Operations {
  const runs = createStore<ReadonlyMap<string, OperationRun>>(new Map());
  const endings = new Map<string, AbortController>();

  const set = (name: string, run: OperationRun) => runs.set(new Map(runs.get()).set(name, run));
  function change(name: string, to: (run: OperationRun) => OperationRun): void {
    const run = runs.get().get(name);
    if (run !== undefined) set(name, to(run));
  }

  async function carryOut(
    name: string,
    operation: DeploymentOperation,
    input: OperationInput,
  ): Promise<void> {
    const ending = new AbortController();
    endings.set(name, ending);
    try {
      await client.operate(
        requestOf(name, operation, input),
        {
          onLine: (line) => change(name, (run) => withLine(run, line)),
          onSent: (bytes) => change(name, (run) => withSent(run, bytes)),
        },
        ending.signal,
      );
    } catch (error) {
      change(name, (run) => withFailure(run, error instanceof ApiError ? error.message : String(error)));
    } finally {
      endings.delete(name);
    }
    const run = runs.get().get(name);
    if (run !== undefined) announce(`${operation} of ${name} ${run.state}: ${run.text}`);
  }

  return {
    runs,
    begin(name, operation, input = {}) {
      if (endings.has(name)) return;
      set(name, beginRun(operation, input.file?.size));
      void carryOut(name, operation, input);
    },
    giveUp: (name) => endings.get(name)?.abort(),
    dismiss(name) {
      const others = new Map(runs.get());
      others.delete(name);
      runs.set(others);
    },
    areRunning: () => endings.size > 0,
  };
}
