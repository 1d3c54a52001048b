// SPDX-License-Identifier: Apache-2.0
import { countText, sizeText } from '@local-datastore/shared/text/quantities';
import type { OperationLine } from '../api/answers.ts';

/** What can be done to a deployment from here, as the API calls it. */
export type DeploymentOperation =
  | 'load'
  | 'pull'
  | 'start'
  | 'stop'
  | 'restart'
  | 'rollback'
  | 'prune'
  | 'delete';

/** An operation that this page has begun. */
export interface OperationRun {
  readonly operation: DeploymentOperation;
  /** `done` and `failed` are the end. */
  readonly state: 'running' | 'done' | 'failed';
  /** How far it is, or what came of it. */
  readonly text: string;
  /** Of a file; undefined: none is sent any more. */
  readonly sent: { readonly bytes: number; readonly ofBytes: number } | undefined;
  /** The last lines of the container that failed. */
  readonly logs: readonly string[];
}

export const beginRun = (operation: DeploymentOperation, fileBytes?: number): OperationRun => ({
  operation,
  state: 'running',
  text: fileBytes === undefined ? 'It begins' : 'The archive is being sent',
  sent: fileBytes === undefined ? undefined : { bytes: 0, ofBytes: fileBytes },
  logs: [],
});

/** So much of the file has gone. */
export function withSent(run: OperationRun, bytes: number): OperationRun {
  if (run.sent === undefined) return run;
  const { ofBytes } = run.sent;
  if (bytes < ofBytes) return { ...run, sent: { bytes, ofBytes } };
  return { ...run, sent: undefined, text: 'The archive is sent; the agent checks it and starts it' };
}

export const withFailure = (run: OperationRun, why: string): OperationRun => ({
  ...run,
  state: 'failed',
  sent: undefined,
  text: why,
});

type Line<Event extends OperationLine['event']> = Extract<OperationLine, { readonly event: Event }>;

function doneText({ state, generation, gapMs, removed }: Line<'done'>): string {
  const parts = [
    `It is ${state}`,
    ...(generation === null ? [] : [`version ${generation}`]),
    ...(gapMs === null ? [] : [`nobody answered for ${gapMs} ms`]),
    ...(removed.length === 0 ? [] : [`${countText(removed.length, 'version')} removed`]),
  ];
  return parts.join(', ');
}

function failureText({ detail, serving }: Line<'failed'>): string {
  const why = detail ?? 'It failed, and the agent did not say why';
  if (serving === undefined) return why;
  return serving === null ? `${why} – nothing serves now` : `${why} – ${serving} serves on`;
}

/** How a run is after a line of the agent's. */
export function withLine(run: OperationRun, line: OperationLine): OperationRun {
  switch (line.event) {
    case 'begun':
      // What is being sent says more.
      return run.sent === undefined ? { ...run, text: 'It is being done' } : run;
    case 'received':
      return run.sent === undefined ? { ...run, text: `${sizeText(line.receivedBytes)} have come` } : run;
    case 'loaded':
      return { ...run, sent: undefined, text: `${line.image} is loaded, ${sizeText(line.sizeBytes)}` };
    case 'step':
      return { ...run, sent: undefined, text: line.step };
    case 'done':
      return { ...run, state: 'done', sent: undefined, text: doneText(line) };
    case 'failed':
      return { ...withFailure(run, failureText(line)), logs: line.logs ?? [] };
    default:
      // Of an agent of another version.
      return run;
  }
}
