// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import { addOptions } from '@local-datastore/shared/command-line/options';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { Command } from 'commander';
import { readAdminCertificates } from '../access/open-registry-access.ts';
import { whyNoGrants } from '../access/registry-principals.ts';
import { inspectWriteToken } from '../access/write-token.ts';
import { createReport, unreadableReport } from '../check/create-report.ts';
import { formatReport } from '../check/format-report.ts';
import type { CheckReport } from '../check/report.ts';
import { SERVE_OPTIONS, type ServeOptions } from '../config.ts';
import { decideTls } from '../tls/decide-tls.ts';
import { whyNoUpstreams } from '../upstream/open-upstreams.ts';
import type { CommandContext } from './command-context.ts';
import { advertisementChoices, type EffectiveOptions, readEffectiveOptions } from './effective-options.ts';
import { readCredentialOf } from './read-credential.ts';

/** Where the write token is or will be made; undefined when it is given as such. */
async function findWriteToken(options: ServeOptions): Promise<string | undefined> {
  const { writeToken: token, writeTokenFile: tokenFile, state } = options;
  return (await inspectWriteToken({ token, tokenFile, stateDirectory: resolve(state) })).file;
}

async function checkConfiguration(command: Command): Promise<CheckReport> {
  let effective: EffectiveOptions;
  try {
    effective = await readEffectiveOptions(command);
  } catch (error) {
    if (error instanceof ConfigurationError) return unreadableReport(error.message);
    throw error;
  }
  const { options } = effective;
  return createReport(
    {},
    {
      options,
      tls: () => decideTls(options),
      choices: (isTlsOn) => advertisementChoices(effective, isTlsOn),
      writeTokenFile: () => findWriteToken(options),
      readCredential: () => readCredentialOf(options),
      async whyNoGrants() {
        await readAdminCertificates(options.adminCertificate);
        return whyNoGrants({ grantsFile: options.grants, stateDirectory: resolve(options.state) });
      },
      whyNoUpstreams: () =>
        whyNoUpstreams({ upstreamsFile: options.upstreams, stateDirectory: resolve(options.state) }),
    },
  );
}

/** `datastore-app check`: what `serve` with the same options would do, and what is wrong. */
export function checkCommand({ stdout }: CommandContext): Command {
  const command = new Command('check')
    .summary('print what serve would do, and what is wrong')
    .description(
      'Prints what would be advertised and served with these options, and what is wrong, and starts nothing. Asks on the link for neighbours whose names contain this host name. Exit code 2 when the configuration is wrong.',
    );
  addOptions(command, SERVE_OPTIONS).option('--json', 'print one JSON document');
  return command.action(async () => {
    const report = await checkConfiguration(command);
    const isJson = command.opts<{ json?: true }>().json === true;
    stdout.write(isJson ? jsonText(report) : formatReport(report));
    const [first] = report.problems.filter(({ severity }) => severity === 'error');
    if (first !== undefined) throw new ConfigurationError(first.message);
  });
}
