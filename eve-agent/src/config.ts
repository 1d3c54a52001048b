// SPDX-License-Identifier: Apache-2.0
import {
  addOptions,
  applyConfigurationFile,
  type OptionDescription,
} from '@local-datastore/shared/command-line/options';
import { SERVICES, type Service } from '@local-datastore/shared/dns-sd/service-types';
import { LOG_LEVELS, type LogLevel } from '@local-datastore/shared/log';
import type { Command } from 'commander';
import * as z from 'zod';

/** What every command of the agent that asks by multicast DNS takes. */
export interface DiscoveryOptions {
  readonly bridge?: readonly string[];
  /** Seconds. */
  readonly timeout: number;
  readonly json?: true;
  readonly logLevel: LogLevel;
}

/** How a datastore is looked for, in the units of discovery. */
export const discoveryOf = ({ bridge = [], timeout }: Pick<DiscoveryOptions, 'bridge' | 'timeout'>) => ({
  bridges: bridge,
  timeoutMs: timeout * 1000,
});

// The schemas of these options are made when a value is there to check, as most commands are given few.
const TIMEOUT_ERROR = 'a number of seconds from 0.1 to 3600 expected';
const timeoutSeconds = () =>
  z
    .string({ error: TIMEOUT_ERROR })
    .regex(/^\d{1,4}(?:\.\d{1,3})?$/, { error: TIMEOUT_ERROR })
    .transform(Number)
    .refine((seconds) => seconds >= 0.1 && seconds <= 3600, { error: TIMEOUT_ERROR });

/** IFNAMSIZ with its terminating zero, in linux/if.h. */
const INTERFACE_NAME = /^[^\s/:]{1,15}$/;

export const bridgeOption: OptionDescription = {
  flags: '-b, --bridge <name>',
  description: 'bridge to ask on; may be given several times (default: every bridge that is no uplink)',
  environment: 'EVE_AGENT_BRIDGE',
  get schema() {
    const error = 'the name of a network interface expected';
    return z.string({ error }).regex(INTERFACE_NAME, { error });
  },
  isList: true,
};

export const timeoutOption = (defaultSeconds: number, description: string): OptionDescription => ({
  flags: '-t, --timeout <seconds>',
  description,
  environment: 'EVE_AGENT_TIMEOUT',
  get schema() {
    return timeoutSeconds();
  },
  default: defaultSeconds,
});

export const jsonOption: OptionDescription = {
  flags: '--json',
  description: 'print one JSON document',
  get schema() {
    return z.boolean();
  },
};

export const logLevelOption: OptionDescription = {
  flags: '--log-level <level>',
  description: `what is logged to stderr: ${LOG_LEVELS.join(', ')}`,
  environment: 'EVE_AGENT_LOG_LEVEL',
  get schema() {
    return z.enum(LOG_LEVELS, { error: `one of ${LOG_LEVELS.join(', ')} expected` });
  },
  default: 'warn',
};

export const configOption: OptionDescription = {
  flags: '--config <file>',
  description: 'YAML file with settings, named as the long options',
  environment: 'EVE_AGENT_CONFIG',
  get schema() {
    return z.string();
  },
};

const SERVICE_CHOICES = [...SERVICES, 'all'] as const;

/** `--service` of browse; reads as the services to ask for, in EVE's order. */
export const serviceOption: OptionDescription = {
  flags: '-s, --service <service>',
  description: `what to list: ${SERVICE_CHOICES.join(', ')}`,
  environment: 'EVE_AGENT_SERVICE',
  get schema() {
    return z
      .enum(SERVICE_CHOICES, { error: `one of ${SERVICE_CHOICES.join(', ')} expected` })
      .transform((choice): readonly Service[] => (choice === 'all' ? SERVICES : [choice]));
  },
  default: SERVICES,
  defaultDescription: 'all',
};

/**
 * Gives a command its options, and in front of its action the settings of the `--config` file.
 *
 * @throws (before the action) ConfigurationError
 */
export function addConfigurableOptions(
  command: Command,
  descriptions: readonly OptionDescription[],
): Command {
  return addOptions(command, descriptions).hook('preAction', () => {
    const { config } = command.opts<{ config?: string }>();
    if (config !== undefined) applyConfigurationFile(command, descriptions, config);
  });
}
