import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLab, type Lab, whyNoLab } from '../lab/lab.ts';
import { IMAGE_BYTES, runDemo } from './demo.ts';

/** `npm run demo`: the main job on an emulated device, with nothing left behind whatever happens. */
const stop = new AbortController();
let exitCode = 0;
let lab: Lab | undefined;
let directory: string | undefined;

/** Why the image would not fit twice, as a sentence; undefined when it does. */
async function whyNoSpace(): Promise<string | undefined> {
  const { bavail, bsize } = await statfs(tmpdir());
  const neededBytes = 2 * IMAGE_BYTES + (64 << 20);
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
    void lab?.stop();
  });
}

try {
  const why = whyNoLab() ?? (await whyNoSpace());
  if (why !== undefined) throw new Error(why);
  stop.signal.throwIfAborted();
  directory = await mkdtemp(join(tmpdir(), 'local-datastore-demo-'));
  lab = await createLab();
  await runDemo({
    lab,
    directory,
    write: (text) => process.stdout.write(text),
    isColoured: process.stdout.isTTY === true && process.env.NO_COLOR === undefined,
    signal: stop.signal,
  });
  process.stdout.write('\nThat is all: two verified downloads, and nothing is left behind.\n');
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
  await lab?.stop();
  if (directory !== undefined) await rm(directory, { recursive: true, force: true, maxRetries: 5 });
}
process.exitCode = exitCode;
