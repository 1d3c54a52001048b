import { isIP } from 'node:net';
import { byteSize } from '@local-datastore/shared/command-line/byte-size';
import { type OptionDescription, wholeNumber } from '@local-datastore/shared/command-line/options';
import { parseHostLabel } from '@local-datastore/shared/dns-sd/host-name';
import { SERVICES, type Service } from '@local-datastore/shared/dns-sd/service-types';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { LOG_LEVELS, type LogLevel } from '@local-datastore/shared/log';
import * as z from 'zod';
import { parseWriteToken } from './access/write-token.ts';
import { ACCESS_LOG_CHOICES, type AccessLogChoice } from './http/access-log.ts';
import { parseServiceUser, type ServiceUser } from './privileges/service-user.ts';
import { TLS_MODES } from './tls/decide-tls.ts';

const DATA_DIRECTORY = '/var/lib/datastore';
const MIN_SCRUB_RATE = 64 * 1024;
const TOKEN_KEY_CHOICES = ['id', 'certificate'] as const;
const ADVERTISE_CHOICES = [...SERVICES, 'none'] as const;

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

export interface WriteTokenOptions {
  readonly writeToken?: string;
  readonly writeTokenFile?: string;
}

const COLLECT_CHOICES = ['hourly', 'daily', 'never'] as const;

export interface ServeOptions extends StorageOptions, UserOptions, SpaceLimits, WriteTokenOptions {
  readonly hostName: string;
  readonly trustedHost?: readonly string[];
  readonly interface?: readonly string[];
  /** From Avahi's `deny-interfaces` alone. */
  readonly excludedInterfaces?: readonly string[];
  readonly avahiConfig?: string;
  readonly advertise?: readonly (typeof ADVERTISE_CHOICES)[number][];
  readonly address?: string;
  readonly port: number;
  readonly tls?: (typeof TLS_MODES)[number];
  readonly tlsPort: number;
  readonly tlsCertificate?: string;
  readonly tlsKey?: string;
  readonly readUser: string;
  readonly readPassword?: string;
  readonly readPasswordFile?: string;
  readonly grants?: string;
  readonly adminCertificate?: string;
  readonly upstreams?: string;
  readonly registryTokenKey: (typeof TOKEN_KEY_CHOICES)[number];
  /** Seconds. */
  readonly drainTimeout: number;
  readonly maxConnections: number;
  /** Seconds. */
  readonly headerTimeout: number;
  /** Seconds. */
  readonly idleTimeout: number;
  readonly accessLog: AccessLogChoice;
  /** Hours. */
  readonly uploadExpiry: number;
  readonly registry: 'on' | 'off';
  /** Hours. */
  readonly registryTrash: number;
  /** Days; absent: for ever. */
  readonly untagged?: number;
  readonly keptVersions?: number;
  readonly registryGc: (typeof COLLECT_CHOICES)[number];
  /** Hours; 0: never. */
  readonly scrubInterval: number;
  /** Bytes a second. */
  readonly scrubRate: number;
  readonly logLevel: LogLevel;
}

const directory = z.string().min(1, { error: 'a directory expected' });

/** Every command takes the same file. */
const CONFIG_OPTION: OptionDescription = {
  flags: '--config <file>',
  description: 'YAML file with settings, named as the long options',
  environment: 'DATASTORE_CONFIG',
  schema: z.string(),
};

const STATE_OPTION: OptionDescription = {
  flags: '--state <dir>',
  description: 'what is remembered over restarts; must not lie in the root',
  environment: 'DATASTORE_STATE',
  schema: directory,
  default: `${DATA_DIRECTORY}/state`,
};

const ROOT_OPTION: OptionDescription = {
  flags: '--root <dir>',
  description: 'the folder whose files are served',
  environment: 'DATASTORE_ROOT',
  schema: directory,
  default: `${DATA_DIRECTORY}/images`,
};

const STORAGE_OPTIONS: readonly OptionDescription[] = [ROOT_OPTION, STATE_OPTION];

/** What commands take that work on the folders, whether or not the datastore runs. */
export const FOLDER_OPTIONS: readonly OptionDescription[] = [...STORAGE_OPTIONS, CONFIG_OPTION];

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

