// SPDX-License-Identifier: Apache-2.0
/** The real `eve-agent mirror` in a namespace. */
import { once } from 'node:events';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Namespace } from './namespace.ts';
import { eveAgent, waitForLog } from './programs.ts';

export const MIRROR_PLACE = '127.0.0.1:5055';

/** One that runs. */
export interface RunningMirror {
  /** The digests of what is whole in its cache, in their order. */
  blobs(): Promise<string[]>;
  log(): string;
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Starts it with further arguments, and waits until it listens. @param cache which is made */
export async function startMirror(
  place: Namespace,
  cache: string,
  ...args: readonly string[]
): Promise<RunningMirror> {
  await mkdir(cache, { recursive: true });
  const options = ['--cache', cache, '--timeout', '3', '--reserve', '0', ...args];
  const child = place.start(eveAgent('mirror', ...options), { stdio: ['ignore', 'pipe', 'pipe'] });
  const log = waitForLog(child, 'never');
  if (child.stdout === null) throw new Error('no output');
  const [text] = await once(child.stdout, 'data');
  if (!String(text).includes(`listening on ${MIRROR_PLACE}`)) throw new Error(String(text));
  return {
    async blobs() {
      const names = await readdir(join(cache, 'blobs', 'sha256'));
      return names.filter((name) => !name.startsWith('.')).sort();
    },
    log: log.log,
    async end(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
    },
  };
}
