// SPDX-License-Identifier: Apache-2.0
import { logFormatOption } from '@local-datastore/shared/command-line/log-format-option';
import { groupOptions, type OptionDescription } from '@local-datastore/shared/command-line/options';
import { LOG_LEVELS, type LogLevel } from '@local-datastore/shared/log';
import type { LogFormat } from '@local-datastore/shared/log-text';
import * as z from 'zod';
import {
  type AccessOptions,
  READ_OPTIONS,
  REGISTRY_ACCESS_OPTIONS,
  WRITE_TOKEN_OPTIONS,
} from './settings/access-options.ts';
import { KEEPING_OPTIONS, type KeepingOptions } from './settings/keeping-options.ts';
import { NAME_OPTIONS, type NameOptions } from './settings/name-options.ts';
import {
  ADDRESS_OPTION,
  PORT_OPTION,
  SERVER_OPTIONS,
  type ServerOptions,
} from './settings/server-options.ts';
import {
  CONFIG_OPTION,
  ROOT_OPTION,
  SPACE_OPTIONS,
  type SpaceLimits,
  STATE_OPTION,
  STORAGE_OPTIONS,
  type StorageOptions,
  USER_OPTION,
  type UserOptions,
} from './settings/storage-options.ts';

export interface ServeOptions
  extends StorageOptions,
    UserOptions,
    SpaceLimits,
    AccessOptions,
    NameOptions,
    ServerOptions,
    KeepingOptions {
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** What commands take that work on the folders, whether or not the datastore runs. */
export const FOLDER_OPTIONS: readonly OptionDescription[] = [...STORAGE_OPTIONS, CONFIG_OPTION];

/** What `token` takes. */
export const TOKEN_OPTIONS: readonly OptionDescription[] = [
  STATE_OPTION,
  USER_OPTION,
  ...WRITE_TOKEN_OPTIONS,
  CONFIG_OPTION,
];

/** What commands take that speak to the datastore that runs, or without one work on its folders. */
export const CLIENT_OPTIONS: readonly OptionDescription[] = [
  ...TOKEN_OPTIONS,
  ADDRESS_OPTION,
  PORT_OPTION,
  ROOT_OPTION,
  ...SPACE_OPTIONS,
];

/** What commands take that only ask the datastore of this machine. */
export const LISTENER_OPTIONS: readonly OptionDescription[] = [ADDRESS_OPTION, PORT_OPTION, CONFIG_OPTION];

/** What commands take that work on the state directory alone. */
export const STATE_OPTIONS: readonly OptionDescription[] = [STATE_OPTION, USER_OPTION, CONFIG_OPTION];

/** The title of the JSON Schema in `settings.schema.json`. */
export const SETTINGS_TITLE = 'Configuration file of datastore-app serve';

export const SERVE_OPTIONS: readonly OptionDescription[] = [
  ...groupOptions('Folders and space', [...STORAGE_OPTIONS, USER_OPTION, ...SPACE_OPTIONS]),
  ...groupOptions('Who may do what', [...WRITE_TOKEN_OPTIONS, ...READ_OPTIONS, ...REGISTRY_ACCESS_OPTIONS]),
  ...groupOptions('Name and advertisement', NAME_OPTIONS),
  ...groupOptions('Server', SERVER_OPTIONS),
  ...groupOptions('Images and registry', KEEPING_OPTIONS),
  {
    flags: '--log-level <level>',
    description: `what is logged to stderr: ${LOG_LEVELS.join(', ')}`,
    environment: 'DATASTORE_LOG_LEVEL',
    schema: z.enum(LOG_LEVELS, { error: `one of ${LOG_LEVELS.join(', ')} expected` }),
    default: 'info',
  },
  logFormatOption('DATASTORE_LOG_FORMAT'),
  CONFIG_OPTION,
];
