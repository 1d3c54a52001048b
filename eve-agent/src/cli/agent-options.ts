// SPDX-License-Identifier: Apache-2.0
import { byteSize } from '@local-datastore/shared/command-line/byte-size';
import { logFormatOption } from '@local-datastore/shared/command-line/log-format-option';
import {
  groupOptions,
  type OptionDescription,
  wholeNumber,
} from '@local-datastore/shared/command-line/options';
import {
  DEFAULT_ENGINE_SOCKET,
  type EngineAddress,
  parseEngineAddress,
} from '@local-datastore/shared/engine/engine-address';
import { ConfigurationError } from '@local-datastore/shared/errors';
import type { LogLevel } from '@local-datastore/shared/log';
import type { LogFormat } from '@local-datastore/shared/log-text';
import * as z from 'zod';
import { type ListenAddress, parseListenAddress } from '../api/listen.ts';
import { bridgeOption, logLevelOption, timeoutOption } from '../config.ts';
import { type RegistryAuthOptions, registryAuthOption } from './registry-auth.ts';
import { type SeparationOptions, separationOptions } from './separation-options.ts';
import { proxyOption, type TransferOptions, transferOptions } from './transfer-options.ts';

/** Of `eve-agent run`. */
export interface RunOptions extends TransferOptions, RegistryAuthOptions, SeparationOptions {
  readonly config?: string;
  readonly settings?: string;
  readonly state: string;
  readonly images?: string;
  readonly listen?: readonly ListenAddress[];
  readonly tlsCertificate?: string;
  readonly tlsKey?: string;
  readonly clientCa?: string;
  readonly clientCrl?: string;
  readonly page?: true;
  readonly deployments?: string;
  readonly deployListen: ListenAddress;
  readonly ca?: string;
  readonly apps?: true;
  readonly dhcp?: readonly string[];
  readonly ntp?: readonly string[];
  readonly engine: EngineAddress;
  readonly allowPlainCredentials?: true;
  readonly maxDownloads: number;
  readonly maxDownloadsPerDatastore: number;
  readonly rateLimit?: number;
  readonly proxy?: URL;
  readonly reserve: number;
  readonly retryInterval: number;
  readonly slowRetryInterval: number;
  readonly grace: number;
  readonly scrubInterval: number;
  readonly bridge?: readonly string[];
  readonly timeout: number;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** ed-daemon's port, on all addresses. */
const DEFAULT_DEPLOY_LISTEN: ListenAddress = { kind: 'tcp', host: '0.0.0.0', port: 8866 };

/** @throws ConfigurationError unless it is `ADDRESS:PORT` */
function parseDeployListen(text: string): ListenAddress {
  const address = parseListenAddress(text);
  if (address.kind === 'tcp') return address;
  throw new ConfigurationError(`"${text}" is no place for deployments: ADDRESS:PORT expected`);
}

export const DEFAULT_STATE_FOLDER = '/var/lib/eve-agent';

export const stateOption: OptionDescription = {
  flags: '--state <dir>',
  description: 'where content, status and the control socket are kept',
  environment: 'EVE_AGENT_STATE',
  schema: z.string().min(1, { error: 'a directory expected' }),
  default: DEFAULT_STATE_FOLDER,
};

export const scrubIntervalOption: OptionDescription = {
  flags: '--scrub-interval <hours>',
  description: 'how often every verified image is read again; 0: never',
  environment: 'EVE_AGENT_SCRUB_INTERVAL',
  schema: wholeNumber(0, 8760),
  default: 168,
};

/** The device configuration has the name `--config` here, so the settings have another. */
export const settingsOption: OptionDescription = {
  flags: '--settings <file>',
  description: 'YAML file with settings, named as the long options',
  environment: 'EVE_AGENT_SETTINGS',
  schema: z.string(),
};

export const engineOption: OptionDescription = {
  flags: '--engine <address>',
  description: 'the container engine that apps are launched at: a socket, or as DOCKER_HOST has it',
  environment: 'EVE_AGENT_ENGINE',
  schema: z.string().transform(parseEngineAddress),
  default: parseEngineAddress(undefined),
  defaultDescription: DEFAULT_ENGINE_SOCKET,
};

export const RUN_OPTIONS: readonly OptionDescription[] = [
  ...groupOptions('Files', [
    {
      flags: '--config <path>',
      description:
        'device configuration in the JSON form of EVE’s API, a file or a directory of fragments; it is watched ' +
        '(default, and while the directory is empty: what was put through the API)',
      environment: 'EVE_AGENT_DEVICE_CONFIG',
      schema: z.string().min(1, { error: 'a file or a directory expected' }),
    },
    stateOption,
    {
      flags: '--images <dir>',
      description: 'where verified images get their names (default: images below the state directory)',
      environment: 'EVE_AGENT_IMAGES',
      schema: z.string().min(1, { error: 'a directory expected' }),
    },
    {
      flags: '--grace <seconds>',
      description: 'how long content stays that no configuration refers to',
      environment: 'EVE_AGENT_GRACE',
      schema: wholeNumber(0, 31_536_000),
      default: 3600,
    },
    scrubIntervalOption,
    {
      flags: '--reserve <size>',
      description: 'free space that downloads never take',
      environment: 'EVE_AGENT_RESERVE',
      schema: byteSize(),
      default: 64 * 1024 * 1024,
      defaultDescription: '64M',
    },
  ]),
  ...groupOptions('API', [
    {
      flags: '--listen <place>',
      description:
        'where the API is offered: unix:PATH, or ADDRESS:PORT with mutual TLS; may be given several times ' +
        '(default: agent.sock in the state directory)',
      environment: 'EVE_AGENT_LISTEN',
      schema: z.string().transform(parseListenAddress),
      isList: true,
    },
    {
      flags: '--tls-certificate <file>',
      description: 'PEM certificate of the API on TCP',
      environment: 'EVE_AGENT_TLS_CERTIFICATE',
      schema: z.string(),
    },
    {
      flags: '--tls-key <file>',
      description: 'PEM key of that certificate',
      environment: 'EVE_AGENT_TLS_KEY',
      schema: z.string(),
    },
    {
      flags: '--client-ca <file>',
      description:
        'PEM certificates of the authority that clients of the API on TCP must have a certificate of',
      environment: 'EVE_AGENT_CLIENT_CA',
      schema: z.string(),
    },
    {
      flags: '--client-crl <file>',
      description:
        'revoked certificates of such clients: certificate revocation lists (PEM, or one in DER), or a text with ' +
        'one serial in hexadecimal a line',
      environment: 'EVE_AGENT_CLIENT_CRL',
      schema: z.string(),
    },
    {
      flags: '--page',
      description: 'show a web page at / wherever the API is offered; who may ask the API may open it',
      environment: 'EVE_AGENT_PAGE',
      schema: z.boolean(),
    },
  ]),
  ...groupOptions('Apps and deployments', [
    {
      flags: '--apps',
      description: 'launch the apps of the configuration, too; without it their images are fetched alone',
      environment: 'EVE_AGENT_APPS',
      schema: z.boolean(),
    },
    engineOption,
    {
      flags: '--deployments <file>',
      description:
        'deployments that are loaded and steered over mutual TLS, as ed-daemon’s config.json has them; it is watched',
      environment: 'EVE_AGENT_DEPLOYMENTS',
      schema: z.string().min(1, { error: 'a file expected' }),
    },
    {
      flags: '--deploy-listen <place>',
      description:
        'where deployments are offered: ADDRESS:PORT; certificate, key and authority stand in their file',
      environment: 'EVE_AGENT_DEPLOY_LISTEN',
      schema: z.string().transform(parseDeployListen),
      default: DEFAULT_DEPLOY_LISTEN,
      defaultDescription: '0.0.0.0:8866',
    },
    {
      ...registryAuthOption,
      description: `${registryAuthOption.description}; for the pull of deployments; it is read again when it changes`,
    },
    {
      flags: '--ca <file>',
      description:
        'PEM certificates that registries of the pull of deployments must lead to, in place of the system’s; those on ' +
        '.local are then spoken to over https; it is read again when it changes',
      environment: 'EVE_AGENT_CA',
      schema: z.string().min(1, { error: 'a file expected' }),
    },
  ]),
  ...groupOptions('Downloads', [
    bridgeOption,
    timeoutOption(10, 'how long to wait for an answer to the question for a host'),
    proxyOption,
    {
      flags: '--max-downloads <count>',
      description: 'downloads at the same time; one of them is never given to a large image',
      environment: 'EVE_AGENT_MAX_DOWNLOADS',
      schema: wholeNumber(1, 64),
      default: 4,
    },
    {
      flags: '--max-downloads-per-datastore <count>',
      description: 'of those, from one datastore; likewise',
      environment: 'EVE_AGENT_MAX_DOWNLOADS_PER_DATASTORE',
      schema: wholeNumber(1, 64),
      default: 2,
    },
    {
      flags: '--rate-limit <size>',
      description: 'bytes a second that all downloads together may take, such as 10M (default: no limit)',
      environment: 'EVE_AGENT_RATE_LIMIT',
      schema: byteSize().refine((bytes) => bytes >= 1024, { error: 'at least 1K expected' }),
    },
    ...transferOptions(
      'the next datastore of the content tree is tried, or the slot given to what waits for one; it goes on where ' +
        'it was when nothing better is there',
    ),
    {
      flags: '--retry-interval <seconds>',
      description: 'what the growing waits between tries lead to',
      environment: 'EVE_AGENT_RETRY_INTERVAL',
      schema: wholeNumber(1, 86_400),
      default: 60,
    },
    {
      flags: '--slow-retry-interval <seconds>',
      description:
        'wait, up to twice that long, where a datastore refuses a file (as with 404) or keeps sending wrong bytes; ' +
        'one on .local that announces itself again is asked at once',
      environment: 'EVE_AGENT_SLOW_RETRY_INTERVAL',
      schema: wholeNumber(1, 86_400),
      // EVE's timer.download.retry.
      default: 600,
    },
    {
      flags: '--allow-plain-credentials',
      description: 'send apiKey and password over unencrypted HTTP, too',
      environment: 'EVE_AGENT_ALLOW_PLAIN_CREDENTIALS',
      schema: z.boolean(),
    },
  ]),
  ...groupOptions('This host', [
    ...separationOptions(
      'speak to datastores and registries in a process of its own, which holds no rights, or end; what it does is ' +
        'put down in the folder audit of the state directory (default: so, but in one process where this host lets ' +
        'none run)',
      'do it all in one process alone, as for development',
    ),
    {
      flags: '--dhcp <interface>',
      description:
        'get this interface its address by DHCP, by a process that holds no rights; may be given several times ' +
        '(default: none)',
      environment: 'EVE_AGENT_DHCP',
      // IFNAMSIZ of the kernel, with what names may not hold.
      schema: z.string().regex(/^(?!\.{1,2}$)[^\s/:]{1,15}$/, { error: 'the name of an interface expected' }),
      isList: true,
    },
    {
      flags: '--ntp <server>',
      description:
        'keep the clock right by this time server, an address or a name, also on .local, which a process that holds no ' +
        'rights asks; may be given several times; without the right to set the clock it is only watched (default: none)',
      environment: 'EVE_AGENT_NTP',
      schema: z.string().min(1, { error: 'a time server expected' }),
      isList: true,
    },
  ]),
  { ...logLevelOption, default: 'info' },
  logFormatOption('EVE_AGENT_LOG_FORMAT'),
  settingsOption,
];

/** What may stand in the file of `--settings`. */
export const RUN_SETTINGS = RUN_OPTIONS.filter((each) => each !== settingsOption);

/** The title of the JSON Schema in `settings.schema.json`. */
export const SETTINGS_TITLE = 'Settings file of eve-agent run';
