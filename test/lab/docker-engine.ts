/** A Docker engine of its own, in a namespace: what it pulls from is what that namespace reaches. */
import { once } from 'node:events';
import { join } from 'node:path';
import { vi } from 'vitest';
import type { Finished, Namespace } from './namespace.ts';

export interface RunningEngine {
  /** A command of `docker`. */
  docker(...args: readonly string[]): Promise<string>;
  run(...args: readonly string[]): Promise<Finished>;
  stop(): Promise<void>;
}

const START_LIMIT_MS = 60_000;

/** @param folder which is made; @param args further options of `dockerd` */
export async function startDockerEngine(
  place: Namespace,
  folder: string,
  ...args: readonly string[]
): Promise<RunningEngine> {
  const host = `unix://${join(folder, 'docker.sock')}`;
  const child = place.start(
    [
      ...[
        'dockerd',
        '--host',
        host,
        '--data-root',
        join(folder, 'data'),
        '--exec-root',
        join(folder, 'exec'),
      ],
      ...['--pidfile', join(folder, 'docker.pid'), '--bridge', 'none', '--iptables=false', ...args],
    ],
    { stdio: 'ignore' },
  );
  const command = (words: readonly string[]) => ['docker', '--host', host, ...words];
  await vi.waitFor(() => place.mustRun(command(['version'])), { timeout: START_LIMIT_MS });
  return {
    docker: (...words) => place.mustRun(command(words)),
    run: (...words) => place.run(command(words)),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}
