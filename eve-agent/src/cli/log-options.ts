// SPDX-License-Identifier: Apache-2.0
import { type OptionDescription, wholeNumber } from '@local-datastore/shared/command-line/options';
import { jsonLine } from '@local-datastore/shared/text/json-text';
import { terminalText } from '@local-datastore/shared/text/printable-text';
import * as z from 'zod';
import { askForLines } from '../api/operation-client.ts';
import { agentPlaceOf, CLIENT_OPTIONS, type ClientOptions } from './agent-client.ts';
import type { CommandContext } from './command-context.ts';

/** What a command may say that prints what a container or a VM wrote. */
export interface LogOptions extends ClientOptions {
  readonly tail: number;
  readonly follow?: true;
  readonly timestamps?: true;
}

export const LOG_OPTIONS: readonly OptionDescription[] = [
  ...CLIENT_OPTIONS,
  {
    flags: '--tail <lines>',
    description: 'so many of the last lines',
    environment: 'EVE_AGENT_TAIL',
    get schema() {
      return wholeNumber(0, 10_000);
    },
    default: 200,
  },
  {
    flags: '-f, --follow',
    description: 'go on with new lines until it is interrupted',
    environment: 'EVE_AGENT_FOLLOW',
    get schema() {
      return z.boolean();
    },
  },
  {
    flags: '--timestamps',
    description: 'the time before each line',
    get schema() {
      return z.boolean();
    },
  },
];

/** What a container or a VM wrote. */
export const lineSchema = z.looseObject({ text: z.string(), at: z.string().nullable() });

/** Prints a log of the running agent. @param path of the log @throws AgentApiError; the signal's reason */
export async function printLog(
  { stdout, signal }: Pick<CommandContext, 'stdout' | 'signal'>,
  options: LogOptions,
  path: string,
): Promise<void> {
  const query = new URLSearchParams({
    tail: String(options.tail),
    follow: String(options.follow === true),
    timestamps: String(options.timestamps === true),
  });
  const wanted = { method: 'GET' as const, path: `${path}?${query}` };
  for await (const document of askForLines(agentPlaceOf(options), wanted, signal)) {
    const line = lineSchema.parse(document);
    const text = `${line.at === null ? '' : `${line.at} `}${line.text}\n`;
    stdout.write(options.json === true ? jsonLine(line) : terminalText(text));
  }
}
