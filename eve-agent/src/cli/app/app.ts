import {
  type AppInstanceStatus,
  appInstanceStatusSchema,
} from '@local-datastore/shared/eve/app-instance-status';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { Command } from 'commander';
import * as z from 'zod';
import { addConfigurableOptions } from '../../config.ts';
import type { AppAction } from '../../launch/apps/app-action.ts';
import { CLIENT_OPTIONS, type ClientOptions, connectAgent, parseUuid } from '../agent-client.ts';
import type { CommandContext } from '../command-context.ts';
import { tableLines } from '../text-table.ts';

const SUMMARIES: Readonly<Record<AppAction, string>> = {
  restart: 'start an app again',
  purge: 'make an app anew from its image',
};

/** Apps as a table, what is wrong with one below its row. */
export function appsTable(apps: readonly AppInstanceStatus[]): string {
  if (apps.length === 0) return 'The configuration has no apps.\n';
  const rows = apps.map(({ AppID, DisplayName, State, IPAddress, Bridge, Image }) => [
    printableText(AppID),
    State,
    IPAddress || '-',
    Bridge || '-',
    printableText(DisplayName),
    printableText(Image) || '-',
  ]);
  const [head = '', ...lines] = tableLines(['UUID', 'STATE', 'ADDRESS', 'BRIDGE', 'NAME', 'IMAGE'], rows);
  const told = apps.flatMap(({ Error: reason, Warnings }, index) => [
    lines[index] ?? '',
    ...(reason === '' ? [] : [`    ${printableText(reason)}`]),
    ...Warnings.map((warning) => `    warning: ${printableText(warning)}`),
  ]);
  return `${[head, ...told].join('\n')}\n`;
}

function listCommand({ stdout, signal }: CommandContext): Command {
  const command = new Command('list').description('Lists the apps of the configuration, and what they do.');
  return addConfigurableOptions(command, CLIENT_OPTIONS).action(async () => {
    const options = command.opts<ClientOptions>();
    const answer = await connectAgent(options).ask('GET', '/v1/apps', signal);
    const apps = z.array(appInstanceStatusSchema).parse(answer);
    stdout.write(options.json === true ? jsonText(apps) : appsTable(apps));
  });
}

function actionCommand(action: AppAction, { stdout, signal }: CommandContext): Command {
  const command = new Command(action)
    .summary(SUMMARIES[action])
    .description(`Asks the running agent to ${SUMMARIES[action]}.`)
    .argument('<uuid...>', 'apps, as "eve-agent app list" has them');
  return addConfigurableOptions(command, CLIENT_OPTIONS).action(async (texts: readonly string[]) => {
    const options = command.opts<ClientOptions>();
    const client = connectAgent(options);
    const statuses: AppInstanceStatus[] = [];
    for (const uuid of texts.map(parseUuid)) {
      const answer = await client.ask('POST', `/v1/apps/${uuid}/${action}`, signal);
      statuses.push(appInstanceStatusSchema.parse(answer));
    }
    stdout.write(options.json === true ? jsonText(statuses) : appsTable(statuses));
  });
}

/** `eve-agent app`. */
export function appCommand(context: CommandContext): Command {
  return new Command('app')
    .summary('the apps of the device’s configuration')
    .description('Shows and steers the apps that the running agent launches (eve-agent run --apps).')
    .addCommand(listCommand(context))
    .addCommand(actionCommand('restart', context))
    .addCommand(actionCommand('purge', context));
}
