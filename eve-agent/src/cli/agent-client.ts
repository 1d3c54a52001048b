import { join, resolve } from 'node:path';
import type { OptionDescription } from '@local-datastore/shared/command-line/options';
import { ConfigurationError } from '@local-datastore/shared/errors';
import * as z from 'zod';
import { type AgentClient, createAgentClient } from '../api/client.ts';
import { configOption, jsonOption } from '../config.ts';
import { DEFAULT_STATE_FOLDER, stateOption } from './agent-options.ts';

/** Of the commands that ask a running service. */
export interface ClientOptions {
  readonly state: string;
  readonly socket?: string;
  readonly json?: true;
}

export const SOCKET_NAME = 'agent.sock';

export const CLIENT_OPTIONS: readonly OptionDescription[] = [
  { ...stateOption, description: 'the state directory of the running agent' },
  {
    flags: '--socket <file>',
    description: `the socket of the running agent (default: ${SOCKET_NAME} in its state directory)`,
    environment: 'EVE_AGENT_SOCKET',
    schema: z.string().min(1, { error: 'a file expected' }),
  },
  jsonOption,
  configOption,
];

export function connectAgent({ socket, state = DEFAULT_STATE_FOLDER }: ClientOptions): AgentClient {
  return createAgentClient(resolve(socket ?? join(state, SOCKET_NAME)));
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** @throws ConfigurationError unless it is a uuid, which alone may stand in a path */
export function parseUuid(text: string): string {
  if (!UUID.test(text)) throw new ConfigurationError(`"${text}" is no uuid: "eve-agent status" lists them`);
  return text.toLowerCase();
}
