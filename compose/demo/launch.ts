// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rename, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { pushContainerImage } from './container-image.ts';
import { APP_ID, deviceConfiguration } from './device-configuration.ts';
import { openDockerEngine } from './docker-engine.ts';
import { listenTo, type Tally, tallyText } from './neighbour.ts';
import { createStory } from './story.ts';
import { createUntil } from './until.ts';
import { makeRuntimeLayer, makeWebApp } from './web-app.ts';

/**
 * The demo of a launch: an application whose image is found on the bridge, verified and started; an update of it; and
 * a broken update, which is taken back while a neighbour asks all the time. Ends with 0 when each of that was seen.
 */
const {
  DEMO_BRIDGE: bridge = 'bn1',
  DEMO_APP_BRIDGE: appBridge = 'bn2',
  DEMO_APP_PORT: appPort = '8088',
  DEMO_WRITE_TOKEN: token = '',
} = process.env;
const ORDERS = '/orders';
const DEVICE_STATE = '/var/lib/device';
const CLIENT_PORT = 9000;
const POLL_MS = 250;
// Ends only what fails: on a busy machine a step takes many times as long.
const LIMIT_MS = 600_000;
/** So many answers of the same version say that it stays. */
const ENOUGH = 50;
const DEPLOYMENT_LABEL = 'io.local-datastore.deployment';
const APPLICATION = `${DEPLOYMENT_LABEL}=${APP_ID}`;
const CLEAN_UP_TRIES = 20;

interface App {
  readonly State: string;
  readonly Generation: number;
  readonly Error: string;
  readonly ErrorCode: string;
}

const stop = new AbortController();
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const) {
  process.once(signal, () => {
    process.exitCode = 128 + number;
    stop.abort(new Error(`it was stopped by ${signal}`));
  });
}

