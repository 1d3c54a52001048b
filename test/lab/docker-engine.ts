// SPDX-License-Identifier: Apache-2.0
/** A Docker engine of its own, in a namespace: what it pulls from is what that namespace reaches. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Finished, Namespace } from './namespace.ts';
import { askSocket } from './socket-request.ts';

export interface RunningEngine {
  /** Where it listens: a path. */
  readonly socket: string;
  /** A command of `docker`. */
  docker(...args: readonly string[]): Promise<string>;
  run(...args: readonly string[]): Promise<Finished>;
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

const START_LIMIT_MS = 600_000;
const LOOK_MS = 100;

/** @param folder which is made; @param args further options of `dockerd` */
export async function startDockerEngine(
  place: Namespace,
  folder: string,
  ...args: readonly string[]
): Promise<RunningEngine> {
  const socket = join(folder, 'docker.sock');
  const child = place.start(
    [
      ...[
        'dockerd',
        '--host',
        `unix://${socket}`,
        '--data-root',
        join(folder, 'data'),
        '--exec-root',
        join(folder, 'exec'),
      ],
      ...['--pidfile', join(folder, 'docker.pid'), '--bridge', 'none', '--iptables=false', ...args],
    ],
    { stdio: 'ignore' },
  );
  return waitForEngine(place, child, socket, ['docker']);
}

/** @param client the command line of a `docker` that the engine speaks with */
export async function waitForEngine(
  place: Namespace,
  child: ChildProcess,
  socket: string,
  client: readonly string[],
): Promise<RunningEngine> {
  const command = (words: readonly string[]) => [...client, '--host', `unix://${socket}`, ...words];
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  const limit = performance.now() + START_LIMIT_MS;
  // Not by the client, whose start takes longer than the pause between two looks.
  const whyNone = () =>
    askSocket(socket, '/version').then(
      () => undefined,
      (error: Error) => error,
    );
  for (let cause = await whyNone(); cause !== undefined; cause = await whyNone()) {
    if (child.exitCode !== null || performance.now() > limit) throw new Error('no engine answers', { cause });
    await delay(LOOK_MS);
  }
  return {
    socket,
    docker: (...words) => place.mustRun(command(words)),
    run: (...words) => place.run(command(words)),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}
