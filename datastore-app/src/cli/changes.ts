// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import { ConfigurationError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { jsonText } from '@local-datastore/shared/text/json-text';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { countText } from '@local-datastore/shared/text/quantities';
import { tableText } from '@local-datastore/shared/text/text-table';
import { Command, InvalidArgumentError, Option } from 'commander';
import { CHANGE_ACTIONS, type ChangeAction } from '../changes/change-words.ts';
import { createRecordReader } from '../changes/open-changes.ts';
import type { ChangePage, ChangeQuery } from '../changes/read-changes.ts';
import {
  type ChangesDocument,
  changesDocument,
  DEFAULT_CHANGES,
  MAX_CHANGES,
} from '../http/routes/changes.ts';
import type { StorageOptions } from '../settings/storage-options.ts';
import type { CommandContext } from './command-context.ts';
import { readSettings } from './effective-options.ts';
import { placeText } from './enter-storage.ts';
import { addRecordOptions, isJson } from './registry/records.ts';

interface ChangesOptions extends Pick<StorageOptions, 'state'> {
  readonly action?: ChangeAction;
  readonly limit: number;
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit >= 1 && limit <= MAX_CHANGES) return limit;
  throw new InvalidArgumentError(`A number from 1 to ${MAX_CHANGES} expected.`);
}

const HEADINGS = ['WHEN', 'WHO', 'FROM', 'WHAT', 'IMAGE'];

/** What there is to say beside the columns. */
function imageText({ image, to, source, status, count }: ChangesDocument['changes'][number]): string {
  return [
    printableText(image ?? '-'),
    ...(to === null ? [] : [`-> ${printableText(to)}`]),
    ...(source === null ? [] : [`from ${printableText(source)}`]),
    ...(status === null ? [] : [`(${status})`]),
    ...(count === 1 ? [] : [`(${count} times)`]),
  ].join(' ');
}

/** Anybody else's folder is told of, and what is not there. */
async function read(command: Command, state: string, query: ChangeQuery): Promise<ChangePage> {
  try {
    return await createRecordReader(resolve(state))(query);
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    const place = placeText(command, 'state');
    throw new ConfigurationError(`the changes in ${place} cannot be read: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

/** `datastore-app changes`: reads the folder itself, whether or not the datastore runs. */
export function changesCommand({ stdout, stderr, help }: CommandContext): Command {
  const command = new Command('changes')
    .summary('who changed what, and when')
    .description(
      'Prints who uploaded, deleted, renamed or released what, when and from where; the latest last.',
    )
    .argument('[image]', 'only those whose name, old or new, holds this')
    .addOption(new Option('--action <action>', 'only those of this kind').choices([...CHANGE_ACTIONS]))
    .addOption(
      new Option('--limit <n>', `so many at most, at most ${MAX_CHANGES}`)
        .argParser(parseLimit)
        .default(DEFAULT_CHANGES),
    );
  return addRecordOptions(command).action(async (image: string | undefined) => {
    const { state, action, limit } = readSettings<ChangesOptions>(command);
    const found = changesDocument(await read(command, state, { limit, action, image }));
    if (isJson(command)) {
      stdout.write(jsonText(found));
      return;
    }
    const rows = found.changes.map((change) => ({
      cells: [
        change.time.replace(/\.\d+Z$/, 'Z'),
        printableText(change.by),
        change.client ?? '-',
        change.action,
        imageText(change),
      ],
    }));
    if (rows.length === 0) stderr.write(`no changes in ${placeText(command, 'state')}\n`);
    else stdout.write(tableText(HEADINGS, rows.reverse(), { columns: help?.columns }));
    if (found.next !== null) {
      stderr.write(
        `there are older ones than these ${countText(rows.length, 'change')}: --limit shows more\n`,
      );
    }
  });
}
