// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { createStory, type Order } from './story.ts';

/** The device's side of the demo with containers: finds the datastore, downloads, verifies, ends with 0. */
const stop = new AbortController();
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const) {
  process.once(signal, () => {
    process.exitCode = 128 + number;
    stop.abort();
  });
}

async function runAgent(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, ['/opt/eve-agent/main.js', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    signal: stop.signal,
  });
  const [stdout, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (code !== 0) throw new Error(`eve-agent ${args[0]} ended with ${code}`);
  return stdout;
}

/** The state of the service that runs on the device, `eve-agent run`. */
const DEVICE_STATE = '/var/lib/device';
const POLL_MS = 500;
const DEVICE_LIMIT_MS = 120_000;

interface DeviceStatus {
  readonly contentTrees: readonly { readonly State: string; readonly Error: string }[];
}

/** Waits until the service has verified all that its configuration wants. */
async function untilVerified(): Promise<void> {
  const limit = AbortSignal.timeout(DEVICE_LIMIT_MS);
  for (;;) {
    const status = await runAgent(['status', '--state', DEVICE_STATE, '--json']).catch(() => undefined);
    const { contentTrees = [] } = status === undefined ? {} : (JSON.parse(status) as DeviceStatus);
    if (contentTrees.length > 0 && contentTrees.every(({ State }) => State === 'VERIFIED')) return;
    if (limit.aborted) throw new Error(`the service is not done: ${status ?? 'it does not answer'}`);
    await delay(POLL_MS, undefined, { signal: stop.signal });
  }
}

const FILE = '/var/lib/eve-agent/edge-app.raw';
try {
  const order = JSON.parse(await readFile('/var/lib/controller/order.json', 'utf8')) as Order;
  const story = createStory(runAgent, (shown) => process.stdout.write(shown), process.stdout.isTTY === true);
  story.heading('What can be heard on the bridges');
  await story.browse();
  story.heading('Find the datastore, download, verify');
  await story.fetch(order, FILE);
  story.heading('The same by the service on the device, from a device configuration');
  await untilVerified();
  await story.show('status', ['status', '--state', DEVICE_STATE]);
  story.say('Done.');
} catch (error) {
  if (!stop.signal.aborted) {
    process.stderr.write(`The demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
} finally {
  await rm(FILE, { force: true });
}
