// SPDX-License-Identifier: Apache-2.0
import type { OptionDescription } from '@local-datastore/shared/command-line/options';
import { parseHostLabel } from '@local-datastore/shared/dns-sd/host-name';
import { SERVICES, type Service } from '@local-datastore/shared/dns-sd/service-types';
import { ConfigurationError } from '@local-datastore/shared/errors';
import * as z from 'zod';
import { parsePublicUrl } from '../access/public-url.ts';

const ADVERTISE_CHOICES = [...SERVICES, 'none'] as const;

/** By which names the datastore is found, and where they are told. */
export interface NameOptions {
  readonly hostName: string;
  readonly trustedHost?: readonly string[];
  readonly publicUrl?: URL;
  readonly interface?: readonly string[];
  /** From Avahi's `deny-interfaces` alone. */
  readonly excludedInterfaces?: readonly string[];
  readonly avahiConfig?: string;
  readonly advertise?: readonly (typeof ADVERTISE_CHOICES)[number][];
}

export const NAME_OPTIONS: readonly OptionDescription[] = [
  {
    flags: '--host-name <name>',
    description: 'the name to advertise, in front of .local',
    environment: 'DATASTORE_HOST_NAME',
    schema: z.string().transform(parseHostLabel),
    default: 'datastore',
  },
  {
    flags: '--trusted-host <name>',
    description:
      'another name by which page and API may be asked for, as behind a proxy; may be given several times',
    environment: 'DATASTORE_TRUSTED_HOST',
    schema: z
      .string()
      .regex(/^[a-z\d](?:[a-z\d.-]{0,251}[a-z\d])?$/i, { error: 'a host name without port expected' })
      .toLowerCase(),
    isList: true,
  },
  {
    flags: '--public-url <url>',
    description:
      'where it is reached from elsewhere, as through a proxy or a mapped port: clients are told of it, unless they ask by NAME.local',
    environment: 'DATASTORE_PUBLIC_URL',
    schema: z.string().transform(parsePublicUrl),
  },
  {
    flags: '--interface <name>',
    description: 'interface to advertise on; may be given several times (default: all but loopback and down)',
    environment: 'DATASTORE_INTERFACE',
    schema: z.string().regex(/^[^\s/:]{1,15}$/, { error: 'the name of a network interface expected' }),
    isList: true,
  },
  {
    flags: '--avahi-config <dir>',
    description:
      "folder with Avahi's files, avahi-daemon.conf and services/*.service, which take the place of defaults",
    environment: 'DATASTORE_AVAHI_CONFIG',
    schema: z.string().min(1, { error: 'a directory expected' }),
  },
  {
    flags: '--advertise <service>',
    description: `${ADVERTISE_CHOICES.join(', ')}; may be given several times (default: workstation and http, https with TLS)`,
    environment: 'DATASTORE_ADVERTISE',
    schema: z.enum(ADVERTISE_CHOICES, { error: `one of ${ADVERTISE_CHOICES.join(', ')} expected` }),
    isList: true,
  },
];

/**
 * Which services to advertise; none turns multicast DNS off.
 *
 * @throws ConfigurationError when the choices contradict each other
 */
export function decideServices(choices: NameOptions['advertise'], isTlsOn: boolean): Service[] {
  if (choices === undefined) return isTlsOn ? [...SERVICES] : ['workstation', 'http'];
  if (choices.includes('none')) {
    if (choices.length === 1) return [];
    throw new ConfigurationError('--advertise none turns mDNS off: it cannot stand beside a service');
  }
  if (choices.includes('https') && !isTlsOn) {
    throw new ConfigurationError(
      '--advertise https needs --tls authority, or --tls-certificate and --tls-key',
    );
  }
  return SERVICES.filter((service) => choices.includes(service));
}
