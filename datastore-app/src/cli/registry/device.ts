// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { Command } from 'commander';
import { fingerprintsOf, parseFingerprint } from '../../access/certificate-fingerprint.ts';
import { DEVICE_ID } from '../../access/grants-document.ts';
import { TOKEN_PREFIX } from '../../access/principal-book.ts';
import type { DeviceRecord } from '../../access/registry-records.ts';
import type { CommandContext } from '../command-context.ts';
import { keepPrincipal, type PrincipalKind, principalCommand } from './principals.ts';
import { addRecordOptions } from './records.ts';
import { addSecretOption, readSecret } from './secret-option.ts';

const DEVICE: PrincipalKind<DeviceRecord> = {
  ...{ noun: 'device', key: 'id' },
  recordsOf: ({ devices }) => devices,
  fold: (id) => id.toLowerCase(),
  describe: ({ key, certificate = null }) => ({ hasKey: key !== undefined, certificate }),
  summarize: ({ key, certificate }) =>
    [key === undefined ? [] : 'key', certificate === undefined ? [] : `sha256:${certificate}`]
      .flat()
      .join(' '),
};

function parseId(given: string): string {
  const id = given.toLowerCase();
  if (DEVICE_ID.test(id) && !id.startsWith(TOKEN_PREFIX)) return id;
  throw new ConfigurationError(
    `device "${given}": its UUID expected, or another name of 1 to 64 letters, digits, ".", "_" and "-"`,
  );
}

/** @param given a fingerprint, or a file with one certificate in PEM */
async function readCertificate(given: string): Promise<string> {
  const fingerprint = parseFingerprint(given);
  if (fingerprint !== undefined) return fingerprint;
  try {
    const [first, ...others] = fingerprintsOf(await readFile(given, 'utf8'));
    if (first !== undefined && others.length === 0) return first;
    throw new Error('one certificate expected: that of the device alone');
  } catch (error) {
    throw new ConfigurationError(`--certificate ${given} cannot be used: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

function addCommand(context: CommandContext): Command {
  const command = new Command('add')
    .description(
      'Makes a device that may pull what is assigned to it, or gives it another key and certificate. A key is drawn and printed where neither is given.',
    )
    .argument('<id>', 'such as its UUID')
    .option(
      '--certificate <pem or sha256>',
      'file with its certificate, or the fingerprint of it: for HTTPS',
    );
  return addRecordOptions(addSecretOption(command, 'key')).action(async (given: string) => {
    const id = parseId(given);
    const { keyFile, certificate: from } = command.opts<{ keyFile?: string; certificate?: string }>();
    const certificate = from === undefined ? undefined : await readCertificate(from);
    const needsKey = keyFile !== undefined || certificate === undefined;
    const secret = needsKey ? await readSecret('key', keyFile, () => context.input) : undefined;
    const made = {
      ...{ name: id, facts: certificate === undefined ? {} : { certificate } },
      secret: { label: 'key', drawn: secret?.drawn },
    } as const;
    await keepPrincipal(context, command, DEVICE, made, (created) => ({
      ...(secret !== undefined && { key: secret.kept }),
      ...(certificate !== undefined && { certificate }),
      created,
    }));
  });
}

/** `datastore-app registry device add|remove|list`. */
export const deviceCommand = (context: CommandContext): Command =>
  principalCommand(context, DEVICE, {
    ...{ summary: 'devices that pull from the registry', add: addCommand(context) },
  });
