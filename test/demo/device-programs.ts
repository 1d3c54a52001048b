// SPDX-License-Identifier: Apache-2.0
/** The two programs, from their sources, on an emulated device. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { RunAgent } from '../../compose/demo/story.ts';
import type { App, Lab } from '../lab/lab.ts';

const DATASTORE = fileURLToPath(new URL('../../datastore-app/src/main.ts', import.meta.url));
const AGENT = fileURLToPath(new URL('../../eve-agent/src/main.ts', import.meta.url));
/** Only ends what fails: a machine may be busy with much else. */
const READY_TIMEOUT_MS = 600_000;

/** The command line that runs the agent. */
export const agentCommand = (...args: readonly string[]): string[] => [process.execPath, AGENT, ...args];

/** Ends with 0 as soon as a datastore says that its own answer was seen on the wire; prints what it says till then. */
const AWAIT_READY = `
const [url] = process.argv.slice(1);
for (let said; ; ) {
  const response = await fetch(url).catch((error) => ({ text: () => String(error.cause ?? error) }));
  if (response.ok) break;
  const text = await response.text();
  if (text !== said) console.log((said = text));
  await new Promise((resolve) => setTimeout(resolve, 50));
}`;

export interface DemoOptions {
  readonly lab: Lab;
  /** An empty directory, with room for what is written. */
  readonly directory: string;
  readonly write: (text: string) => void;
  readonly isColoured: boolean;
  readonly signal: AbortSignal;
}

export interface Datastore {
  /** SIGTERM. @throws Error: it did not end with 0 */
  stop(): Promise<void>;
}

/** Where images of a datastore lie. */
export const imagesOf = (directory: string, hostName: string): string => join(directory, hostName, 'images');

export interface DevicePrograms {
  /** @throws the signal's reason; Error: it ended with another exit code than 0 */
  readonly runAgent: RunAgent;
  /** Starts a datastore in an app and waits until it is ready. */
  startDatastore(app: App, address: string, hostName: string): Promise<Datastore>;
}

/** @param directory where the datastores have their folders */
export function createDevicePrograms({
  lab,
  directory,
  signal,
}: Pick<DemoOptions, 'lab' | 'directory' | 'signal'>): DevicePrograms {
  const runAgent: RunAgent = async (args) => {
    signal.throwIfAborted();
    const child = lab.host.start(agentCommand(...args), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [stdout, [code]] = await Promise.all([
      child.stdout === null ? '' : text(child.stdout),
      once(child, 'close'),
    ]);
    signal.throwIfAborted();
    if (code !== 0) throw new Error(`eve-agent ${args[0]} ended with exit code ${code}`);
    return stdout;
  };

  async function startDatastore(app: App, address: string, hostName: string): Promise<Datastore> {
    signal.throwIfAborted();
    const root = imagesOf(directory, hostName);
    const state = join(directory, hostName, 'state');
    await mkdir(root, { recursive: true });
    await mkdir(state, { recursive: true });
    const options = ['--root', root, '--state', state, '--host-name', hostName, '--log-level', 'error'];
    const child = app.start([process.execPath, DATASTORE, 'serve', ...options], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const ended = once(child, 'close');
    const ready = lab.host.run(
      [process.execPath, '--input-type=module', '-e', AWAIT_READY, `http://${address}/-/readyz`],
      { timeoutMs: READY_TIMEOUT_MS },
    );
    const [outcome, said] = await Promise.race([
      ready.then(({ exitCode, stdout }) => [exitCode, stdout.trim().split('\n').at(-1)]),
      ended.then(() => ['ended']),
    ]);
    signal.throwIfAborted();
    if (outcome === 'ended') throw new Error(`the datastore ended ${describeEnd(child)} instead of serving`);
    if (outcome !== 0) {
      throw new Error(
        `the datastore was not ready within ${READY_TIMEOUT_MS / 1000} s: ${said || 'it says nothing'}`,
      );
    }
    return {
      async stop() {
        child.kill('SIGTERM');
        await ended;
        signal.throwIfAborted();
        if (child.exitCode !== 0) throw new Error(`the datastore ended ${describeEnd(child)} when stopped`);
      },
    };
  }

  return { runAgent, startDatastore };
}

/** How a process has ended, as the end of a sentence. */
export function describeEnd({ exitCode, signalCode }: ChildProcess): string {
  return signalCode === null ? `with exit code ${exitCode}` : `by ${signalCode}`;
}