/** Who may write. */
const WRITE_TOKEN_OPTIONS: readonly OptionDescription[] = [
  {
    flags: '--write-token <token>',
    description: 'who has it may write; better in the environment or a file, where other users cannot see it',
    environment: 'DATASTORE_WRITE_TOKEN',
    schema: z.string().transform(parseWriteToken),
    isSecret: true,
  },
  {
    flags: '--write-token-file <file>',
    description: 'file with the write token (default: made at the first start, in the state directory)',
    environment: 'DATASTORE_WRITE_TOKEN_FILE',
    schema: z.string().min(1, { error: 'a file expected' }),
  },
];

/** What `token` takes. */
export const TOKEN_OPTIONS: readonly OptionDescription[] = [
  STATE_OPTION,
  USER_OPTION,
  ...WRITE_TOKEN_OPTIONS,
  CONFIG_OPTION,
];

const PORT_OPTION: OptionDescription = {
  flags: '--port <number>',
  description: 'HTTP port; stock EVE takes 80 alone',
  environment: 'DATASTORE_PORT',
  schema: wholeNumber(0, 65_535),
  default: 80,
};

/** What commands take that speak to the datastore that runs, or without one work on its folders. */
export const CLIENT_OPTIONS: readonly OptionDescription[] = [
  ...TOKEN_OPTIONS,
  PORT_OPTION,
  ROOT_OPTION,
  ...SPACE_OPTIONS,
];

/** What commands take that work on the state directory alone. */
export const STATE_OPTIONS: readonly OptionDescription[] = [STATE_OPTION, USER_OPTION, CONFIG_OPTION];

/** Who may read, where not everybody may. */
const READ_OPTIONS: readonly OptionDescription[] = [
  {
    flags: '--read-user <name>',
    description: "name of the read credential: EVE's apiKey",
    environment: 'DATASTORE_READ_USER',
    schema: z.string().regex(/^[^\s:]{1,128}$/, { error: 'a name without spaces and colons expected' }),
    default: 'eve',
  },
  {
    flags: '--read-password <password>',
    description: 'reading needs it from now on; better in the environment or a file',
    environment: 'DATASTORE_READ_PASSWORD',
    schema: z
      .string()
      .regex(/^[\x21-\x7e]{8,512}$/, { error: 'at least 8 printable ASCII characters expected' }),
    isSecret: true,
  },
  {
    flags: '--read-password-file <file>',
    description: 'file with the read password',
    environment: 'DATASTORE_READ_PASSWORD_FILE',
    schema: z.string().min(1, { error: 'a file expected' }),
  },
];

/** What the registry keeps. */
const REGISTRY_STORE_OPTIONS: readonly OptionDescription[] = [
  {
    flags: '--registry <mode>',
    description: 'on, off: whether container images can be pushed and pulled below /v2/',
    environment: 'DATASTORE_REGISTRY',
    schema: z.enum(['on', 'off'], { error: 'one of on, off expected' }),
    default: 'on',
  },
  {
    flags: '--upstreams <file>',
    description:
      'YAML file that names registries and stores from which images come when they are asked for (default: upstreams.yaml in the state directory, where it exists)',
    environment: 'DATASTORE_UPSTREAMS',
    schema: z.string().min(1, { error: 'a file expected' }),
  },
  {
    flags: '--registry-gc <when>',
    description: `${COLLECT_CHOICES.join(', ')}: how often what belongs to no image is moved to the trash`,
    environment: 'DATASTORE_REGISTRY_GC',
    schema: z.enum(COLLECT_CHOICES, { error: `one of ${COLLECT_CHOICES.join(', ')} expected` }),
    default: 'daily',
  },
  {
    flags: '--registry-trash <hours>',
    description: 'how long it stays there, as long as there is room',
    environment: 'DATASTORE_REGISTRY_TRASH',
    schema: wholeNumber(0, 8760),
    default: 1,
  },
  {
    flags: '--untagged <days>',
    description: 'after how long manifests without a tag are collected as well (default: never)',
    environment: 'DATASTORE_UNTAGGED',
    schema: wholeNumber(0, 36_500),
  },
  {
    flags: '--kept-versions <number>',
    description: 'how many versions of a tag stay when it moves (default: all)',
    environment: 'DATASTORE_KEPT_VERSIONS',
    schema: wholeNumber(1, 100),
  },
];

