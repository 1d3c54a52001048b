/** The real datastore on loopback, without multicast DNS, in folders of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { datastoreApp, waitForLog } from '../lab/programs.ts';

export const ADDRESS = '127.0.0.1';
/** How long something that must come about may take on a busy machine. */
export const SOON = { timeout: 20_000 };
export const UPLOADS = '/-/api/v1/uploads';

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

export interface Datastore {
  readonly port: number;
  readonly token: string;
  log(): string;
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** The `code` of the problem of an answer, or its status where it has none. */
  problemOf(answer: Answer): string | number;
  json(path: string): Promise<Record<string, unknown>>;
  /** SIGTERM; the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

export interface Folders {
  readonly folder: string;
  readonly root: string;
  readonly state: string;
  /** The names in the incoming directory. */
  incoming(): Promise<string[]>;
  start(...args: string[]): Promise<Datastore>;
  /** Runs another command of the program to its end, on the same folders. */
  run(...args: string[]): Promise<{ stdout: string; stderr: string; exitCode: number | null }>;
  /** Ends what runs, and removes all. */
  clean(): Promise<void>;
}

/** @param options.root where the images shall stand, instead of a new folder */
export async function makeFolders(options: { root?: string } = {}): Promise<Folders> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'datastore-')));
  const root = options.root ?? join(folder, 'root');
  const state = join(folder, 'state');
  const storage = ['--root', root, '--state', state];
  const running = new Set<ChildProcess>();

  function spawnProgram(args: readonly string[]): ChildProcess {
    const [program = '', ...rest] = datastoreApp(...args, ...storage);
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    child.once('exit', () => running.delete(child));
    return child;
  }

  async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = once(child, 'exit');
    child.kill(signal);
    return (await ended)[0] as number | null;
  }

  return {
    folder,
    root,
    state,
    incoming: () => readdir(join(root, '.incoming')).catch(() => []),

    async start(...args) {
      const child = spawnProgram([
        'serve',
        '--advertise',
        'none',
        '--address',
        ADDRESS,
        '--port',
        '0',
        ...args,
      ]);
      const { log, seen } = waitForLog(child, '"listening"');
      await seen;
      const line = log()
        .split('\n')
        .find((candidate) => candidate.includes('"listening"'));
      const { port } = JSON.parse(line ?? '') as { port: number };
      const token = (await readFile(join(state, 'write-token'), 'utf8')).trim();
      const request: Datastore['request'] = async (
        method,
        path,
        { headers = {}, body, withToken = true } = {},
      ) => {
        const authorization = withToken ? { Authorization: `Bearer ${token}` } : {};
        const sent = httpRequest({
          ...{ host: ADDRESS, port, path, method, agent: false },
          headers: { ...authorization, ...headers },
        });
        sent.end(body);
        const [response] = await once(sent, 'response');
        // A refusal may come while the body is still being sent.
        sent.on('error', () => {});
        return { status: response.statusCode, headers: response.headers, body: await buffer(response) };
      };
      return {
        port,
        token,
        log,
        request,
        problemOf({ status, headers, body }) {
          if (headers['content-type'] !== 'application/problem+json') return status;
          const problem = JSON.parse(body.toString()) as { status: number; code?: string };
          return problem.code ?? problem.status;
        },
        json: async (path) => JSON.parse((await request('GET', path)).body.toString()),
        stop: () => end(child, 'SIGTERM'),
        kill: async () => void (await end(child, 'SIGKILL')),
      };
    },

    async run(...args) {
      const child = spawnProgram(args);
      const [stdout, stderr, [exitCode]] = await Promise.all([
        text(child.stdout as NodeJS.ReadableStream),
        text(child.stderr as NodeJS.ReadableStream),
        once(child, 'close') as Promise<[number | null]>,
      ]);
      return { stdout, stderr, exitCode };
    },

    async clean() {
      for (const child of running) await end(child, 'SIGKILL');
      await rm(folder, { recursive: true });
    },
  };
}
