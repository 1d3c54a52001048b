// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLab, type Lab, whyNoLab } from '../lab/lab.ts';
import { DEMO_BYTES, runDemo } from './demo.ts';
import type { DemoOptions } from './device-programs.ts';
import { runVmDemo, VM_DEMO_BYTES, whyNoVmDemo } from './vm-demo.ts';

interface Demo {
  /** Why this machine cannot show it, as a sentence; undefined when it can. */
  whyNot(): string | undefined;
  /** What must be free where temporary files lie. */
  readonly neededBytes: number;
  readonly farewell: string;
  run(options: DemoOptions): Promise<void>;
}

/** `npm run demo`, and `npm run demo -- vm`: on an emulated device, with nothing left behind whatever happens. */
const DEMOS: Readonly<Record<string, Demo>> = {
  '': {
    whyNot: whyNoLab,
    neededBytes: DEMO_BYTES,
    farewell: 'That is all: two verified downloads, and nothing is left behind.',
    run: runDemo,
  },
  vm: {
    whyNot: () => whyNoVmDemo() ?? whyNoLab(),
    neededBytes: VM_DEMO_BYTES,
    farewell:
      'That is all: a VM launched, updated, kept from a broken update, removed; nothing is left behind.',
    run: runVmDemo,
  },
};
const asked = process.argv.slice(2).join(' ');
const stop = new AbortController();
let exitCode = 0;
let lab: Lab | undefined;
let directory: string | undefined;

/** Why what is written would not fit, as a sentence; undefined when it does. */
async function whyNoSpace(neededBytes: number): Promise<string | undefined> {
  const { bavail, bsize } = await statfs(tmpdir());
  if (bavail * bsize >= neededBytes) return undefined;
  return `${tmpdir()} has less than ${neededBytes / 2 ** 20} MiB free: set TMPDIR to a directory that has.`;
}

for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
] as const) {
  process.on(signal, () => {
    if (stop.signal.aborted) return;
    exitCode = 128 + number;
    stop.abort(new Error(`stopped by ${signal}`));
    // What goes wrong with it is told when it is waited for.
    lab?.stopWithAll().catch(() => {});
  });
}

try {
  const demo = DEMOS[asked];
  if (demo === undefined) throw new Error(`there is none of "${asked}": npm run demo, or npm run demo -- vm`);
  const why = demo.whyNot() ?? (await whyNoSpace(demo.neededBytes));
  if (why !== undefined) throw new Error(why);
  stop.signal.throwIfAborted();
  directory = await mkdtemp(join(tmpdir(), 'local-datastore-demo-'));
  lab = await createLab();
  await demo.run({
    lab,
    directory,
    write: (text) => process.stdout.write(text),
    isColoured: process.stdout.isTTY === true && process.env.NO_COLOR === undefined,
    signal: stop.signal,
  });
  process.stdout.write(`\n${demo.farewell}\n`);
} catch (error) {
  if (stop.signal.aborted) {
    // The agent may have been ended before it could show the cursor again that its progress bar hides.
    if (process.stderr.isTTY) process.stderr.write('\u001b[?25h');
    process.stderr.write('\nStopped; everything is cleaned up.\n');
  } else {
    exitCode = 1;
    process.stderr.write(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
  }
} finally {
  await lab?.stopWithAll().catch((error: unknown) => {
    exitCode = 1;
    process.stderr.write(`Something is left behind: ${String(error)}\n`);
  });
  if (directory !== undefined) await rm(directory, { recursive: true, force: true, maxRetries: 5 });
}
process.exitCode = exitCode;
