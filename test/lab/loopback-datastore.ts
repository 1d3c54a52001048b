import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { datastoreApp, waitForLog } from './programs.ts';

/** The write token of every datastore that is started here. */
export const WRITE_TOKEN = 'token-of-the-loopback-datastore';
export const WRITE_HEADERS = { authorization: `Bearer ${WRITE_TOKEN}` };

export interface LoopbackDatastore {
  readonly child: ChildProcess;
  readonly port: number;
  readonly tlsPort: number | undefined;
  /** Such as `http://127.0.0.1:40001`. */
  readonly url: string;
  /** What it has logged so far. */
  log(): string;
  /** SIGTERM, and its exit code. */
  stop(): Promise<number | null>;
}

/** A place for one datastore after another, on 127.0.0.1 and without multicast DNS. */
export interface DatastoreFolder {
  readonly folder: string;
  readonly root: string;
  readonly state: string;
  /** Starts the real program from its sources, with further arguments. */
  start(...args: readonly string[]): Promise<LoopbackDatastore>;
  /** Kills what still runs, and removes the folder. */
  remove(): Promise<void>;
}

export async function createDatastoreFolder(): Promise<DatastoreFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'datastore-'));
  const root = join(folder, 'root');
  const state = join(folder, 'state');
  const children = new Set<ChildProcess>();
  return {
    folder,
    root,
    state,
    async start(...args) {
      const place = ['--root', root, '--state', state, '--advertise', 'none', '--address', '127.0.0.1'];
      const [program = '', ...rest] = datastoreApp(
        'serve',
        ...place,
        '--port',
        '0',
        '--tls-port',
        '0',
        ...args,
      );
      const env = { ...process.env, DATASTORE_WRITE_TOKEN: WRITE_TOKEN };
      const child = spawn(program, rest, { env, stdio: ['ignore', 'ignore', 'pipe'] });
      children.add(child);
      const { log, seen } = waitForLog(child, '"listening"');
      await seen;
      const line = log()
        .split('\n')
        .find((text) => text.includes('"listening"'));
      const { port, tlsPort } = JSON.parse(line ?? '') as { port: number; tlsPort?: number };
      return {
        child,
        port,
        tlsPort,
        url: `http://127.0.0.1:${port}`,
        log,
        async stop() {
          if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
          const ended = once(child, 'exit');
          child.kill('SIGTERM');
          return (await ended)[0] as number | null;
        },
      };
    },
    async remove() {
      for (const child of children) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }
      await rm(folder, { recursive: true });
    },
  };
}
