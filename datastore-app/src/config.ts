import { isIP } from 'node:net';
import { type OptionDescription, wholeNumber } from '@local-datastore/shared/command-line/options';
import { parseHostLabel } from '@local-datastore/shared/dns-sd/host-name';
import { SERVICES, type Service } from '@local-datastore/shared/dns-sd/service-types';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { LOG_LEVELS, type LogLevel } from '@local-datastore/shared/log';
import * as z from 'zod';

const DATA_DIRECTORY = '/var/lib/datastore';
const ADVERTISE_CHOICES = [...SERVICES, 'none'] as const;

export interface StorageOptions {
  readonly root: string;
  readonly state: string;
}

export interface ServeOptions extends StorageOptions {
  readonly hostName: string;
  readonly interface?: readonly string[];
  readonly advertise?: readonly (typeof ADVERTISE_CHOICES)[number][];
  readonly address?: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly tlsCertificate?: string;
  readonly tlsKey?: string;
  /** Seconds. */
  readonly drainTimeout: number;
  readonly logLevel: LogLevel;
}

const directory = z.string().min(1, { error: 'a directory expected' });

export const STORAGE_OPTIONS: readonly OptionDescription[] = [
  {
    flags: '--root <dir>',
    description: 'the folder whose files are served',
    environment: 'DATASTORE_ROOT',
    schema: directory,
    default: `${DATA_DIRECTORY}/images`,
  },
  {
    flags: '--state <dir>',
    description: 'what is remembered over restarts; must not lie in the root',
    environment: 'DATASTORE_STATE',
    schema: directory,
    default: `${DATA_DIRECTORY}/state`,
  },
];

export const SERVE_OPTIONS: readonly OptionDescription[] = [
  ...STORAGE_OPTIONS,
  {
    flags: '--host-name <name>',
    description: 'the name to advertise, in front of .local',
    environment: 'DATASTORE_HOST_NAME',
    schema: z.string().transform(parseHostLabel),
    default: 'datastore',
  },
  {
    flags: '--interface <name>',
    description: 'interface to advertise on; may be given several times (default: all but loopback and down)',
    environment: 'DATASTORE_INTERFACE',
    schema: z.string().regex(/^[^\s/:]{1,15}$/, { error: 'the name of a network interface expected' }),
    isList: true,
  },
  {
    flags: '--advertise <service>',
    description: `${ADVERTISE_CHOICES.join(', ')}; may be given several times (default: workstation and http, https with TLS)`,
    environment: 'DATASTORE_ADVERTISE',
    schema: z.enum(ADVERTISE_CHOICES, { error: `one of ${ADVERTISE_CHOICES.join(', ')} expected` }),
    isList: true,
  },
  {
    flags: '--address <ip>',
    description: 'address to listen on (default: every one)',
    environment: 'DATASTORE_ADDRESS',
    schema: z.string().refine((text) => isIP(text) !== 0, { error: 'an IP address expected' }),
  },
  {
    flags: '--port <number>',
    description: 'HTTP port; stock EVE takes 80 alone',
    environment: 'DATASTORE_PORT',
    schema: wholeNumber(0, 65_535),
    default: 80,
  },
  {
    flags: '--tls-port <number>',
    description: 'HTTPS port, where TLS is on; stock EVE takes 443 alone',
    environment: 'DATASTORE_TLS_PORT',
    schema: wholeNumber(0, 65_535),
    default: 443,
  },
  {
    flags: '--tls-certificate <file>',
    description: 'PEM certificate, with its chain; turns HTTPS on',
    environment: 'DATASTORE_TLS_CERTIFICATE',
    schema: z.string().min(1, { error: 'a file expected' }),
  },
  {
    flags: '--tls-key <file>',
    description: 'PEM key of the certificate',
    environment: 'DATASTORE_TLS_KEY',
    schema: z.string().min(1, { error: 'a file expected' }),
  },
  {
    flags: '--drain-timeout <seconds>',
    description: 'how long downloads may go on after a stop',
    environment: 'DATASTORE_DRAIN_TIMEOUT',
    schema: wholeNumber(0, 3600),
    default: 25,
  },
  {
    flags: '--log-level <level>',
    description: `what is logged to stderr: ${LOG_LEVELS.join(', ')}`,
    environment: 'DATASTORE_LOG_LEVEL',
    schema: z.enum(LOG_LEVELS, { error: `one of ${LOG_LEVELS.join(', ')} expected` }),
    default: 'info',
  },
  {
    flags: '--config <file>',
    description: 'YAML file with settings, named as the long options',
    environment: 'DATASTORE_CONFIG',
    schema: z.string(),
  },
];

/**
 * Which services to advertise; none turns multicast DNS off.
 *
 * @throws ConfigurationError when the choices contradict each other
 */
export function decideServices(choices: ServeOptions['advertise'], isTlsOn: boolean): Service[] {
  if (choices === undefined) return isTlsOn ? [...SERVICES] : ['workstation', 'http'];
  if (choices.includes('none')) {
    if (choices.length === 1) return [];
    throw new ConfigurationError('--advertise none turns mDNS off: it cannot stand beside a service');
  }
  if (choices.includes('https') && !isTlsOn) {
    throw new ConfigurationError('--advertise https needs --tls-certificate and --tls-key');
  }
  return SERVICES.filter((service) => choices.includes(service));
}
