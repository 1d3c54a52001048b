import { readFile } from 'node:fs/promises';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { Command } from 'commander';
import { fingerprintsOf, parseFingerprint } from '../../access/certificate-fingerprint.ts';
import { DEVICE_ID } from '../../access/grants-document.ts';
import { TOKEN_PREFIX } from '../../access/principal-book.ts';
import type { CommandContext } from '../command-context.ts';
import { addRecordOptions, enterRecords, findRecords, isJson } from './records.ts';
import { addSecretOption, readSecret } from './secret-option.ts';

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
    const { devices } = await enterRecords(command);
    const isNew = await devices.edit((records) => {
      const before = records.get(id);
      records.set(id, {
        ...(secret !== undefined && { key: secret.kept }),
        ...(certificate !== undefined && { certificate }),
        created: before?.created ?? new Date().toISOString(),
      });
      return before === undefined;
    });
    const { drawn } = secret ?? {};
    if (isJson(command)) {
      const known = {
        ...(certificate !== undefined && { certificate }),
        ...(drawn !== undefined && { key: drawn }),
      };
      context.stdout.write(jsonText({ id, isNew, ...known }));
      return;
    }
    context.stderr.write(isNew ? `device ${id} is made\n` : `device ${id} is changed\n`);
    if (drawn !== undefined) context.stdout.write(`${drawn}\n`);
  });
}

function removeCommand({ stdout, stderr }: CommandContext): Command {
  const command = new Command('remove').description('Removes a device.').argument('<id>');
  return addRecordOptions(command).action(async (given: string) => {
    const id = given.toLowerCase();
    const { devices } = await enterRecords(command);
    await devices.edit((records) => {
      if (records.delete(id)) return;
      throw new ConfigurationError(
        `there is no device "${id}" (those of the file of grants are removed there)`,
      );
    });
    if (isJson(command)) stdout.write(jsonText({ id }));
    else stderr.write(`device ${id} is removed\n`);
  });
}

function listCommand({ stdout }: CommandContext): Command {
  const command = new Command('list').description('Lists the devices that were made by command.');
  return addRecordOptions(command).action(async () => {
    const devices = [...(await findRecords(command).devices.read())]
      .map(([id, { key, certificate = null, created }]) => ({
        id,
        hasKey: key !== undefined,
        certificate,
        created,
      }))
      .sort((one, other) => (one.id < other.id ? -1 : 1));
    if (isJson(command)) {
      stdout.write(jsonText({ devices }));
      return;
    }
    for (const { id, hasKey, certificate, created } of devices) {
      const ways = [...(hasKey ? ['key'] : []), ...(certificate === null ? [] : [`sha256:${certificate}`])];
      stdout.write(`${id}  ${created}  ${ways.join(' ')}\n`);
    }
  });
}

/** `datastore-app registry device add|remove|list`. */
export function deviceCommand(context: CommandContext): Command {
  return new Command('device')
    .summary('devices that pull from the registry')
    .addCommand(addCommand(context))
    .addCommand(removeCommand(context))
    .addCommand(listCommand(context));
}
