// SPDX-License-Identifier: Apache-2.0
/**
 * The registry's store is killed while images are pushed, moved, deleted and collected: at random moments, and before
 * each of the calls by which it changes what is on the disk. Of other registries it is reported that a collection takes
 * what a push was told of (distribution #2881, quay #6318).
 */
import { spawn } from 'node:child_process';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { randomOfThisRun } from '../random.ts';
import { describeWith } from '../requirements.ts';
import { repetitions } from '../soak.ts';
import { type Acknowledged, expectAcknowledged, noteLine } from './acknowledged-images.ts';
import { runKilledBefore } from './killed-before.ts';

const KILLS = repetitions({ short: 8, long: 100 });
/** Every so many of the calls one is tried: all of them in a soak. */
const STRIDE = repetitions({ short: 9, long: 1 });
const TIMEOUT_MS = repetitions({ short: 120_000, long: 1_800_000 });
const programOf = (name: string) => fileURLToPath(new URL(`./programs/${name}.ts`, import.meta.url));

let root: string;
let acknowledged: Acknowledged;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'registry-killed-')));
  acknowledged = new Map();
});
afterEach(() => rm(root, { recursive: true }));

it('nothing that was acknowledged is lost', { timeout: TIMEOUT_MS }, async () => {
  const random = randomOfThisRun('registry killed');
  for (let kill = 0; kill < KILLS; kill += 1) {
    const child = spawn(process.execPath, [programOf('push-images'), root], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const killAfter = random.integer(20, 200);
    let changes = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      noteLine(acknowledged, line);
      changes += 1;
      if (changes === killAfter) child.kill('SIGKILL');
    }
    expect(changes).toBeGreaterThanOrEqual(killAfter);
    await expectAcknowledged(root, acknowledged);
  }
  expect(acknowledged.size).toBeGreaterThan(6);
});

describeWith(['strace'], 'killed before a call to the kernel', () => {
  const run = (calls: string, before: number | undefined) =>
    runKilledBefore({
      ...{ program: programOf('push-in-order'), args: [root], calls, before },
      onLine: (line) => noteLine(acknowledged, line),
    });

  it.each([
    ['that brings content to the disk', 'fsync,fdatasync'],
    ['that gives a name', 'rename,renameat,renameat2'],
    ['that removes', 'unlink,unlinkat,rmdir'],
    ['that makes a folder', 'mkdir,mkdirat'],
  ])('%s, it has what it acknowledged, and goes on', { timeout: TIMEOUT_MS }, async (_what, calls) => {
    let kills = 0;
    const first = randomOfThisRun(`registry killed before ${calls}`).integer(1, STRIDE);
    for (let before = first; await run(calls, before); before += STRIDE) {
      kills += 1;
      await expectAcknowledged(root, acknowledged);
      expect(await run(calls, undefined)).toBe(false);
      await expectAcknowledged(root, acknowledged);
      await rm(root, { recursive: true });
      root = await realpath(await mkdtemp(join(tmpdir(), 'registry-killed-')));
      acknowledged.clear();
    }
    expect(kills).toBeGreaterThan(0);
    await expectAcknowledged(root, acknowledged);
  });
});
