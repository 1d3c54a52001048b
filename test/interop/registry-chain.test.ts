// SPDX-License-Identifier: Apache-2.0
/** Our two ends: images that skopeo pushed to the datastore, kept by the agent's service and given on by its mirror. */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createImageLayout, type ImageLayout, type MadeImage } from '../lab/image-layouts.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { eveAgent, type RunningDatastore, startDatastore, waitForLog } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';

const WRITE_TOKEN = 'the-write-token-of-this-test';
const UUID = '00000000-0000-4000-8000-000000000001';
const DATASTORE = 'fa78153c-e215-4397-bfa7-514264cdf4dd';
const SIZE = 5 * 1024 * 1024;

describeWith(['lab', 'skopeo'], 'images of our datastore', () => {
  let folder: string;
  let lab: Lab;
  let app: App;
  let datastore: RunningDatastore;
  let made: ImageLayout;
  let image: MadeImage;
  const children: ChildProcess[] = [];
  const inspect = async (...args: string[]) =>
    JSON.parse(await lab.host.mustRun(['skopeo', 'inspect', ...args])).Digest;
  const push = (tag: string) =>
    app.mustRun([
      ...['skopeo', 'copy', '--preserve-digests', '--dest-tls-verify=false'],
      ...['--dest-creds', `admin:${WRITE_TOKEN}`, `oci:${made.folder}:${tag}`],
      'docker://127.0.0.1/group/app:1',
    ]);
  async function serve() {
    const args = ['--root', join(folder, 'root'), '--state', join(folder, 'ds-state'), '--host-name', 'ds'];
    datastore = await startDatastore(app, [...args, '--write-token-file', join(folder, 'token')]);
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'registry-chain-'));
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24' });
    await writeFile(join(folder, 'token'), WRITE_TOKEN);
    await serve();
    made = await createImageLayout(join(folder, 'made'));
    image = await made.addImage({ layers: [randomBytes(SIZE), Buffer.from('small')] }, 'one');
    await push('one');
  });
  afterAll(async () => {
    for (const child of children) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    await datastore?.kill();
    await lab?.stop();
    await rm(folder, { recursive: true });
  });

  test('come through the mirror, and stay there while the datastore is away and comes back', async () => {
    const command = eveAgent('mirror', '--cache', join(folder, 'cache'), '--timeout', '5');
    const mirror = lab.host.start(command, { stdio: ['ignore', 'pipe', 'ignore'] });
    children.push(mirror);
    if (mirror.stdout === null) throw new Error('no output');
    await once(mirror.stdout, 'data');
    const name = 'docker://127.0.0.1:5055/ds.local/group/app';
    const copy = (reference: string, to: string) =>
      lab.host.mustRun([
        ...['skopeo', 'copy', '--preserve-digests', '--src-tls-verify=false'],
        ...[`${name}${reference}`, `oci:${join(folder, to)}:1`],
      ]);
    await copy(':1', 'first');
    expect(await inspect(`oci:${join(folder, 'first')}:1`)).toBe(image.manifest.digest);
    await datastore.kill();
    await copy(`@${image.manifest.digest}`, 'away');
    await serve();
    expect(await inspect('--tls-verify=false', `${name}:1`)).toBe(image.manifest.digest);
  });

  test('are kept as a configuration wants them, whatever their tag leads to later', async () => {
    const config = join(folder, 'device.json');
    const state = join(folder, 'agent');
    const configure = (generationCount: number) =>
      writeFile(
        config,
        JSON.stringify({
          datastores: [{ id: DATASTORE, dType: 5, fqdn: 'docker://ds.local', dpath: 'group' }],
          contentInfo: [
            {
              ...{ uuid: UUID, dsIdsList: [DATASTORE], URL: 'app:1', iformat: 'CONTAINER' },
              ...{ displayName: 'app', generationCount },
            },
          ],
        }),
      );
    const status = async () =>
      JSON.parse(
        await readFile(join(state, 'status', 'ContentTreeStatus', `${UUID}.json`), 'utf8').catch(() => '{}'),
      ) as ContentTreeStatus;
    const hexOf = ({ manifest }: MadeImage) => manifest.digest.slice('sha256:'.length);
    await configure(0);
    const agent = lab.host.start(eveAgent('run', '--config', config, '--state', state, '--reserve', '0'), {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    children.push(agent);
    await waitForLog(agent, '"running"').seen;
    await expect.poll(status).toMatchObject({ State: 'VERIFIED', ContentSha256: hexOf(image) });
    const next = await made.addImage({ layers: [randomBytes(1000)] }, 'two');
    await push('two');
    expect(await inspect(`oci:${join(state, 'images', 'app')}:1`)).toBe(image.manifest.digest);
    await configure(1);
    await expect.poll(status).toMatchObject({ State: 'VERIFIED', ContentSha256: hexOf(next) });
    expect(await inspect(`oci:${join(state, 'images', 'app')}:1`)).toBe(next.manifest.digest);
  });
});
