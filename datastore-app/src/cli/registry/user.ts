// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '@local-datastore/shared/errors';
import { Command } from 'commander';
import { ACCESS_NAME } from '../../access/grants-document.ts';
import { TOKEN_PREFIX } from '../../access/principal-book.ts';
import type { UserRecord } from '../../access/registry-records.ts';
import type { CommandContext } from '../command-context.ts';
import { keepPrincipal, type PrincipalKind, principalCommand } from './principals.ts';
import { addRecordOptions } from './records.ts';
import { addSecretOption, readSecret } from './secret-option.ts';

const USER: PrincipalKind<UserRecord> = {
  ...{ noun: 'user', key: 'name' },
  recordsOf: ({ users }) => users,
  fold: (name) => name,
  describe: ({ groups }) => ({ groups }),
  summarize: ({ groups }) => groups.join(','),
};

function parseName(what: string, name: string): string {
  if (ACCESS_NAME.test(name) && !name.startsWith(TOKEN_PREFIX)) return name;
  throw new ConfigurationError(
    `${what} "${name}": 1 to 64 letters, digits, ".", "_", "-" and "@" expected, beginning and ending with a letter ` +
      `or digit; names that begin with "${TOKEN_PREFIX}" are those of temporary tokens`,
  );
}

const collect = (name: string, before: readonly string[] = []) => [...before, name];

function addCommand(context: CommandContext): Command {
  const command = new Command('add')
    .description(
      'Makes a user, or gives it another password and groups. What it may do stands in the grants.',
    )
    .argument('<name>')
    .option('--group <name>', 'a group that grants may name; may be given several times', collect);
  return addRecordOptions(addSecretOption(command, 'password')).action(async (given: string) => {
    const name = parseName('user', given);
    const { passwordFile, group = [] } = command.opts<{ passwordFile?: string; group?: string[] }>();
    const groups = group.map((each) => parseName('group', each));
    const { kept, drawn } = await readSecret('password', passwordFile, () => context.input);
    const made = { name, facts: { groups }, secret: { label: 'password', drawn } } as const;
    await keepPrincipal(context, command, USER, made, (created) => ({ password: kept, groups, created }));
  });
}

/** `datastore-app registry user add|remove|list`. */
export const userCommand = (context: CommandContext): Command =>
  principalCommand(context, USER, { summary: 'users of the registry', add: addCommand(context) });
