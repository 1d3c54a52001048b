// SPDX-License-Identifier: Apache-2.0
import { sourceOf } from '@local-datastore/shared/command-line/effective-options';
import { applyConfigurationFile } from '@local-datastore/shared/command-line/options';
import { ConfigurationError } from '@local-datastore/shared/errors';
import type { Command } from 'commander';
import {
  AVAHI_DIRECTORY,
  type AvahiConfiguration,
  loadAvahiFiles,
} from '../advertise/avahi/load-avahi-files.ts';
import type { AdvertisementChoices } from '../advertise/plan-advertisement.ts';
import { SERVE_OPTIONS, type ServeOptions } from '../config.ts';
import { decideServices } from '../settings/name-options.ts';

/** What `serve` works with, and `check` tells of. */
export interface EffectiveOptions {
  readonly options: ServeOptions;
  /** undefined: there are no files of Avahi's. */
  readonly avahi: AvahiConfiguration | undefined;
}

/** Where a value comes from when it comes from Avahi's files. */
const AVAHI_SOURCE = 'avahi';

/** Whether a person gave the option: in the YAML file, the environment or as a flag. */
const isGiven = (command: Command, attribute: string) =>
  ['config', 'env', 'cli'].includes(command.getOptionValueSource(attribute) ?? '');

/**
 * Avahi's files. The image names `/etc/avahi` in the environment, for who mounts it: there it may be absent.
 */
async function loadNamedAvahiFiles(command: Command): Promise<AvahiConfiguration | undefined> {
  const { avahiConfig } = command.opts<ServeOptions>();
  if (avahiConfig === undefined) return undefined;
  const avahi = await loadAvahiFiles(avahiConfig);
  const mayBeAbsent =
    avahiConfig === AVAHI_DIRECTORY && command.getOptionValueSource('avahiConfig') === 'env';
  if (avahi !== undefined || mayBeAbsent) return avahi;
  throw new ConfigurationError(
    `--avahi-config ${avahiConfig}: the folder holds neither avahi-daemon.conf nor services/*.service`,
  );
}

/**
 * The options of a command that does not advertise: from their defaults, the YAML file, the environment and
 * the flags.
 *
 * @throws ConfigurationError when the file cannot be read or understood
 */
export function readSettings<Options extends object>(command: Command): Options {
  const { config } = command.opts<{ config?: string }>();
  if (config !== undefined) applyConfigurationFile(command, SERVE_OPTIONS, config);
  return command.opts<Options>();
}

/** Where the setting with this attribute comes from: `default`, `environment NAME`, `file NAME` or `flag`. */
export function sourceOfSetting(command: Command, attribute: string): string {
  const option = command.options.find((each) => each.attributeName() === attribute);
  return option === undefined
    ? 'default'
    : sourceOf(command, option, command.opts<{ config?: string }>().config);
}

/**
 * The options as they are in effect, in rising order of strength from their defaults, Avahi's files, the YAML
 * file, the environment and the flags.
 *
 * @throws ConfigurationError when a file cannot be read or understood
 */
export async function readEffectiveOptions(command: Command): Promise<EffectiveOptions> {
  readSettings(command);
  const avahi = await loadNamedAvahiFiles(command);
  const { hostLabel, allowedInterfaces = [], deniedInterfaces = [] } = avahi?.settings ?? {};
  if (hostLabel !== undefined && !isGiven(command, 'hostName')) {
    command.setOptionValueWithSource('hostName', hostLabel, AVAHI_SOURCE);
  }
  if (!isGiven(command, 'interface')) {
    if (allowedInterfaces.length > 0) {
      command.setOptionValueWithSource('interface', allowedInterfaces, AVAHI_SOURCE);
    }
    if (deniedInterfaces.length > 0) {
      command.setOptionValueWithSource('excludedInterfaces', deniedInterfaces, AVAHI_SOURCE);
    }
  }
  return { options: command.opts<ServeOptions>(), avahi };
}

/** What planAdvertisement decides from. */
export function advertisementChoices(
  { options, avahi }: EffectiveOptions,
  isTlsOn: boolean,
): AdvertisementChoices {
  return {
    hostLabel: options.hostName,
    ownServices: decideServices(options.advertise, isTlsOn),
    isExplicit: options.advertise !== undefined,
    avahi,
  };
}
