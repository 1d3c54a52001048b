// SPDX-License-Identifier: Apache-2.0
import { printableText } from '@local-datastore/shared/text/printable-text';
import type * as z from 'zod';
import type { timeStatusSchema } from '../api/status-schema.ts';

export type TimeStatus = z.infer<ReturnType<typeof timeStatusSchema>>;

const STATES: Readonly<Record<string, string>> = {
  starting: 'no server was asked yet',
  measuring: 'its servers are being asked',
  unreachable: 'no server answers',
  'no-server-fit': 'no server knows it well enough',
  'no-agreement': 'the servers do not agree',
  denied: 'every server sent its client away',
};

const MS_DIGITS = 3;
const millisecondsText = (ms: number) => `${Math.abs(ms).toFixed(MS_DIGITS)} ms`;

/** How far the clock is off, as far as that is known. */
function offText({ offsetMs, errorMs, server }: TimeStatus): string {
  if (offsetMs === null) return '';
  const than = server === null ? 'its servers' : printableText(server);
  const within = errorMs === null ? '' : `, give or take ${millisecondsText(errorMs)}`;
  return `, ${millisecondsText(offsetMs)} ${offsetMs < 0 ? 'ahead of' : 'behind'} ${than}${within}`;
}

function stateText(status: TimeStatus): string {
  const { state, refusal, stratum } = status;
  if (state === 'synchronized') {
    return `the clock is kept right${stratum === null ? '' : ` at stratum ${stratum}`}${offText(status)}`;
  }
  if (state === 'watched') return `the clock is only watched${offText(status)}`;
  if (state === 'refused') {
    return `the clock is not moved (${printableText(refusal ?? state)})${offText(status)}`;
  }
  return STATES[state] ?? printableText(state);
}

function serverLine({
  name,
  address,
  role,
  trouble,
  stratum,
  isReached,
  offsetMs,
}: TimeStatus['servers'][number]) {
  const where = address === null || address === name ? '' : ` (${printableText(address)})`;
  const which = stratum === null ? '' : `, stratum ${stratum}`;
  const off =
    offsetMs === null
      ? ''
      : `, ${millisecondsText(offsetMs)} ${offsetMs < 0 ? 'behind' : 'ahead of'} this clock`;
  const answers = address === null ? ', not found' : isReached ? '' : ', no answer';
  const wrong = trouble === null ? '' : `, ${printableText(trouble)}`;
  return `    ${printableText(name)}${where}: ${printableText(role)}${which}${off}${answers}${wrong}`;
}

/** The clock and its time servers, as people read it. */
export function timeLines(status: TimeStatus): string[] {
  const { watchedSince, lastStep, servers } = status;
  return [
    `Time: ${stateText(status)}`,
    ...(watchedSince === null ? [] : [`    it is never set, since ${printableText(watchedSince)}`]),
    ...(lastStep === null
      ? []
      : [
          `    it was set by ${(lastStep.byMs / 1000).toFixed(MS_DIGITS)} s at ${printableText(lastStep.at)}`,
        ]),
    ...servers.map(serverLine),
  ];
}
