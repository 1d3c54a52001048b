// SPDX-License-Identifier: Apache-2.0
/** Images that come from another datastore, which is found by multicast DNS wherever it is now. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { type RunningDatastore, startDatastore } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';

describeWith(['lab', 'curl'], 'a neighbour', () => {
  let folder: string;
  let lab: Lab;
  let there: App;
  let here: App;
  let neighbour: RunningDatastore;
  const first = randomBytes(3 << 20);
  const second = randomBytes(2 << 20);

  const start = (app: App, name: string) =>
    startDatastore(app, [
      ...['--root', join(folder, name, 'root'), '--state', join(folder, name, 'state')],
      ...['--host-name', name, '--reserve', '0'],
    ]);
  /** What the datastore here says of an image. */
  const stateOf = async (path: string): Promise<string | undefined> => {
    const { stdout } = await here.run(['curl', '-s', `http://127.0.0.1/-/api/v1/images/${path}`]);
    return (JSON.parse(stdout) as { state?: string }).state;
  };
  async function get(path: string): Promise<Buffer> {
    const file = join(folder, 'got');
    await here.mustRun(['curl', '-sSf', '-o', file, `http://127.0.0.1/${path}`]);
    return readFile(file);
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'image-neighbour-'));
    for (const name of ['ds-a', 'ds-b']) {
      await mkdir(join(folder, name, 'root'), { recursive: true });
      await mkdir(join(folder, name, 'state'), { mode: 0o700 });
    }
    await writeFile(join(folder, 'ds-b', 'root', 'first.img'), first);
    await writeFile(join(folder, 'ds-b', 'root', 'second.img'), second);
    await writeFile(
      join(folder, 'ds-a', 'state', 'upstreams.yaml'),
      'version: 1\nimages:\n  - { prefix: b, url: "http://ds-b.local", check: 1s }\n',
    );
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    here = await lab.addApp({ name: 'here', bridge: 'bn1', address: '10.1.0.5/24' });
    there = await lab.addApp({ name: 'there', bridge: 'bn1', address: '10.1.0.6/24' });
    neighbour = await start(there, 'ds-b');
    await start(here, 'ds-a');
  });
  afterAll(async () => {
    await lab?.stop();
    await rm(folder, { recursive: true });
  });

  test('is found by its name', async () => {
    await expect.poll(() => stateOf('b/first.img')).toBe('upstream');
    expect((await get('b/first.img')).equals(first)).toBe(true);
  });

  test('is found again where it is after a move', async () => {
    await expect.poll(() => stateOf('b/second.img')).toBe('upstream');
    await neighbour.stop();
    await there.setAddress('10.1.0.77/24');
    neighbour = await start(there, 'ds-b');
    // Nobody answers at its old address, so it is looked for again.
    await expect
      .poll(async () => (await get('b/second.img').catch(() => Buffer.alloc(0))).equals(second), {
        timeout: 600_000,
      })
      .toBe(true);
  });

  test('is not needed for what has come', async () => {
    await neighbour.stop();
    expect((await get('b/first.img')).equals(first)).toBe(true);
  });
});
