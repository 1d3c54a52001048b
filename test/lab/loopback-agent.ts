// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import { finish } from './namespace.ts';
import { eveAgent, waitForLog } from './programs.ts';

/** A line of the agent's log. */
export type AgentLogLine = Readonly<Record<string, unknown>>;

/** A place for one `eve-agent run` after another. Without names on `.local` it opens no multicast socket. */
export interface AgentFolder {
  readonly folder: string;
  readonly state: string;
  /** Replaces the device configuration as controllers do: by a rename. */
  configure(document: object): Promise<void>;
  /** Starts the real program from its sources, with further arguments, and waits until it runs. */
  start(...args: readonly string[]): Promise<void>;
  /** Of the one that was started last. */
  pid(): number;
  /** Ends it with a signal. @returns its exit code; null: killed */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** The lines of the running agent's log with a message. */
  lines(message: string): AgentLogLine[];
  /** The whole log of all that were started. */
  log(): string;
  /** The status document of a content tree; empty: none. */
  statusOf(uuid: string): Promise<Partial<ContentTreeStatus>>;
  /** The most memory that the running agent has had resident so far. */
  peakBytes(): Promise<number>;
  /** Runs another command of the agent to its end. */
  command(...args: readonly string[]): ReturnType<typeof finish>;
  /** Kills what still runs, and removes the folder. */
  remove(): Promise<void>;
}

/**
 * @param env beside this process's own
 * @param parent of the folder
 */
export async function createAgentFolder(
  env: NodeJS.ProcessEnv = {},
  parent: string = tmpdir(),
): Promise<AgentFolder> {
  const folder = await mkdtemp(join(parent, 'agent-'));
  const state = join(folder, 'state');
  const config = join(folder, 'device.json');
  const logs: (() => string)[] = [];
  let child: ChildProcess | undefined;
  await mkdir(state);

  function spawnAgent(args: readonly string[]): ChildProcess {
    const [program = '', ...rest] = eveAgent(...args);
    return spawn(program, rest, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  }
  async function end(signal: NodeJS.Signals): Promise<number | null> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null)
      return child?.exitCode ?? null;
    const ended = once(child, 'exit');
    child.kill(signal);
    return (await ended)[0] as number | null;
  }

  return {
    folder,
    state,
    async configure(document) {
      await writeFile(`${config}.new`, JSON.stringify(document));
      await rename(`${config}.new`, config);
    },
    async start(...args) {
      child = spawnAgent(['run', '--config', config, '--state', state, '--reserve', '0', ...args]);
      const { log, seen } = waitForLog(child, '"running"');
      logs.push(log);
      await seen;
    },
    pid: () => child?.pid ?? 0,
    end,
    lines: (message) =>
      (logs.at(-1)?.() ?? '')
        .split('\n')
        .filter((line) => line.includes(`"msg":"${message}"`))
        .map((line) => JSON.parse(line) as AgentLogLine),
    log: () => logs.map((log) => log()).join(''),
    async statusOf(uuid) {
      const file = join(state, 'status', 'ContentTreeStatus', `${uuid}.json`);
      return JSON.parse(await readFile(file, 'utf8').catch(() => '{}')) as ContentTreeStatus;
    },
    async peakBytes() {
      const status = await readFile(`/proc/${child?.pid}/status`, 'utf8');
      return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
    },
    command: (...args) => finish(spawnAgent(args)),
    async remove() {
      await end('SIGKILL');
      await rm(folder, { recursive: true });
    },
  };
}

/** A TCP port of 127.0.0.1 that nobody has at the moment. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}
