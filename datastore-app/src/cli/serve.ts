// SPDX-License-Identifier: Apache-2.0
import {
  effectiveOptions,
  printEffectiveOptions,
} from '@local-datastore/shared/command-line/effective-options';
import { addOptions } from '@local-datastore/shared/command-line/options';
import { settingsSchema } from '@local-datastore/shared/command-line/settings-schema';
import { Command } from 'commander';
import { SERVE_OPTIONS, SETTINGS_TITLE } from '../config.ts';
import { decideTls } from '../tls/decide-tls.ts';
import type { CommandContext } from './command-context.ts';
import { advertisementChoices, readEffectiveOptions } from './effective-options.ts';
import { readCredentialOf } from './read-credential.ts';

interface PrintOptions {
  readonly config?: string;
  readonly printConfig?: true;
  readonly printConfigSchema?: true;
}

/** `datastore-app serve`. */
export function serveCommand(context: CommandContext): Command {
  const { stdout } = context;
  const command = new Command('serve')
    .summary('serve images and advertise the host name')
    .description('Serves the files below a folder over HTTP, and advertises the host name by multicast DNS.');
  addOptions(command, SERVE_OPTIONS)
    .option('--print-config', 'print the effective settings as a YAML file, with the source of each, and end')
    .option('--print-config-schema', 'print the JSON Schema of a configuration file, and end');
  return command.action(async () => {
    const { config, printConfig, printConfigSchema } = command.opts<PrintOptions>();
    if (printConfigSchema === true) {
      stdout.write(`${JSON.stringify(settingsSchema(SETTINGS_TITLE, SERVE_OPTIONS), null, 2)}\n`);
      return;
    }
    const effective = await readEffectiveOptions(command);
    const { options } = effective;
    const tls = decideTls(options);
    const choices = advertisementChoices(effective, tls.kind !== 'off');
    const readCredential = readCredentialOf(options);
    if (printConfig === true) {
      stdout.write(printEffectiveOptions(effectiveOptions(command, SERVE_OPTIONS, config)));
      return;
    }
    // Only who serves loads what serving takes: other commands start in half the time.
    const { runServer } = await import('./run-server.ts');
    await runServer(context, { options, tls, choices, readCredential });
  });
}
