// SPDX-License-Identifier: Apache-2.0
/** The real datastore on loopback, without multicast DNS, in folders of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, realpath, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type Finished, finish } from './namespace.ts';
import { datastoreApp, waitForLog } from './programs.ts';

export const ADDRESS = '127.0.0.1';
export const UPLOADS = '/-/api/v1/uploads';
/** The write token of every datastore that is started here. */
export const WRITE_TOKEN = 'token-of-the-loopback-datastore';
export const WRITE_HEADERS = { authorization: `Bearer ${WRITE_TOKEN}` };
/** When what `put` puts was modified: long ago, so that it is hashed without waiting. */
export const LAST_MODIFIED = 'Tue, 03 Feb 2026 04:05:06 GMT';
export const MODIFIED = new Date(LAST_MODIFIED);

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface RequestOptions {
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
  /** False: without the write token. */
  readonly withToken?: boolean;
}

export interface LoopbackDatastore {
  readonly child: ChildProcess;
  readonly port: number;
  readonly tlsPort: number | undefined;
  /** Such as `http://127.0.0.1:40001`. */
  readonly url: string;
  /** What it has logged so far. */
  log(): string;
  /** With the write token, on a connection of its own. */
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** As anybody. */
  get(path: string, headers?: Record<string, string>, method?: string): Promise<Answer>;
  json(path: string): Promise<Record<string, unknown>>;
  /** SIGTERM, and its exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** A place for one datastore after another. */
export interface DatastoreFolder {
  readonly folder: string;
  readonly root: string;
  readonly state: string;
  /** The names in the incoming directory. */
  incoming(): Promise<string[]>;
  /** Puts a file below the root at once, with the time {@link MODIFIED}. */
  put(path: string, content: Buffer | string): Promise<void>;
  /** Starts the real program from its sources, with further arguments, which win. */
  start(...args: readonly string[]): Promise<LoopbackDatastore>;
  /** Runs another command of the program to its end, on the same folders. */
  run(...args: readonly string[]): Promise<Finished>;
  /** Runs the program with just these arguments to its end. */
  runPlain(...args: readonly string[]): Promise<Finished>;
  /** The same with further variables in the environment. */
  runPlainWith(variables: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Finished>;
  /** Kills what still runs, and removes the folder. */
  remove(): Promise<void>;
}

/** The `code` of the problem of an answer, or its status where it has none. */
export function problemOf({ status, headers, body }: Answer): string | number {
  if (headers['content-type'] !== 'application/problem+json') return status;
  const problem = JSON.parse(body.toString()) as { status: number; code?: string };
  return problem.code ?? problem.status;
}

/** The ports, as the line of the log says them. */
function listeningOf(log: string): { port: number; tlsPort?: number } {
  const line = log.split('\n').find((text) => text.includes('"listening"'));
  return JSON.parse(line ?? '') as { port: number; tlsPort?: number };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const ended = once(child, 'exit');
  child.kill(signal);
  return (await ended)[0] as number | null;
}

function connectTo(child: ChildProcess, log: () => string): LoopbackDatastore {
  const { port, tlsPort } = listeningOf(log());
  const request: LoopbackDatastore['request'] = async (method, path, options = {}) => {
    const { headers = {}, body, withToken = true } = options;
    const sent = httpRequest({
      ...{ host: ADDRESS, port, path, method, agent: false },
      headers: { ...(withToken && WRITE_HEADERS), ...headers },
    });
    sent.end(body);
    const [response] = await once(sent, 'response');
    // A refusal may come while the body is still being sent.
    sent.on('error', () => {});
    return { status: response.statusCode, headers: response.headers, body: await buffer(response) };
  };
  return {
    ...{ child, port, tlsPort, url: `http://${ADDRESS}:${port}`, log, request },
    get: (path, headers = {}, method = 'GET') => request(method, path, { headers, withToken: false }),
    json: async (path) => JSON.parse((await request('GET', path)).body.toString()),
    stop: () => end(child, 'SIGTERM'),
    kill: async () => void (await end(child, 'SIGKILL')),
  };
}

/** @param options.root where the images shall stand, instead of a new folder, which is made here or there */
export async function createDatastoreFolder(options: { root?: string } = {}): Promise<DatastoreFolder> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'datastore-')));
  const root = options.root ?? join(folder, 'root');
  const state = join(folder, 'state');
  const storage = ['--root', root, '--state', state];
  const running = new Set<ChildProcess>();

  function spawnProgram(
    args: readonly string[],
    variables: Readonly<Record<string, string>> = {},
  ): ChildProcess {
    const [program = '', ...rest] = datastoreApp(...args);
    const env = { ...process.env, DATASTORE_WRITE_TOKEN: WRITE_TOKEN, ...variables };
    const child = spawn(program, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    child.once('exit', () => running.delete(child));
    return child;
  }

  return {
    folder,
    root,
    state,
    incoming: () => readdir(join(root, '.incoming')).catch(() => []),

    async put(path, content) {
      const temporary = join(folder, 'temporary');
      await writeFile(temporary, content);
      await utimes(temporary, MODIFIED, MODIFIED);
      await mkdir(dirname(join(root, path)), { recursive: true });
      await rename(temporary, join(root, path));
    },

    async start(...args) {
      const child = spawnProgram([
        ...['serve', ...storage, '--advertise', 'none', '--address', ADDRESS],
        ...['--port', '0', '--tls-port', '0', ...args],
      ]);
      const { log, seen } = waitForLog(child, '"listening"');
      await seen;
      return connectTo(child, log);
    },

    run: (...args) => finish(spawnProgram([...args, ...storage])),
    runPlain: (...args) => finish(spawnProgram(args)),
    runPlainWith: (variables, ...args) => finish(spawnProgram(args, variables)),

    async remove() {
      for (const child of running) await end(child, 'SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
