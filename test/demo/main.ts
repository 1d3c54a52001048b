import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLab, type Lab, whyNoLab } from '../lab/lab.ts';
import { eveAgent, startDatastore } from '../lab/programs.ts';

const IMAGE_MIB = 256;
const IMAGE_URL = 'http://datastore.local/images/demo.img';
const BEFORE_REBOOT = '10.2.0.5/24';
const AFTER_REBOOT = '10.2.0.77/24';

const bold = (text: string) => (process.stdout.isTTY ? `\u001b[1m${text}\u001b[0m` : text);
const say = (text = '') => process.stdout.write(`${text}\n`);
const step = (text: string) => say(`\n${bold(`== ${text}`)}`);

/** Makes an image that nothing has in a cache. @returns its sha256 */
async function makeImage(file: string): Promise<string> {
  const cipher = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16));
  const zeros = Buffer.alloc(1024 * 1024);
  const hash = createHash('sha256');
  const output = createWriteStream(file);
  for (let i = 0; i < IMAGE_MIB; i++) {
    const block = cipher.update(zeros);
    hash.update(block);
    if (!output.write(block)) await once(output, 'drain');
  }
  output.end();
  await once(output, 'close');
  return hash.digest('hex');
}

/** Runs eve-agent on the device's host; its progress bar goes to this terminal. @returns what it printed */
async function agent(lab: Lab, ...args: readonly string[]): Promise<string> {
  say(`$ eve-agent ${args.join(' ')}`);
  const child = lab.host.start(eveAgent(...args), { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout?.on('data', (bytes) => {
    stdout += bytes;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`eve-agent ${args[0]} ended with exit code ${code}`);
  return stdout;
}

interface Resolved {
  readonly address: string;
  readonly bridge: string;
  readonly sourceAddress: string;
  readonly elapsedMs: number;
}

/** Resolves, downloads and verifies, and says in plain words what happened. */
async function fetchImage(lab: Lab, folder: string, sha256: string): Promise<void> {
  const found = JSON.parse(await agent(lab, 'resolve', IMAGE_URL, '--json')) as Resolved;
  const target = join(folder, 'device', 'demo.img');
  const printed = await agent(lab, 'download', IMAGE_URL, '-o', target, '--sha256', sha256);
  say(printed);
  const fact = (name: string) =>
    printed
      .split('\n')
      .find((line) => line.startsWith(name))
      ?.slice(16) ?? '?';
  say(`The host asked on bn1 and bn2. ${found.bridge} answered after ${found.elapsedMs.toFixed(1)} ms:`);
  say(`datastore.local is ${found.address}. The host connected from ${found.sourceAddress}, its own address`);
  say(`on ${found.bridge}, and received ${fact('received')}.`);
  say(`The sha256 of what arrived is ${sha256}, as wanted, so the file got its name.`);
}

async function show(lab: Lab, folder: string): Promise<void> {
  step('An emulated device: its host owns bn1 and bn2; an app on each; no route to anywhere');
  await lab.addBridge('bn1', '10.1.0.1/24');
  await lab.addBridge('bn2', '10.2.0.1/24');
  await lab.addApp({ name: 'camera', bridge: 'bn1', address: '10.1.0.5/24' });
  const app = await lab.addApp({ name: 'datastore', bridge: 'bn2', address: BEFORE_REBOOT });
  say(await lab.host.mustRun(['ip', '-br', '-4', 'address']));
  say(
    `routes out of the device: ${(await lab.host.mustRun(['ip', 'route', 'show', 'default'])).trim() || 'none'}`,
  );

  step(`The app on bn2 is the datastore; it gets an image of ${IMAGE_MIB} MiB`);
  const root = join(folder, 'images-of-the-datastore');
  await mkdir(join(root, 'images'), { recursive: true });
  await mkdir(join(folder, 'device'));
  const sha256 = await makeImage(join(root, 'images', 'demo.img'));
  const options = ['--root', root, '--state', join(folder, 'state'), '--host-name', 'datastore'];
  say(`$ datastore-app serve --root … --state … --host-name datastore`);
  const first = await startDatastore(app, options);
  say(
    `advertised as datastore.local at ${BEFORE_REBOOT.split('/')[0]}: its own answer was seen on the network`,
  );

  step('The host looks for it');
  say(await agent(lab, 'browse', '--timeout', '2'));

  step('The host downloads the image');
  await fetchImage(lab, folder, sha256);

  step('The datastore reboots and gets another address; nothing is configured anew');
  await first.stop();
  await app.setAddress(AFTER_REBOOT);
  await rm(join(folder, 'device', 'demo.img'));
  const second = await startDatastore(app, options);
  say(`advertised as datastore.local, now at ${AFTER_REBOOT.split('/')[0]}`);
  await fetchImage(lab, folder, sha256);
  await second.stop();
}

const reason = whyNoLab();
if (reason !== undefined) {
  process.stderr.write(`The demo cannot run here. ${reason}\n`);
  process.exit(1);
}

const folder = await mkdtemp(join(tmpdir(), 'datastore-demo-'));
const lab = await createLab();
let cleaned: Promise<void> | undefined;
const cleanUp = () => {
  cleaned ??= lab.stop().finally(() => rm(folder, { recursive: true, force: true }));
  return cleaned;
};
let stoppedBy: NodeJS.Signals | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    stoppedBy ??= signal;
    void cleanUp();
  });
}

try {
  await show(lab, folder);
  step('Done: found, downloaded and verified twice');
} catch (error) {
  if (stoppedBy === undefined) {
    process.exitCode = 1;
    process.stderr.write(`The demo failed: ${error instanceof Error ? error.message : error}\n`);
  }
} finally {
  await cleanUp();
}
if (stoppedBy !== undefined) {
  process.stderr.write(`Stopped by ${stoppedBy}; everything was cleaned up.\n`);
  process.exitCode = 128 + constants.signals[stoppedBy];
}