async function runAgent(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, ['/opt/eve-agent/main.js', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: stop.signal,
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  if (code !== 0) throw new Error(`eve-agent ${args[0]} ended with ${code}: ${stderr.trim()}`);
  return stdout;
}

const story = createStory(runAgent, (shown) => process.stdout.write(shown), process.stdout.isTTY === true);
const atDevice = ['--state', DEVICE_STATE];
const showApps = () => story.show('app list', ['app', 'list', ...atDevice]);

async function readApp(): Promise<App | undefined> {
  const [app] = JSON.parse(await runAgent(['app', 'list', ...atDevice, '--json'])) as App[];
  return app;
}

const until = createUntil(stop.signal, { pollMs: POLL_MS, limitMs: LIMIT_MS });

function addressOn(name: string): string {
  const found = networkInterfaces()[name]?.find(({ family }) => family === 'IPv4');
  if (found === undefined) throw new Error(`the host has no bridge ${name}`);
  return found.address;
}

const engine = await openDockerEngine();
/** The agent removes applications that its configuration does not name: those of another agent are none of ours. */
async function refuseOthers(): Promise<void> {
  const others = (await engine.containersWith(DEPLOYMENT_LABEL)).filter(
    (name) => name.startsWith('eve_') && !name.startsWith(`eve_${APP_ID}`),
  );
  if (others.length === 0) return;
  throw new Error(
    `this engine has applications of another agent (${others.join(', ')}), which would be removed`,
  );
}

const place = { bridge: appBridge, address: addressOn(appBridge), port: Number(appPort) };
async function configure(version: string | null): Promise<void> {
  const document = JSON.stringify(deviceConfiguration(version, place), null, 2);
  await writeFile(`${ORDERS}/device.json.part`, `${document}\n`);
  await rename(`${ORDERS}/device.json.part`, `${ORDERS}/device.json`);
}

let isAlone = false;
/** Nothing of the application is left at the engine, whatever the agent was about to do. */
async function cleanUp(): Promise<void> {
  if (!isAlone) return;
  await configure(null);
  for (let tries = 0; tries < CLEAN_UP_TRIES; tries += 1) {
    await engine.removeApplication(APP_ID);
    if ((await engine.containersWith(APPLICATION)).length === 0) return;
    await delay(POLL_MS);
  }
  throw new Error(`containers are left: ${(await engine.containersWith(APPLICATION)).join(', ')}`);
}

try {
  await refuseOthers();
  isAlone = true;
  const url = `http://${place.address}:${place.port}/`;
  const client = `http://${await engine.addressOf('client', `eve_${appBridge}`)}:${CLIENT_PORT}/`;
  const neighbour = listenTo(async () => (await (await fetch(client)).json()) as Tally);
  /** Until a version runs, and its neighbour hears it alone. */
  const untilServes = async (version: string, word: string) => {
    const states: string[] = [];
    await until(`the start of ${version}`, async () => {
      const app = await readApp();
      if (app === undefined) return null;
      if (app.State !== states.at(-1)) states.push(app.State);
      if (app.ErrorCode !== '' && app.State === 'BROKEN') throw new Error(app.Error);
      return app.State === 'RUNNING' && app.Generation === Number(version) ? app : null;
    });
    story.say(`Seen on the way: ${states.join(' → ')}`);
    await until(`an answer of ${word}`, async () => {
      const { last, words } = await neighbour.look();
      return last === word && (words[word] ?? 0) >= ENOUGH ? word : null;
    });
  };

  story.heading(`A device with two bridges, and no way out`);
  const registry = await until('the datastore', async () => {
    const found = JSON.parse(
      await runAgent(['resolve', 'http://datastore.local/', '--bridge', bridge, '--json']),
    );
    return `http://${(found as { address: string }).address}`;
  });
  story.say(`On ${bridge} there is a datastore: datastore.local was found at ${new URL(registry).hostname}.`);
  story.say(`On ${appBridge} there is a neighbour, which asks ${url} all the time from now on.`);
  await fetch(client, { method: 'POST', body: url });

  story.heading('Three versions of an application are pushed to the datastore; the third is broken');
  const runtime = await makeRuntimeLayer();
  for (const [tag, isBroken] of [
    ['1', false],
    ['2', false],
    ['3', true],
  ] as const) {
    const image = makeWebApp(runtime, `version ${tag}`, isBroken);
    await pushContainerImage(registry, 'team/web', tag, image, token);
    story.say(`pushed datastore.local/team/web:${tag}, ${image.manifest.descriptor.digest}`);
  }

  story.heading('The device is told to run it: its image is found, verified, and launched');
  await configure('1');
  await untilServes('1', 'version 1');
  await story.show('status', ['status', ...atDevice]);
  await showApps();

  story.heading('An update: version 2 is judged beside version 1, and takes its place');
  await neighbour.forget();
  await configure('2');
  await untilServes('2', 'version 2');
  const updated = await neighbour.look();
  await showApps();
  story.say(tallyText(updated));

  story.heading('A broken update: version 3 starts, is not well, and is taken back');
  await neighbour.forget();
  await configure('3');
  const kept = await until('the broken update', async () => {
    const app = await readApp();
    return app?.ErrorCode === 'UNHEALTHY' && app.State === 'RUNNING' ? app : null;
  });
  await until('version 2 after it', async () =>
    ((await neighbour.look()).words['version 2'] ?? 0) >= ENOUGH ? true : null,
  );
  const broken = await neighbour.look();
  await showApps();
  if (kept.Generation !== 2) throw new Error(`generation ${kept.Generation} is there`);
  story.say(tallyText(broken));
  if (broken.failed > 0 || Object.keys(broken.words).join() !== 'version 2') {
    throw new Error(`the neighbour has noticed the broken update`);
  }
  story.say('Nobody but the log has noticed it.');

  story.heading('The application leaves with its entry in the configuration');
  await configure(null);
  await until('its end', async () => ((await engine.containersWith(APPLICATION)).length === 0 ? true : null));
  story.say('Found, verified, launched, updated, kept from a broken update, removed. Done.');
} catch (error) {
  if (process.exitCode === undefined) {
    process.stderr.write(`The demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
} finally {
  await cleanUp().catch((error: unknown) =>
    process.stderr.write(`${String(error)}
`),
  );
}
