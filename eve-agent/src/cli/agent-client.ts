// SPDX-License-Identifier: Apache-2.0
import { join, resolve } from 'node:path';
import type { OptionDescription } from '@local-datastore/shared/command-line/options';
import { ConfigurationError } from '@local-datastore/shared/errors';
import * as z from 'zod';
import { type AgentClient, type AgentPlace, createAgentClient } from '../api/client.ts';
import { readClientTls } from '../api/client-tls.ts';
import { SOCKET_NAME } from '../api/socket-path.ts';
import { configOption, jsonOption } from '../config.ts';
import { DEFAULT_STATE_FOLDER, stateOption } from './agent-options.ts';

/** Of the commands that ask a running service. */
export interface ClientOptions {
  readonly state: string;
  readonly socket?: string;
  readonly api?: URL;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  readonly serverCa?: string;
  readonly json?: true;
}

/** @throws ConfigurationError unless it is an https URL of a host and a port */
export function parseApiUrl(text: string): URL {
  const url = URL.parse(text);
  if (url !== null && (url.username !== '' || url.password !== ''))
    throw new ConfigurationError('the URL of an API holds no user name or password: a certificate is shown');
  if (url?.protocol === 'https:' && url.pathname === '/' && url.search === '' && url.hash === '') return url;
  throw new ConfigurationError(`"${text}" is no URL of an API: https://HOST:PORT expected`);
}

const fileSchema = z.string().min(1, { error: 'a file expected' });

export const CLIENT_OPTIONS: readonly OptionDescription[] = [
  { ...stateOption, description: 'the state directory of the running agent' },
  {
    flags: '--socket <file>',
    description: `the socket of the running agent (default: ${SOCKET_NAME} in its state directory)`,
    environment: 'EVE_AGENT_SOCKET',
    schema: fileSchema,
  },
  {
    flags: '--api <url>',
    description:
      'the API of the running agent on TCP in place of its socket, such as https://10.1.0.1:8443; needs ' +
      '--client-certificate and --client-key',
    environment: 'EVE_AGENT_API',
    schema: z.string().transform(parseApiUrl),
    // What somebody put into it by mistake may be a secret.
    isSecret: true,
  },
  {
    flags: '--client-certificate <file>',
    description: 'PEM certificate of an authority that the agent takes clients of (its --client-ca)',
    environment: 'EVE_AGENT_CLIENT_CERTIFICATE',
    schema: fileSchema,
  },
  {
    flags: '--client-key <file>',
    description: 'PEM key of that certificate',
    environment: 'EVE_AGENT_CLIENT_KEY',
    schema: fileSchema,
  },
  {
    flags: '--server-ca <file>',
    description:
      'PEM certificates that the chain of the agent’s own certificate must lead to, in place of the system’s',
    environment: 'EVE_AGENT_SERVER_CA',
    schema: fileSchema,
  },
  jsonOption,
  configOption,
];

/**
 * Where the options say that the running agent is.
 *
 * @throws ConfigurationError for options that do not go together, and files that cannot be used
 */
export function agentPlaceOf(options: ClientOptions): AgentPlace {
  const { api, socket, state = DEFAULT_STATE_FOLDER, clientCertificate, clientKey, serverCa } = options;
  const files = {
    '--client-certificate': clientCertificate,
    '--client-key': clientKey,
    '--server-ca': serverCa,
  };
  if (api === undefined) {
    const given = Object.entries(files).flatMap(([option, file]) => (file === undefined ? [] : [option]));
    if (given.length > 0)
      throw new ConfigurationError(
        `${given.join(', ')} ${given.length > 1 ? 'are' : 'is'} for --api, which is missing`,
      );
    return { kind: 'unix', path: resolve(socket ?? join(state, SOCKET_NAME)) };
  }
  if (socket !== undefined)
    throw new ConfigurationError('--api and --socket name two ways to the agent: give one of them');
  if (clientCertificate === undefined || clientKey === undefined) {
    const missing = clientCertificate === undefined ? '--client-certificate' : '--client-key';
    throw new ConfigurationError(
      `--api needs --client-certificate and --client-key, as the agent wants to see both: ${missing} is missing`,
    );
  }
  const tls = readClientTls({ clientCertificate, clientKey, ...(serverCa !== undefined && { serverCa }) });
  return { kind: 'tcp', url: api, tls };
}

/** @throws ConfigurationError */
export const connectAgent = (options: ClientOptions): AgentClient => createAgentClient(agentPlaceOf(options));
