// SPDX-License-Identifier: Apache-2.0
import { byteSize } from '@local-datastore/shared/command-line/byte-size';
import type { OptionDescription } from '@local-datastore/shared/command-line/options';
import * as z from 'zod';
import { parseServiceUser, type ServiceUser } from '../privileges/service-user.ts';

const DATA_DIRECTORY = '/var/lib/datastore';

export interface StorageOptions {
  readonly root: string;
  readonly state: string;
}

export interface UserOptions {
  readonly user?: ServiceUser;
}

export interface SpaceLimits {
  readonly quota?: number;
  readonly reserve: number;
}

const directory = z.string().min(1, { error: 'a directory expected' });

/** Every command takes the same file. */
export const CONFIG_OPTION: OptionDescription = {
  flags: '--config <file>',
  description: 'YAML file with settings, named as the long options',
  environment: 'DATASTORE_CONFIG',
  schema: z.string(),
};

export const STATE_OPTION: OptionDescription = {
  flags: '--state <dir>',
  description: 'what is remembered over restarts; must not lie in the root',
  environment: 'DATASTORE_STATE',
  schema: directory,
  default: `${DATA_DIRECTORY}/state`,
};

export const ROOT_OPTION: OptionDescription = {
  flags: '--root <dir>',
  description: 'the folder whose files are served',
  environment: 'DATASTORE_ROOT',
  schema: directory,
  default: `${DATA_DIRECTORY}/images`,
};

export const STORAGE_OPTIONS: readonly OptionDescription[] = [ROOT_OPTION, STATE_OPTION];

/** Who writes to the volumes. */
export const USER_OPTION: OptionDescription = {
  flags: '--user <uid:gid>',
  description:
    'started as root: give root and state directory to this user, take the ports, then become it (default: stay)',
  environment: 'DATASTORE_USER',
  schema: z.string().transform(parseServiceUser),
};

/** What the images may take. */
export const SPACE_OPTIONS: readonly OptionDescription[] = [
  {
    flags: '--quota <size>',
    description: 'what all images may take, such as 20G (default: what the volume holds)',
    environment: 'DATASTORE_QUOTA',
    schema: byteSize(),
  },
  {
    flags: '--reserve <size>',
    description: 'what uploads leave free on the volume',
    environment: 'DATASTORE_RESERVE',
    schema: byteSize(),
    default: 64 * 1024 * 1024,
    defaultDescription: '64M',
  },
];
