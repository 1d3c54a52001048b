// SPDX-License-Identifier: Apache-2.0
import { printableText } from '@local-datastore/shared/text/printable-text';
import { tableText } from '@local-datastore/shared/text/text-table';
import type * as z from 'zod';
import type { DeploymentView, OperationResult } from '../../launch/deployments/deployment-view.ts';
import type { historyEntrySchema } from '../../launch/deployments/history.ts';
import type { FailedLine } from './operation-lines.ts';

type HistoryEntry = z.infer<typeof historyEntrySchema>;

const driftText = (drift: readonly string[], operation: string) =>
  `the configuration has other ${drift.join(', ')} by now: ${operation} puts it in force`;

/** Deployments as a table, what is wrong with one below its row. @param columns of the terminal; absent: none */
export function deploymentsTable(deployments: readonly DeploymentView[], columns?: number): string {
  if (deployments.length === 0) return 'There are no deployments.\n';
  const rows = deployments.map(({ name, state, health, generation, kept, image, ...others }) => {
    const { problem, operation, drift } = others;
    return {
      cells: [
        printableText(name),
        state,
        health,
        generation === null ? '-' : String(generation),
        kept.join(',') || '-',
        printableText(image) || '-',
      ],
      notes: [
        ...(operation === null
          ? []
          : [`${operation.operation} since ${operation.since}, by ${printableText(operation.by)}`]),
        ...(problem === null ? [] : [printableText(problem)]),
        ...(drift.length === 0 ? [] : [driftText(drift, state === 'stopped' ? 'start' : 'restart')]),
      ],
    };
  });
  return tableText(['NAME', 'STATE', 'HEALTH', 'VERSION', 'KEPT', 'IMAGE'], rows, { columns });
}

const secondsText = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/** What an operation came to. */
export function resultText(result: OperationResult): string {
  const { name, operation, state, generation, image, gapMs, durationMs, removed, applied } = result;
  const version = generation === null ? '' : `, version ${generation}`;
  const gap = gapMs === null ? '' : `; nobody answered for ${secondsText(gapMs)}`;
  return [
    `${printableText(name)}: ${operation} done in ${secondsText(durationMs)}${gap}`,
    `${state}${version}${image === null ? '' : `, ${printableText(image)}`}`,
    ...(applied.length === 0 ? [] : [`a new version of the same image, by other ${applied.join(', ')}`]),
    ...removed.map((what) => `removed ${printableText(what)}`),
    '',
  ].join('\n');
}

/** What an operation failed by: why, what the container said, and what serves. */
export function failureText({ detail, logs, serving }: FailedLine): string {
  const said = logs.map((line) => `    | ${printableText(line)}`);
  const serves =
    serving === undefined
      ? []
      : [serving === null ? 'nothing serves' : `${printableText(serving)} serves on`];
  return [printableText(detail), ...said, ...serves].join('\n');
}

/** What was done to a deployment, as a table. @param columns of the terminal; absent: none */
export function historyTable(entries: readonly HistoryEntry[], columns?: number): string {
  if (entries.length === 0) return 'Nothing was done yet.\n';
  const rows = entries.map(({ time, operation, outcome, generation, durationMs, by, why }) => ({
    cells: [
      time,
      operation,
      outcome,
      generation === null ? '-' : String(generation),
      secondsText(durationMs),
      printableText(by),
      printableText(why ?? ''),
    ],
  }));
  return tableText(['TIME', 'OPERATION', 'OUTCOME', 'VERSION', 'TOOK', 'BY', 'WHY'], rows, { columns });
}
