// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { wholeNumber } from '@local-datastore/shared/command-line/options';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { isTag, TAG_RULES, whyNoRepositoryName } from '@local-datastore/shared/oci/reference';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { Command, InvalidArgumentError, Option } from 'commander';
import { TOKEN_PREFIX } from '../../access/principal-book.ts';
import { OPERATIONS, type Operation } from '../../access/registry-principal.ts';
import { forgetEnded } from '../../access/registry-records.ts';
import { drawSecret } from '../../access/secret-hash.ts';
import { loadTokenCertificate, loadTokenKey } from '../../access/token-key.ts';
import type { StorageOptions, UserOptions } from '../../settings/storage-options.ts';
import type { CommandContext } from '../command-context.ts';
import { readSettings } from '../effective-options.ts';
import { enterState } from '../enter-storage.ts';
import { addRecordOptions, enterRecords, findRecords, isJson } from './records.ts';

const ID_BYTES = 6;
const DEFAULT_SECONDS = 600;
const MAX_SECONDS = 7 * 86_400;

interface CreateOptions {
  readonly op: Operation;
  readonly repository: string;
  readonly tag?: string;
  readonly ttl: number;
}

function parseSeconds(text: string): number {
  const parsed = wholeNumber(1, MAX_SECONDS).safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(`${parsed.error.issues[0]?.message}.`);
}

function requireNames({ op, repository, tag }: CreateOptions): void {
  const why = whyNoRepositoryName(repository);
  if (why !== undefined) throw new ConfigurationError(`--repository "${repository}": ${why}`);
  if (tag === undefined) return;
  if (op === 'rename') throw new ConfigurationError('--tag: to rename is for a whole repository');
  if (!isTag(tag)) throw new ConfigurationError(`--tag "${tag}": ${TAG_RULES}`);
}

function createCommand({ stdout, stderr }: CommandContext): Command {
  const command = new Command('create')
    .description(
      'Makes a temporary token for one operation on one repository, and prints the user and the password to log in with. It ends by itself, and a minute after it did what it is for.',
    )
    .addOption(new Option('--op <operation>', 'what it is for').choices(OPERATIONS).makeOptionMandatory())
    .requiredOption('--repository <name>', 'of the registry, such as lab/app')
    .option('--tag <tag>', 'for this one alone')
    .addOption(
      new Option('--ttl <seconds>', 'when it ends').default(DEFAULT_SECONDS).argParser(parseSeconds),
    );
  return addRecordOptions(command).action(async () => {
    const options = command.opts<CreateOptions>();
    requireNames(options);
    const { op: operation, repository, tag, ttl } = options;
    const user = `${TOKEN_PREFIX}${randomBytes(ID_BYTES).toString('hex')}`;
    const { secret: password, kept } = drawSecret();
    const nowMs = Date.now();
    const created = new Date(nowMs).toISOString();
    const ends = new Date(nowMs + ttl * 1000).toISOString();
    const { tokens } = await enterRecords(command);
    await tokens.edit((records) => {
      forgetEnded(records, nowMs);
      const narrowed = tag === undefined ? {} : { tag };
      records.set(user, { secret: kept, operation, repository, ...narrowed, created, ends });
    });
    const described = { operation, repository, tag: tag ?? null, ends };
    if (isJson(command)) {
      stdout.write(jsonText({ user, password, ...described }));
      return;
    }
    stdout.write(`user      ${user}\npassword  ${password}\n`);
    stderr.write(`for ${operation} of ${repository}${tag === undefined ? '' : `:${tag}`}, until ${ends}\n`);
  });
}

function listCommand({ stdout }: CommandContext): Command {
  const command = new Command('list').description('Lists the temporary tokens, without their passwords.');
  return addRecordOptions(command).action(async () => {
    const nowMs = Date.now();
    const tokens = [...(await findRecords(command).tokens.read())].map(([user, token]) => {
      const { operation, repository, tag = null, created, ends } = token;
      return { user, operation, repository, tag, created, ends, hasEnded: Date.parse(ends) <= nowMs };
    });
    if (isJson(command)) {
      stdout.write(jsonText({ tokens }));
      return;
    }
    for (const { user, operation, repository, tag, ends, hasEnded } of tokens) {
      const image = tag === null ? repository : `${repository}:${tag}`;
      stdout.write(`${user}  ${operation}  ${image}  ${hasEnded ? 'ended' : 'until'} ${ends}\n`);
    }
  });
}

function revokeCommand({ stdout, stderr }: CommandContext): Command {
  const command = new Command('revoke')
    .description('Ends a temporary token, and all that was issued for it.')
    .argument('<user>', 'as `create` printed it');
  return addRecordOptions(command).action(async (user: string) => {
    const { tokens } = await enterRecords(command);
    await tokens.edit((records) => {
      if (!records.delete(user)) throw new ConfigurationError(`there is no temporary token "${user}"`);
    });
    if (isJson(command)) stdout.write(jsonText({ user }));
    else stderr.write(`${user} is revoked\n`);
  });
}

function certificateCommand({ stdout }: CommandContext): Command {
  const command = new Command('certificate').description(
    'Prints the certificate of the key that signs tokens, for registries that accept them too (rootcertbundle). Makes both where they are missing.',
  );
  return addRecordOptions(command).action(async () => {
    const state = await enterState(readSettings<Pick<StorageOptions, 'state'> & UserOptions>(command));
    const key = await loadTokenKey(resolve(state));
    const certificate = await loadTokenCertificate(state, key);
    stdout.write(isJson(command) ? jsonText({ keyId: key.id, certificate }) : certificate);
  });
}

/** `datastore-app registry token create|list|revoke|certificate`. */
export function tokenCommand(context: CommandContext): Command {
  return new Command('token')
    .summary('temporary tokens, and the key that signs tokens')
    .addCommand(createCommand(context))
    .addCommand(listCommand(context))
    .addCommand(revokeCommand(context))
    .addCommand(certificateCommand(context));
}
