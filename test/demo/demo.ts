import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { makeDemoImage } from '../../compose/demo/demo-image.ts';
import { createStory, type RunAgent } from '../../compose/demo/story.ts';
import type { App, Lab } from '../lab/lab.ts';

const DATASTORE = fileURLToPath(new URL('../../datastore-app/src/main.ts', import.meta.url));
const AGENT = fileURLToPath(new URL('../../eve-agent/src/main.ts', import.meta.url));
const IMAGE = 'edge-app.raw';
export const IMAGE_BYTES = 256 << 20;
const READY_TIMEOUT_MS = 30_000;

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
  /** An empty directory with room for the image twice. */
  readonly directory: string;
  readonly write: (text: string) => void;
  readonly isColoured: boolean;
  readonly signal: AbortSignal;
}

interface Datastore {
  stop(): Promise<void>;
}

/**
 * The main job, shown on an emulated device: browse, resolve, download, verify; and again after the datastore
 * came back with another address.
 *
 * @throws the signal's reason; an Error that says which step failed
 */
export async function runDemo({ lab, directory, write, isColoured, signal }: DemoOptions): Promise<void> {
  const runAgent: RunAgent = async (args) => {
    signal.throwIfAborted();
    const child = lab.host.start([process.execPath, AGENT, ...args], {
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

  /** Starts a datastore in an app and waits until it is ready. */
  async function startDatastore(app: App, address: string, hostName: string): Promise<Datastore> {
    signal.throwIfAborted();
    const root = join(directory, hostName, 'images');
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

  const story = createStory(runAgent, write, isColoured);
  const download = join(directory, IMAGE);

  story.heading('An edge device without any network but its own');
  await lab.addBridge('bn1', '10.1.0.1/24');
  await lab.addBridge('bn2', '10.2.0.1/24');
  const app = await lab.addApp({ name: 'datastore', bridge: 'bn1', address: '10.1.0.5/24' });
  const other = await lab.addApp({ name: 'other-app', bridge: 'bn2', address: '10.2.0.9/24' });
  story.say('Its host owns the bridges bn1 (10.1.0.1) and bn2 (10.2.0.1), with one app on each.');
  story.say('There is no route to anywhere: each lives in network namespaces of its own.');

  await mkdir(join(directory, 'datastore/images'), { recursive: true });
  const image = await makeDemoImage(join(directory, 'datastore/images', IMAGE), IMAGE_BYTES, IMAGE, signal);
  const order = { ...image, url: `http://datastore.local/${IMAGE}` };
  story.say(`The datastore runs as an app on one of them, with an image of ${IMAGE_BYTES / 2 ** 20} MiB:`);
  story.say(`sha256 ${image.sha256}`);
  let [datastore] = await Promise.all([
    startDatastore(app, '10.1.0.5', 'datastore'),
    startDatastore(other, '10.2.0.9', 'other-app'),
  ]);

  story.heading('The agent on the host listens on its bridges');
  await story.browse();

  story.heading('It finds the datastore by name, downloads, verifies');
  const first = await story.fetch(order, download);
  await rm(download);

  story.heading('The datastore reboots, and its lease is another one');
  await datastore.stop();
  await app.setAddress('10.1.0.77/24');
  datastore = await startDatastore(app, '10.1.0.77', 'datastore');
  story.say('The same name, the same command, nothing reconfigured:');
  const second = await story.fetch(order, download);
  if (first === second) throw new Error(`the datastore was found at ${second} although it had moved`);
  story.say(`Found at ${second} instead of ${first}.`);
  await datastore.stop();
}

function describeEnd({ exitCode, signalCode }: ChildProcess): string {
  return signalCode === null ? `with exit code ${exitCode}` : `by ${signalCode}`;
}
