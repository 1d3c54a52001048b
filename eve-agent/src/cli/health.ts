// SPDX-License-Identifier: Apache-2.0
import { EXIT_CODES } from '@local-datastore/shared/command-line/exit-codes';
import type { OptionDescription } from '@local-datastore/shared/command-line/options';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { Command } from 'commander';
import * as z from 'zod';
import { askReadiness } from '../api/ask-readiness.ts';
import { addConfigurableOptions } from '../config.ts';
import { agentPlaceOf, CLIENT_OPTIONS, type ClientOptions } from './agent-client.ts';
import type { CommandContext } from './command-context.ts';
import { EndWithExitCode } from './exit-code.ts';

const OPTIONS: readonly OptionDescription[] = [
  ...CLIENT_OPTIONS,
  {
    flags: '--ready',
    description: 'that it answers is not enough: a configuration is in force, and the newest is not refused',
    get schema() {
      return z.boolean();
    },
  },
];

/** What `health --json` prints. */
export const healthSchema = () =>
  z.object({
    isReady: z.boolean().describe('A configuration is in force, and the newest is not refused.'),
    reasons: z.array(z.string()).describe('Why it is not.'),
  });

/** `eve-agent health`: it loads little, as it is called every few seconds. */
export function healthCommand({ stdout, stderr, signal }: CommandContext): Command {
  const command = new Command('health')
    .summary('whether the running agent answers, and is ready')
    .description(
      'Asks the running agent whether it is well. Exit code 0: it answers; 2: nobody answers; 4, with --ready: it ' +
        'does not do what its newest configuration says, for the reason that is told.',
    );
  return addConfigurableOptions(command, OPTIONS).action(async () => {
    const options = command.opts<ClientOptions & { readonly ready?: true }>();
    const reason = await askReadiness(agentPlaceOf(options), signal);
    const isReady = reason === null;
    const document: z.infer<ReturnType<typeof healthSchema>> = { isReady, reasons: isReady ? [] : [reason] };
    if (options.json === true) stdout.write(jsonText(document));
    else if (isReady) stdout.write('ready\n');
    else stderr.write(`not ready: ${printableText(reason)}\n`);
    if (!isReady && options.ready === true) throw new EndWithExitCode(EXIT_CODES.transferFailed);
  });
}
