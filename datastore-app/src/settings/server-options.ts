// SPDX-License-Identifier: Apache-2.0
import { isIP } from 'node:net';
import { type OptionDescription, wholeNumber } from '@local-datastore/shared/command-line/options';
import * as z from 'zod';
import { ACCESS_LOG_CHOICES, type AccessLogChoice } from '../http/access-log.ts';
import { TLS_MODES } from '../tls/decide-tls.ts';

/** Where the datastore listens, with which certificate, and what it puts up with. */
export interface ServerOptions {
  readonly address?: string;
  readonly port: number;
  readonly tls?: (typeof TLS_MODES)[number];
  readonly tlsPort: number;
  readonly tlsCertificate?: string;
  readonly tlsKey?: string;
  /** Seconds. */
  readonly drainTimeout: number;
  readonly maxConnections: number;
  /** Seconds. */
  readonly headerTimeout: number;
  /** Seconds. */
  readonly idleTimeout: number;
  readonly accessLog: AccessLogChoice;
  /** Absent: confined, where this host lets a process be confined. */
  readonly parsing?: (typeof PARSING_PLACES)[number];
}

/** Where files that others made are parsed. */
const PARSING_PLACES = ['own', 'confined'] as const;

export const PORT_OPTION: OptionDescription = {
  flags: '--port <number>',
  description: 'HTTP port; stock EVE takes 80 alone',
  environment: 'DATASTORE_PORT',
  schema: wholeNumber(0, 65_535),
  default: 80,
};

/** Commands that speak to the datastore of this machine look for it there. */
export const ADDRESS_OPTION: OptionDescription = {
  flags: '--address <ip>',
  description: 'address to listen on (default: every one)',
  environment: 'DATASTORE_ADDRESS',
  schema: z.string().refine((text) => isIP(text) !== 0, { error: 'an IP address expected' }),
};

export const SERVER_OPTIONS: readonly OptionDescription[] = [
  ADDRESS_OPTION,
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
    flags: '--parsing <place>',
    description:
      'where images are parsed: confined, in a process without rights, as far as the host gives it, or end; own, in the process of the datastore (default: confined, but own where this host lets no process be confined)',
    environment: 'DATASTORE_PARSING',
    schema: z.enum(PARSING_PLACES, { error: `one of ${PARSING_PLACES.join(', ')} expected` }),
  },
];