/** Who may do what in the registry. */
const REGISTRY_ACCESS_OPTIONS: readonly OptionDescription[] = [
  {
    flags: '--grants <file>',
    description:
      'YAML file that says who may do what in the registry (default: grants.yaml in the state directory, where it exists)',
    environment: 'DATASTORE_GRANTS',
    schema: z.string().min(1, { error: 'a file expected' }),
  },
  {
    flags: '--admin-certificate <file>',
    description: 'PEM file with certificates: whoever shows one of them by HTTPS administers the registry',
    environment: 'DATASTORE_ADMIN_CERTIFICATE',
    schema: z.string().min(1, { error: 'a file expected' }),
  },
  {
    flags: '--registry-token-key <how>',
    description:
      'how tokens for the registry name their key: id; certificate, for other registries that take it from the token',
    environment: 'DATASTORE_REGISTRY_TOKEN_KEY',
    schema: z.enum(TOKEN_KEY_CHOICES, { error: `one of ${TOKEN_KEY_CHOICES.join(', ')} expected` }),
    default: 'id',
  },
];

/** The title of the JSON Schema in `settings.schema.json`. */
export const SETTINGS_TITLE = 'Configuration file of datastore-app serve';

export const SERVE_OPTIONS: readonly OptionDescription[] = [
  ...STORAGE_OPTIONS,
  USER_OPTION,
  ...SPACE_OPTIONS,
  ...WRITE_TOKEN_OPTIONS,
  ...READ_OPTIONS,
  ...REGISTRY_ACCESS_OPTIONS,
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
    schema: directory,
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
  PORT_OPTION,
  {
    flags: '--tls <mode>',
    description:
      `${TLS_MODES.join(', ')}: HTTPS beside HTTP, by a built-in authority whose certificate devices trust ` +
      '(see /-/ca.pem), or by --tls-certificate (default: off)',
    environment: 'DATASTORE_TLS',
    schema: z.enum(TLS_MODES, { error: `one of ${TLS_MODES.join(', ')} expected` }),
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
    description: 'PEM certificate, with its chain; turns HTTPS on; read again when it changes',
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
    flags: '--max-connections <number>',
    description: 'more connections than these are refused; one client has a quarter of them at most',
    environment: 'DATASTORE_MAX_CONNECTIONS',
    schema: wholeNumber(1, 100_000),
    default: 4_000,
  },
  {
    flags: '--header-timeout <seconds>',
    description: 'how long the head of a request may take',
    environment: 'DATASTORE_HEADER_TIMEOUT',
    schema: wholeNumber(1, 3600),
    default: 60,
  },
  {
    flags: '--idle-timeout <seconds>',
    description: 'how long a request may go on without a byte in either direction',
    environment: 'DATASTORE_IDLE_TIMEOUT',
    schema: wholeNumber(1, 3600),
    default: 120,
  },
  {
    flags: '--access-log <which>',
    description: `which requests are logged: ${ACCESS_LOG_CHOICES.join(', ')}`,
    environment: 'DATASTORE_ACCESS_LOG',
    schema: z.enum(ACCESS_LOG_CHOICES, { error: `one of ${ACCESS_LOG_CHOICES.join(', ')} expected` }),
    default: 'notable',
  },
  {
    flags: '--upload-expiry <hours>',
    description: 'after how long an upload of which nothing more comes is removed',
    environment: 'DATASTORE_UPLOAD_EXPIRY',
    schema: wholeNumber(1, 8760),
    default: 24,
  },
  ...REGISTRY_STORE_OPTIONS,
  {
    flags: '--scrub-interval <hours>',
    description: 'how often every image is read again, to find what the disk damaged; 0: never',
    environment: 'DATASTORE_SCRUB_INTERVAL',
    schema: wholeNumber(0, 87_600),
    default: 0,
  },
  {
    flags: '--scrub-rate <size>',
    description: 'how much of them is read in a second, at most',
    environment: 'DATASTORE_SCRUB_RATE',
    schema: byteSize().refine((rate) => rate >= MIN_SCRUB_RATE, { error: 'at least 64K expected' }),
    default: 32 * 1024 * 1024,
    defaultDescription: '32M',
  },
  {
    flags: '--log-level <level>',
    description: `what is logged to stderr: ${LOG_LEVELS.join(', ')}`,
    environment: 'DATASTORE_LOG_LEVEL',
    schema: z.enum(LOG_LEVELS, { error: `one of ${LOG_LEVELS.join(', ')} expected` }),
    default: 'info',
  },
  CONFIG_OPTION,
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
    throw new ConfigurationError(
      '--advertise https needs --tls authority, or --tls-certificate and --tls-key',
    );
  }
  return SERVICES.filter((service) => choices.includes(service));
}
