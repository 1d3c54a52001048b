// SPDX-License-Identifier: Apache-2.0
import { jsonText } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { Command } from 'commander';
import * as z from 'zod';
import { addConfigurableOptions } from '../../config.ts';
import { deploymentViewSchema } from '../../launch/deployments/deployment-view.ts';
import { historyEntrySchema } from '../../launch/deployments/history.ts';
import type { ChangingOperation } from '../../launch/deployments/operations.ts';
import { CLIENT_OPTIONS, type ClientOptions, connectAgent } from '../agent-client.ts';
import type { CommandContext } from '../command-context.ts';
import { LOG_OPTIONS, type LogOptions, printLog } from '../log-options.ts';
import { DEPLOYMENTS, findOneNamed } from '../named-things.ts';
import { deploymentsTable, historyTable } from './deploy-text.ts';
import { deploymentPath, openArchive, runOperation, sortLoadArguments } from './run-operation.ts';

const SUMMARIES: Readonly<Record<Exclude<ChangingOperation, 'load' | 'pull'>, string>> = {
  start: 'start a deployment that was stopped, as the configuration has it now',
  stop: 'stop a deployment; it stays stopped',
  restart: 'stop a deployment, and start it again as the configuration has it now',
  rollback: 'replace what runs by the version before it',
  prune: 'remove old versions, and images that no version needs',
  delete: 'remove all versions of a deployment; it can be loaded again',
};
const NAME_HELP = 'the deployment, as "eve-agent deploy list" has it, or a unique beginning of its name';

const configurationSchema = z.object({
  file: z.string(),
  problem: z.string().nullable(),
  warnings: z.array(z.string()),
});

/** `eve-agent deploy`. */
export function deployCommand(context: CommandContext): Command {
  const { stdout, stderr, signal } = context;
  const nested = (name: string, summary: string) =>
    new Command(name).summary(summary).description(`Asks the running agent to ${summary}.`);

  /** @throws ConfigurationError where several names begin so */
  const nameOf = (options: ClientOptions, word: string) =>
    findOneNamed(connectAgent(options), DEPLOYMENTS, word, signal);

  function list(): Command {
    const command = new Command('list')
      .summary('list the deployments, and what runs of each')
      .description('Lists the deployments of the running agent, and what runs of each.');
    return addConfigurableOptions(command, CLIENT_OPTIONS).action(async () => {
      const options = command.opts<ClientOptions>();
      const client = connectAgent(options);
      const deployments = z
        .array(deploymentViewSchema)
        .parse(await client.ask('GET', '/v1/deployments', signal));
      const { file, problem, warnings } = configurationSchema.parse(
        await client.ask('GET', '/v1/deployment-configuration', signal),
      );
      const notes = [
        ...(problem === null ? [] : [`what ${file} says now is not in force: ${problem}`]),
        ...warnings.map((warning) => `${file}: ${warning}`),
      ];
      for (const note of notes) stderr.write(`${printableText(note)}\n`);
      stdout.write(
        options.json === true ? jsonText(deployments) : deploymentsTable(deployments, stdout.columns),
      );
    });
  }

  function load(): Command {
    const command = nested('load', 'replace what runs by the image of an archive')
      .argument(
        '<file>',
        'an image archive, as "docker save" makes it, plain or compressed; "-" is standard input',
      )
      .argument('<name>', NAME_HELP);
    return addConfigurableOptions(command, CLIENT_OPTIONS).action(async (first: string, second: string) => {
      const { file, name } = sortLoadArguments(first, second);
      const options = command.opts<ClientOptions>();
      await runOperation(context, options, await nameOf(options, name), 'load', {
        archive: openArchive(file),
      });
    });
  }

  function pull(): Command {
    const command = nested('pull', 'pull an image from a registry, and replace what runs by it')
      .argument('<name>', NAME_HELP)
      .argument('[image]', 'such as docker://ds.local/web:1 (default: what the configuration says)');
    return addConfigurableOptions(command, CLIENT_OPTIONS).action(async (name: string, image?: string) => {
      const query = image === undefined ? {} : { query: new URLSearchParams({ image }) };
      const options = command.opts<ClientOptions>();
      await runOperation(context, options, await nameOf(options, name), 'pull', query);
    });
  }

  function simple(operation: keyof typeof SUMMARIES): Command {
    const command = nested(operation, SUMMARIES[operation]).argument('<name>', NAME_HELP);
    return addConfigurableOptions(command, CLIENT_OPTIONS).action(async (name: string) => {
      const options = command.opts<ClientOptions>();
      await runOperation(context, options, await nameOf(options, name), operation);
    });
  }

  function logs(): Command {
    const command = new Command('logs')
      .summary('the log of the container that serves')
      .description('Prints the last lines of the log of the container that serves.')
      .argument('<name>', NAME_HELP);
    return addConfigurableOptions(command, LOG_OPTIONS).action(async (name: string) => {
      const options = command.opts<LogOptions>();
      await printLog(context, options, deploymentPath(await nameOf(options, name), 'logs'));
    });
  }

  function history(): Command {
    const command = new Command('history')
      .summary('what was done to a deployment')
      .description('Prints what was done to a deployment, by whom, and what came of it; the newest first.')
      .argument('<name>', NAME_HELP);
    return addConfigurableOptions(command, CLIENT_OPTIONS).action(async (name: string) => {
      const options = command.opts<ClientOptions>();
      const path = deploymentPath(await nameOf(options, name), 'history');
      const answer = await connectAgent(options).ask('GET', path, signal);
      const entries = z.array(historyEntrySchema).parse(answer);
      stdout.write(options.json === true ? jsonText(entries) : historyTable(entries, stdout.columns));
    });
  }

  function inspect(): Command {
    const command = new Command('inspect')
      .summary('the container that serves, as the engine has it')
      .description('Prints the container that serves as one JSON document, as "docker inspect" does.')
      .argument('<name>', NAME_HELP);
    return addConfigurableOptions(command, CLIENT_OPTIONS).action(async (name: string) => {
      const options = command.opts<ClientOptions>();
      const path = deploymentPath(await nameOf(options, name), 'inspect');
      stdout.write(jsonText(await connectAgent(options).ask('GET', path, signal)));
    });
  }

  const command = new Command('deploy')
    .summary('load, start, stop and roll back the deployments of the running agent')
    .description('Works with the deployments of the running agent (its --deployments).');
  const changing = (Object.keys(SUMMARIES) as (keyof typeof SUMMARIES)[]).map(simple);
  for (const each of [list(), load(), pull(), ...changing, logs(), history(), inspect()])
    command.addCommand(each);
  return command;
}
