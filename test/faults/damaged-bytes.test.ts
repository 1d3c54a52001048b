// SPDX-License-Identifier: Apache-2.0
/** Bytes that are damaged on the way are noticed, and nothing is put in place. */
import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { makeImage, sha256Of } from '../integration/image-server.ts';
import { createDatastoreFolder, type DatastoreFolder } from '../lab/loopback-datastore.ts';
import { eveAgent } from '../lab/programs.ts';
import { randomOfThisRun } from '../random.ts';
import { repetitions } from '../soak.ts';
import { type DamagingProxy, startDamagingProxy } from './damaging-proxy.ts';
import { report, watchAgent } from './fault-lab.ts';

const ROUNDS = repetitions({ short: 6, long: 20 });
const image = makeImage(5 * 1024 * 1024 + 7);
const sha256 = sha256Of(image);

let place: DatastoreFolder;
let proxy: DamagingProxy;
let out: string;

beforeAll(async () => {
  place = await createDatastoreFolder();
  await mkdir(place.root);
  out = join(place.folder, 'out');
  await mkdir(out);
  await writeFile(join(place.root, 'image.img'), image);
  const datastore = await place.start();
  await vi.waitUntil(() => datastore.log().includes('an image is ready'), 60_000);
  proxy = await startDamagingProxy(datastore.port);
});
afterAll(async () => {
  await proxy?.stop();
  await place?.remove();
});

/** Downloads through the proxy, and tells the exit code. */
async function download(...args: string[]) {
  const url = `http://127.0.0.1:${proxy.port}/image.img`;
  const [program = '', ...rest] = eveAgent('download', url, '-o', join(out, 'image.img'), '--json', ...args);
  return await watchAgent(spawn(program, rest)).ended;
}

it('whether the digest was given or the datastore states it', async () => {
  const random = randomOfThisRun('damaged bytes');
  for (let round = 0; round < ROUNDS; round += 1) {
    proxy.damage(random.pick([0, image.length - 1, random.integer(1, image.length - 2)]));
    expect(await download(...(round % 2 === 0 ? ['--sha256', sha256] : []))).toBe(5);
    expect(await readdir(out)).toEqual([]);
  }
  expect(proxy.damagedBytes()).toBe(ROUNDS);
  proxy.damage(null);
  expect(await download('--sha256', sha256)).toBe(0);
  expect(sha256Of(await readFile(join(out, 'image.img')))).toBe(sha256);
  expect(await readdir(out)).toEqual(['image.img']);
  report('damaged on the way', { rounds: ROUNDS, exitCode5: ROUNDS });
});
