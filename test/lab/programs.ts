// SPDX-License-Identifier: Apache-2.0
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { isBuilt } from '../../compose/build-inputs.ts';
import { workspace } from '../../compose/program-bundle.ts';
import type { Finished, Namespace, RunOptions } from './namespace.ts';

/** Whether `npm run build` made bundles of just these sources: they start in half the time, and are what is shipped. */
const areBundled = await isBuilt(workspace);

const commandOf = (program: string) => [
  process.execPath,
  join(workspace, areBundled ? `dist/${program}/main.js` : `${program}/src/main.ts`),
];

/** The command line that runs eve-agent: its bundle where that is of these sources, else from them. */
export const eveAgent = (...args: readonly string[]): string[] => [...commandOf('eve-agent'), ...args];

/** The command line that runs datastore-app, as {@link eveAgent}. */
export const datastoreApp = (...args: readonly string[]): string[] => [
  ...commandOf('datastore-app'),
  ...args,
];

/** Runs eve-agent on a host to its end. */
export function runAgent(host: Namespace, args: readonly string[], options?: RunOptions): Promise<Finished> {
  return host.run(eveAgent(...args), options);
}

export interface RunningDatastore {
  readonly child: ChildProcess;
  /** What it has logged so far. */
  log(): string;
  /** SIGTERM, and its exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** Only ends what fails: a machine may be busy with much else. */
const READY_LIMIT_MS = 600_000;

/** Collects what a program logs, and resolves when a line holds `text`. */
export function waitForLog(
  child: ChildProcess,
  text: string,
  limitMs = READY_LIMIT_MS,
): { log(): string; seen: Promise<void> } {
  let log = '';
  const seen = new Promise<void>((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`no "${text}" within ${limitMs} ms: ${log}`)), limitMs);
    child.stderr?.on('data', (bytes) => {
      log += bytes;
      if (!log.includes(text)) return;
      clearTimeout(limit);
      resolve();
    });
    // Not 'exit': what it said at last may come after that.
    child.once('close', (code) => {
      clearTimeout(limit);
      reject(new Error(`ended with ${code} before "${text}": ${log}`));
    });
  });
  seen.catch(() => {});
  return { log: () => log, seen };
}

/**
 * Starts the datastore in an app and waits until it has seen its own answer on the wire.
 *
 * @param args options of `serve`
 */
export async function startDatastore(app: Namespace, args: readonly string[]): Promise<RunningDatastore> {
  const child = app.start(datastoreApp('serve', ...args), { stdio: ['ignore', 'ignore', 'pipe'] });
  const { log, seen } = waitForLog(child, 'our own answer was seen');
  await seen;
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = once(child, 'exit');
    child.kill(signal);
    const [code] = (await ended) as [number | null];
    return code;
  };
  return {
    child,
    log,
    stop: () => end('SIGTERM'),
    async kill() {
      await end('SIGKILL');
    },
  };
}
