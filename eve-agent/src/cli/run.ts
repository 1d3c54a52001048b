// SPDX-License-Identifier: Apache-2.0
import { addOptions, applyConfigurationFile } from '@local-datastore/shared/command-line/options';
import { settingsSchema } from '@local-datastore/shared/command-line/settings-schema';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { runService } from '../service/run-service.ts';
import type { ServiceSettings } from '../service/service-settings.ts';
import { RUN_OPTIONS, RUN_SETTINGS, type RunOptions, SETTINGS_TITLE } from './agent-options.ts';
import type { CommandContext } from './command-context.ts';
import { separationOf } from './separation-options.ts';
import { leastRateOf } from './transfer-options.ts';

function settingsOf(options: RunOptions): ServiceSettings {
  const { tlsCertificate, tlsKey, clientCa, clientCrl } = options;
  return {
    configPath: options.config ?? null,
    statePath: options.state,
    imagesPath: options.images,
    api: {
      places: options.listen,
      tls: { certificate: tlsCertificate, key: tlsKey, clientCa, clientCrl },
      hasPage: options.page === true,
    },
    deployments:
      options.deployments === undefined
        ? null
        : {
            ...{ file: options.deployments, place: options.deployListen },
            registries: { auth: options.registryAuth, ca: options.ca },
          },
    apps: options.apps === true ? { engine: options.engine } : null,
    discovery: { bridges: options.bridge ?? [], timeoutMs: options.timeout * 1000 },
    transfer: {
      bytesPerSecond: options.rateLimit,
      stallTimeoutMs: options.stallTimeout * 1000,
      leastRate: leastRateOf(options),
      proxy: options.proxy,
      allowsInternalRedirects: options.allowInternalRedirects === true,
    },
    separation: separationOf(options),
    dhcp: options.dhcp ?? [],
    ntp: options.ntp ?? [],
    allowPlainCredentials: options.allowPlainCredentials === true,
    maxDownloads: options.maxDownloads,
    maxDownloadsPerDatastore: options.maxDownloadsPerDatastore,
    reserveBytes: options.reserve,
    graceMs: options.grace * 1000,
    retryMs: options.retryInterval * 1000,
    slowRetryMs: options.slowRetryInterval * 1000,
    scrubMs: options.scrubInterval * 3_600_000,
  };
}

/** `eve-agent run`. */
export function runCommand({ stdout, signal, createLog }: CommandContext): Command {
  const command = new Command('run')
    .summary('keep the images of a device as its configuration wants them')
    .description(
      'A long-lived service: reads a device configuration, downloads what its content trees name from their ' +
        'datastores, verifies it and keeps it, until it is stopped. Status is written below the state directory.',
    );
  addOptions(command, RUN_OPTIONS)
    .option('--print-settings-schema', 'print the JSON Schema of a settings file, and end')
    .hook('preAction', () => {
      const { settings } = command.opts<RunOptions>();
      if (settings !== undefined) applyConfigurationFile(command, RUN_SETTINGS, settings);
    });
  return command.action(async () => {
    if (command.opts<{ printSettingsSchema?: true }>().printSettingsSchema === true) {
      stdout.write(jsonText(settingsSchema(SETTINGS_TITLE, RUN_SETTINGS)));
      return;
    }
    const options = command.opts<RunOptions>();
    const deps = { version: packageJson.version, log: createLog(options.logLevel, options.logFormat) };
    await runService(settingsOf(options), deps, signal);
  });
}
