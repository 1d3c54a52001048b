// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import { addOptions } from '@local-datastore/shared/command-line/options';
import type { Command } from 'commander';
import { createRegistryRecords, type RegistryRecords } from '../../access/registry-records.ts';
import { STATE_OPTIONS } from '../../config.ts';
import type { StorageOptions, UserOptions } from '../../settings/storage-options.ts';
import { readSettings } from '../effective-options.ts';
import { enterState } from '../enter-storage.ts';

/** What every command takes that works on what is kept of principals. */
export const addRecordOptions = (command: Command): Command =>
  addOptions(command, STATE_OPTIONS).option('--json', 'print one JSON document');

type RecordOptions = Pick<StorageOptions, 'state'> & UserOptions;

/** To change them: as whom the datastore runs as, who has to read what is written. */
export async function enterRecords(command: Command): Promise<RegistryRecords> {
  return createRegistryRecords(await enterState(readSettings<RecordOptions>(command)));
}

/** To read them: nothing is made. */
export const findRecords = (command: Command): RegistryRecords =>
  createRegistryRecords(resolve(readSettings<RecordOptions>(command).state));

export const isJson = (command: Command): boolean => command.opts<{ json?: true }>().json === true;
