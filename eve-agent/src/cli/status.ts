// SPDX-License-Identifier: Apache-2.0
import { problemText } from '@local-datastore/shared/eve/config-entry';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { countText } from '@local-datastore/shared/text/quantities';
import { wrapLine } from '@local-datastore/shared/text/wrap-words';
import { Command } from 'commander';
import type * as z from 'zod';
import { agentStatusSchema } from '../api/status-schema.ts';
import { addConfigurableOptions } from '../config.ts';
import { CLIENT_OPTIONS, type ClientOptions, connectAgent } from './agent-client.ts';
import { appStatusTable } from './app-status.ts';
import type { CommandContext } from './command-context.ts';
import { statusTable } from './status-table.ts';
import { timeLines } from './time-status.ts';

export type ServiceStatus = z.infer<ReturnType<typeof agentStatusSchema>>;

const STATES = { running: 'runs', starting: 'is being started', failing: 'ends again and again' } as const;

/** A process without rights, with what is in force of it. */
function processLines({
  name,
  state,
  pid,
  restarts,
  layers,
  missing,
  droppedDatagrams,
}: ServiceStatus['processes'][number]) {
  const which = pid === null ? '' : ` (pid ${pid})`;
  const again =
    restarts === 0 ? '' : `, started again ${restarts === 1 ? 'once' : countText(restarts, 'time')}`;
  const inForce = layers.length === 0 ? '' : `: ${layers.join(', ')}`;
  return [
    `Process ${printableText(name)}${which} ${STATES[state]}${again}${printableText(inForce)}`,
    ...(droppedDatagrams === 0 ? [] : [`    ${countText(droppedDatagrams, 'datagram')} kept from it`]),
    ...[...Map.groupBy(missing, ({ reason }) => reason)].map(([reason, those]) => {
      const layers = those.map(({ layer }) => printableText(layer)).join(', ');
      return `    without ${layers}, since ${printableText(reason)}`;
    }),
  ];
}

/** Only what is not told by the process itself. */
function separationLines(separation: ServiceStatus['separation']): string[] {
  if (separation?.state !== 'off') return [];
  const why = separation.reason === null ? '' : `: ${printableText(separation.reason)}`;
  return [`One process does it all, without separation${why}`];
}

function dhcpLine({ interface: name, address, server, reason }: ServiceStatus['dhcp'][number]): string {
  if (address === null) {
    const why = reason === null ? '' : `: ${printableText(reason)}`;
    return `${printableText(name)} has no address by DHCP yet${why}`;
  }
  const from = server === null ? '' : ` from ${printableText(server)}`;
  return `${printableText(name)} has ${printableText(address)} by DHCP${from}`;
}

/** The status as people read it. @param columns of the terminal; absent: none */
export function statusText(
  { configuration, contentTrees, apps, separation, processes, dhcp, ntp }: ServiceStatus,
  columns = Number.POSITIVE_INFINITY,
): string {
  const { source, state, appliedAt, problems, warnings } = configuration;
  const confined = [
    ...dhcp.map(dhcpLine),
    ...(ntp === null ? [] : timeLines(ntp)),
    ...separationLines(separation),
    ...processes.flatMap(processLines),
  ];
  const told = (sentences: readonly string[]) =>
    sentences.flatMap((sentence) => wrapLine(sentence, columns).map((line) => `${line}\n`)).join('');
  if (state === 'none') return told(['No configuration is in force.', ...confined]);
  const from = source === null ? '' : ` from ${printableText(source)}`;
  const lines = [
    appliedAt === null
      ? 'No configuration is in force.'
      : `Configuration${from}, in force since ${appliedAt}`,
  ];
  for (const warning of warnings) lines.push(`    warning: ${printableText(warning)}`);
  if (state === 'refused' || state === 'partial') {
    const what =
      state === 'refused' ? 'A newer one is' : 'What they said before stays, as documents of it are';
    lines.push(`${what} REFUSED:`);
    for (const problem of problems) lines.push(`    ${printableText(problemText(problem))}`);
  }
  const launched = apps === null ? '' : `\n${appStatusTable(apps, columns)}`;
  return `${told([...lines, ...confined])}\n${statusTable(contentTrees, columns)}${launched}`;
}

/** `eve-agent status`. */
export function statusCommand({ stdout, signal }: CommandContext): Command {
  const command = new Command('status')
    .summary('what the running agent has and is doing')
    .description('Prints the configuration in force, every content tree and every app of the running agent.');
  return addConfigurableOptions(command, CLIENT_OPTIONS).action(async () => {
    const options = command.opts<ClientOptions>();
    const status = agentStatusSchema().parse(await connectAgent(options).ask('GET', '/v1/status', signal));
    stdout.write(options.json === true ? jsonText(status) : statusText(status, stdout.columns));
  });
}
