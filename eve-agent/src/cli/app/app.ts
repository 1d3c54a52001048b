// SPDX-License-Identifier: Apache-2.0
import {
  type AppInstanceStatus,
  appInstanceStatusSchema,
} from '@local-datastore/shared/eve/app-instance-status';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { tableText } from '@local-datastore/shared/text/text-table';
import { Command } from 'commander';
import * as z from 'zod';
import { openConsole } from '../../api/console-client.ts';
import { addConfigurableOptions, jsonOption } from '../../config.ts';
import type { AppAction } from '../../launch/apps/app-action.ts';
import { agentPlaceOf, CLIENT_OPTIONS, type ClientOptions, connectAgent } from '../agent-client.ts';
import type { CommandContext } from '../command-context.ts';
import { LOG_OPTIONS, type LogOptions, printLog } from '../log-options.ts';
import { APPS, findNamed, findOneNamed } from '../named-things.ts';
import { joinConsole } from './console.ts';

const APP_HELP = 'an app: its name or uuid, or a unique beginning of one';
const SUMMARIES: Readonly<Record<AppAction, string>> = {
  restart: 'start an app again',
  purge: 'make an app anew from its image',
};

/** Apps as a table, what is wrong with one below its row. @param columns of the terminal; absent: none */
export function appsTable(apps: readonly AppInstanceStatus[], columns?: number): string {
  if (apps.length === 0) return 'The configuration has no apps.\n';
  const rows = apps.map(
    ({ AppID, DisplayName, State, IPAddress, Bridge, Image, Error: reason, Warnings }) => ({
      cells: [
        printableText(AppID),
        State,
        IPAddress || '-',
        Bridge || '-',
        printableText(DisplayName),
        printableText(Image) || '-',
      ],
      notes: [
        ...(reason === '' ? [] : [printableText(reason)]),
        ...Warnings.map((warning) => `warning: ${printableText(warning)}`),
      ],
    }),
  );
  return tableText(['UUID', 'STATE', 'ADDRESS', 'BRIDGE', 'NAME', 'IMAGE'], rows, { columns });
}

function listCommand({ stdout, signal }: CommandContext): Command {
  const command = new Command('list').description('Lists the apps of the configuration, and what they do.');
  return addConfigurableOptions(command, CLIENT_OPTIONS).action(async () => {
    const options = command.opts<ClientOptions>();
    const answer = await connectAgent(options).ask('GET', '/v1/apps', signal);
    const apps = z.array(appInstanceStatusSchema).parse(answer);
    stdout.write(options.json === true ? jsonText(apps) : appsTable(apps, stdout.columns));
  });
}

function actionCommand(action: AppAction, { stdout, signal }: CommandContext): Command {
  const command = new Command(action)
    .summary(SUMMARIES[action])
    .description(`Asks the running agent to ${SUMMARIES[action]}.`)
    .argument('<app...>', 'apps: names or uuids of "eve-agent app list", or unique beginnings of them');
  return addConfigurableOptions(command, CLIENT_OPTIONS).action(async (texts: readonly string[]) => {
    const options = command.opts<ClientOptions>();
    const client = connectAgent(options);
    const statuses: AppInstanceStatus[] = [];
    for (const uuid of await findNamed(client, APPS, texts, signal)) {
      const answer = await client.ask('POST', `/v1/apps/${uuid}/${action}`, signal);
      statuses.push(appInstanceStatusSchema.parse(answer));
    }
    stdout.write(options.json === true ? jsonText(statuses) : appsTable(statuses));
  });
}

function logsCommand(context: CommandContext): Command {
  const command = new Command('logs')
    .summary('what an app wrote: the log of its container, or the serial console of its VM')
    .description('Prints the last lines that an app wrote: of a VM what it wrote to its serial console.')
    .argument('<app>', APP_HELP);
  return addConfigurableOptions(command, LOG_OPTIONS).action(async (word: string) => {
    const options = command.opts<LogOptions>();
    const uuid = await findOneNamed(connectAgent(options), APPS, word, context.signal);
    await printLog(context, options, `/v1/apps/${uuid}/logs`);
  });
}

function consoleCommand({ terminal, stderr, signal }: CommandContext): Command {
  const command = new Command('console')
    .summary('the serial console of a VM; Ctrl-] leaves it')
    .description(
      'Joins the terminal with the serial console of an app that is a VM: each key goes to it, also Ctrl-C, and what ' +
        'it writes acts on the terminal. Ctrl-] leaves it, and changes nothing of the VM. Without a terminal, what ' +
        'comes from standard input is typed.',
    )
    .argument('<app>', APP_HELP);
  // What a console shows is no document.
  const taken = CLIENT_OPTIONS.filter((each) => each !== jsonOption);
  return addConfigurableOptions(command, taken).action(async (word: string) => {
    const options = command.opts<ClientOptions>();
    const uuid = await findOneNamed(connectAgent(options), APPS, word, signal);
    const console = await openConsole(agentPlaceOf(options), uuid, signal);
    const isTerminal = terminal.input.isTTY === true;
    if (isTerminal) stderr.write(`The console of ${uuid}; Ctrl-] leaves it.\n`);
    const how = await joinConsole(terminal, console, signal);
    if (isTerminal) stderr.write(how === 'left' ? '\nThe console was left.\n' : '\nThe VM has ended.\n');
  });
}

/** `eve-agent app`. */
export function appCommand(context: CommandContext): Command {
  return new Command('app')
    .summary('the apps of the device’s configuration')
    .description('Shows and steers the apps that the running agent launches (eve-agent run --apps).')
    .addCommand(listCommand(context))
    .addCommand(actionCommand('restart', context))
    .addCommand(actionCommand('purge', context))
    .addCommand(logsCommand(context))
    .addCommand(consoleCommand(context));
}
