// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { type ContainerImage, makeContainerImage, pushContainerImage } from './container-image.ts';
import { type DockerEngine, openDockerEngine } from './docker-engine.ts';
import { createStory } from './story.ts';

/** The demo of container images: pushed, pulled by the agent and by the engine of the host, and still there when links are cut. */
const {
  DEMO_BRIDGE: bridge = 'bn1',
  DEMO_OUTSIDE_BRIDGE: outsideBridge = 'bn2',
  DEMO_MIRROR: mirror = '',
  DEMO_WRITE_TOKEN: token = '',
} = process.env;
const SIZE_BYTES = 8 << 20;
const WORK = '/work';

async function runAgent(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, ['/opt/eve-agent/main.js', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  if (code !== 0) throw new Error(`eve-agent ${args[0]} ended with ${code}: ${stderr.trim()}`);
  return stdout;
}

/** Where a datastore is, whatever address it has today. */
async function findRegistry(host: string, on: string): Promise<string> {
  const found = await runAgent(['resolve', `http://${host}/`, '--bridge', on, '--json']);
  return `http://${(JSON.parse(found) as { address: string }).address}`;
}

const story = createStory(runAgent, (shown) => process.stdout.write(shown), process.stdout.isTTY === true);
const configOf = ({ blobs }: ContainerImage) => blobs[0]?.descriptor.digest;

async function push(host: string, on: string, repository: string): Promise<ContainerImage> {
  const image = makeContainerImage(SIZE_BYTES);
  await pushContainerImage(await findRegistry(host, on), repository, '1', image, token);
  story.say(`pushed ${host}/${repository}:1, ${image.manifest.descriptor.digest}`);
  return image;
}

async function pullByAgent(name: string, image: ContainerImage): Promise<void> {
  const folder = `${WORK}/image`;
  await rm(folder, { recursive: true, force: true });
  const command = ['download', `docker://${name}:1`];
  const report = JSON.parse(await runAgent([...command, '--bridge', bridge, '-o', folder, '--json'])) as {
    digest: string;
  };
  if (report.digest !== image.manifest.descriptor.digest) throw new Error(`${name} is ${report.digest}`);
  story.say(`eve-agent ${command.join(' ')}: the image that was pushed`);
}

async function pullByEngine(engine: DockerEngine, name: string, image: ContainerImage): Promise<void> {
  const repository = `${mirror}/${name}`;
  await engine.remove(`${repository}:1`);
  const id = await engine.pull(repository, '1');
  if (id !== configOf(image)) throw new Error(`${name} has the id ${id}`);
  story.say(`docker pull ${repository}:1: the image that was pushed`);
}

const [APP, TOOL] = ['datastore.local/team/app', 'datastore.local/outside/team/tool'];
const engine = await openDockerEngine();
try {
  story.heading('Push: one image to the datastore on the bridge, one to a registry outside');
  const app = await push('datastore.local', bridge, 'team/app');
  const tool = await push('upstream.local', outsideBridge, 'team/tool');
  story.heading('Pull: by the agent, and by the engine of this host through the mirror');
  await pullByAgent(APP, app);
  await pullByEngine(engine, APP, app);
  story.heading('What is outside is imported when it is asked for');
  await pullByEngine(engine, TOOL, tool);
  story.heading('The way outside is cut: it is still there');
  await engine.cut('upstream', 'bn2');
  await pullByAgent(TOOL, tool);
  story.heading('The datastore is cut off, too: the mirror has what was pulled');
  await engine.cut('datastore', 'bn1');
  await pullByEngine(engine, APP, app);
  await pullByEngine(engine, TOOL, tool);
  story.say('Done.');
} catch (error) {
  process.stderr.write(`The demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  for (const name of [APP, TOOL]) await engine.remove(`${mirror}/${name}:1`).catch(() => {});
  await engine.reconnect('upstream', 'bn2');
  await engine.reconnect('datastore', 'bn1');
}
