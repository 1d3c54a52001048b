import { ConfigurationError } from '@local-datastore/shared/errors';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { Command } from 'commander';
import { ACCESS_NAME } from '../../access/grants-document.ts';
import { TOKEN_PREFIX } from '../../access/principal-book.ts';
import type { CommandContext } from '../command-context.ts';
import { addRecordOptions, enterRecords, findRecords, isJson } from './records.ts';
import { addSecretOption, readSecret } from './secret-option.ts';

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
    const { users } = await enterRecords(command);
    const isNew = await users.edit((records) => {
      const before = records.get(name);
      const created = before?.created ?? new Date().toISOString();
      records.set(name, { password: kept, groups, created });
      return before === undefined;
    });
    if (isJson(command)) {
      context.stdout.write(
        jsonText({ name, groups, isNew, ...(drawn !== undefined && { password: drawn }) }),
      );
      return;
    }
    context.stderr.write(isNew ? `user ${name} is made\n` : `user ${name} is changed\n`);
    if (drawn !== undefined) context.stdout.write(`${drawn}\n`);
  });
}

function removeCommand({ stdout, stderr }: CommandContext): Command {
  const command = new Command('remove')
    .description('Removes a user. What it had tokens for it may no more.')
    .argument('<name>');
  return addRecordOptions(command).action(async (name: string) => {
    const { users } = await enterRecords(command);
    await users.edit((records) => {
      if (records.delete(name)) return;
      throw new ConfigurationError(
        `there is no user "${name}" (those of the file of grants are removed there)`,
      );
    });
    if (isJson(command)) stdout.write(jsonText({ name }));
    else stderr.write(`user ${name} is removed\n`);
  });
}

function listCommand({ stdout }: CommandContext): Command {
  const command = new Command('list').description('Lists the users that were made by command.');
  return addRecordOptions(command).action(async () => {
    const users = [...(await findRecords(command).users.read())]
      .map(([name, { groups, created }]) => ({ name, groups, created }))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
    if (isJson(command)) stdout.write(jsonText({ users }));
    else
      for (const { name, groups, created } of users)
        stdout.write(`${name}  ${created}  ${groups.join(',')}\n`);
  });
}

/** `datastore-app registry user add|remove|list`. */
export function userCommand(context: CommandContext): Command {
  return new Command('user')
    .summary('users of the registry')
    .addCommand(addCommand(context))
    .addCommand(removeCommand(context))
    .addCommand(listCommand(context));
}
