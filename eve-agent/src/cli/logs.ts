// SPDX-License-Identifier: Apache-2.0
import type { OptionDescription } from '@local-datastore/shared/command-line/options';
import { jsonLine } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { Command } from 'commander';
import * as z from 'zod';
import { addConfigurableOptions } from '../config.ts';
import { CLIENT_OPTIONS, type ClientOptions, connectAgent } from './agent-client.ts';
import type { CommandContext } from './command-context.ts';
import { CONTENT_TREES, findOneNamed } from './named-things.ts';

/** One line of the agent's log. */
export const lineSchema = z.looseObject({
  time: z.string(),
  level: z.string(),
  message: z.string(),
  fields: z.record(z.string(), z.unknown()),
});
export type ShownLine = z.infer<typeof lineSchema>;

const OPTIONS: readonly OptionDescription[] = [
  ...CLIENT_OPTIONS,
  {
    flags: '-f, --follow',
    description: 'go on with new lines until it is interrupted',
    environment: 'EVE_AGENT_FOLLOW',
    schema: z.boolean(),
  },
];

/** One line of the log for people: time, level, sentence, and the fields that it has. */
export function logText({ time, level, message, fields }: ShownLine): string {
  const facts = Object.entries(fields).flatMap(([key, value]) =>
    value === null ? [] : [`${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`],
  );
  return printableText(
    `${time} ${level.padEnd(5)} ${message}${facts.length === 0 ? '' : `  ${facts.join(' ')}`}`,
  );
}

/** `eve-agent logs`. */
export function logsCommand({ stdout, signal }: CommandContext): Command {
  const command = new Command('logs')
    .summary('the log of the running agent, or of one content tree')
    .description('Prints the last lines of the running agent’s log; of one content tree, if one is named.')
    .argument('[tree]', 'a content tree: its name or uuid, or a unique beginning of one');
  return addConfigurableOptions(command, OPTIONS).action(async (tree?: string) => {
    const options = command.opts<ClientOptions & { follow?: true }>();
    const client = connectAgent(options);
    const query = new URLSearchParams({ follow: String(options.follow === true) });
    if (tree !== undefined) query.set('tree', await findOneNamed(client, CONTENT_TREES, tree, signal));
    for await (const { data } of client.follow(`/v1/logs?${query}`, signal)) {
      const line = lineSchema.parse(data);
      stdout.write(options.json === true ? jsonLine(line) : `${logText(line)}\n`);
    }
  });
}
