// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '@local-datastore/shared/errors';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { Command } from 'commander';
import type { RecordFile } from '../../access/record-file.ts';
import type { RegistryRecords } from '../../access/registry-records.ts';
import type { CommandContext } from '../command-context.ts';
import { addRecordOptions, enterRecords, findRecords, isJson } from './records.ts';

/** Users and devices: kept by a name, made and removed by command, listed without their secrets. */
export interface PrincipalKind<Kept extends { readonly created: string }> {
  readonly noun: 'user' | 'device';
  /** What its names are called, in commands and documents. */
  readonly key: 'name' | 'id';
  recordsOf(records: RegistryRecords): RecordFile<Kept>;
  /** As which a name is looked for that a person gives. */
  fold(name: string): string;
  /** What a list says of one, without a secret. */
  describe(record: Kept): Readonly<Record<string, unknown>>;
  /** The same, behind name and time. */
  summarize(record: Kept): string;
}

/** What `add` came to. */
export interface Made {
  readonly name: string;
  /** What else the document says of it. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** Where one was drawn: by the name that it has in the document. */
  readonly secret: { readonly label: 'password' | 'key'; readonly drawn: string | undefined };
}

/**
 * Keeps a record in the place of one of the same name, if there is one, and tells it; a secret that was drawn goes to
 * stdout alone.
 *
 * @param recordOf is given when the first of that name was made
 */
export async function keepPrincipal<Kept extends { readonly created: string }>(
  { stdout, stderr }: CommandContext,
  command: Command,
  { noun, key, recordsOf }: PrincipalKind<Kept>,
  { name, facts, secret: { label, drawn } }: Made,
  recordOf: (created: string) => Kept,
): Promise<void> {
  const isNew = await recordsOf(await enterRecords(command)).edit((records) => {
    const before = records.get(name);
    records.set(name, recordOf(before?.created ?? new Date().toISOString()));
    return before === undefined;
  });
  if (isJson(command)) {
    stdout.write(jsonText({ [key]: name, ...facts, isNew, ...(drawn !== undefined && { [label]: drawn }) }));
    return;
  }
  stderr.write(`${noun} ${name} is ${isNew ? 'made' : 'changed'}\n`);
  if (drawn !== undefined) stdout.write(`${drawn}\n`);
}

function removeCommand<Kept extends { readonly created: string }>(
  { stdout, stderr }: CommandContext,
  { noun, key, recordsOf, fold }: PrincipalKind<Kept>,
): Command {
  const command = new Command('remove')
    .description(`Removes a ${noun}. What it had tokens for it may no more.`)
    .argument(`<${key}>`);
  return addRecordOptions(command).action(async (given: string) => {
    const name = fold(given);
    await recordsOf(await enterRecords(command)).edit((records) => {
      if (records.delete(name)) return;
      throw new ConfigurationError(
        `there is no ${noun} "${name}" (those of the file of grants are removed there)`,
      );
    });
    if (isJson(command)) stdout.write(jsonText({ [key]: name }));
    else stderr.write(`${noun} ${name} is removed\n`);
  });
}

function listCommand<Kept extends { readonly created: string }>(
  { stdout }: CommandContext,
  { noun, key, recordsOf, describe, summarize }: PrincipalKind<Kept>,
): Command {
  const command = new Command('list').description(`Lists the ${noun}s that were made by command.`);
  return addRecordOptions(command).action(async () => {
    const kept = [...(await recordsOf(findRecords(command)).read())];
    kept.sort(([one], [other]) => (one < other ? -1 : 1));
    if (isJson(command)) {
      const listed = kept.map(([name, record]) => ({
        ...{ [key]: name, ...describe(record), created: record.created },
      }));
      stdout.write(jsonText({ [`${noun}s`]: listed }));
      return;
    }
    for (const [name, record] of kept) stdout.write(`${name}  ${record.created}  ${summarize(record)}\n`);
  });
}

/** `datastore-app registry user|device add|remove|list`. */
export const principalCommand = <Kept extends { readonly created: string }>(
  context: CommandContext,
  kind: PrincipalKind<Kept>,
  { summary, add }: { readonly summary: string; readonly add: Command },
): Command =>
  new Command(kind.noun)
    .summary(summary)
    .addCommand(add)
    .addCommand(removeCommand(context, kind))
    .addCommand(listCommand(context, kind));
