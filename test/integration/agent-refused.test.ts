// SPDX-License-Identifier: Apache-2.0
/** What a datastore refuses is asked for again: slowly, and at once when it announces itself anew. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { eveAgent, type RunningDatastore, startDatastore, waitForLog } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';
import { makeImage, sha256Of } from './image-server.ts';

const DATASTORE = 'fa78153c-e215-4397-bfa7-514264cdf4dd';
const uuidOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const image = makeImage(40_000);
const wrong = makeImage(40_000, 'wrong');
const treeOf = (number: number, url: string) => ({
  uuid: uuidOf(number),
  dsIdsList: [DATASTORE],
  URL: url,
  iformat: 'RAW',
  sha256: sha256Of(image),
  maxSizeBytes: '40000',
  displayName: url,
});

describeWith(['lab'], 'eve-agent run, beside a datastore that refuses a file', () => {
  let folder: string;
  let lab: Lab;
  let app: App;
  let datastore: RunningDatastore | undefined;
  let agent: ChildProcess | undefined;

  const root = () => join(folder, 'root');
  const serve = () =>
    startDatastore(app, ['--root', root(), '--state', join(folder, 'ds-state'), '--host-name', 'ds']);
  async function statusOf(number: number): Promise<Partial<ContentTreeStatus>> {
    const file = join(folder, 'agent', 'status', 'ContentTreeStatus', `${uuidOf(number)}.json`);
    return JSON.parse(await readFile(file, 'utf8').catch(() => '{}')) as ContentTreeStatus;
  }
  const expectState = (number: number, expected: object) =>
    expect.poll(() => statusOf(number)).toMatchObject(expected);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'agent-refused-'));
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24' });
  });
  beforeEach(async () => {
    for (const name of ['root', 'agent']) {
      await rm(join(folder, name), { recursive: true, force: true });
      await mkdir(join(folder, name));
    }
  });
  afterEach(async () => {
    if (agent !== undefined && agent.exitCode === null && agent.signalCode === null) {
      const ended = once(agent, 'exit');
      agent.kill('SIGKILL');
      await ended;
    }
    await datastore?.kill();
  });
  afterAll(async () => {
    await lab?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it.each([
    ['404', () => {}, 'HTTP_STATUS'],
    [
      'wrong digests, as often as they are borne',
      () => writeFile(join(root(), 'a.img'), wrong),
      'DIGEST_MISMATCH',
    ],
  ])('goes on after %s once the datastore has started anew', async (_, prepare, ErrorCode) => {
    await prepare();
    const config = join(folder, 'device.json');
    const datastores = [{ id: DATASTORE, dType: 'DsHttp', fqdn: 'http://ds.local' }];
    await writeFile(config, JSON.stringify({ datastores, contentInfo: [treeOf(1, 'a.img')] }));
    datastore = await serve();
    const state = ['--state', join(folder, 'agent'), '--reserve', '0'];
    agent = lab.host.start(eveAgent('run', '--config', config, ...state, '--retry-interval', '1'), {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await waitForLog(agent, '"running"').seen;
    await expectState(1, {
      ErrorCode,
      ErrorSeverity: 'SEVERITY_ERROR',
      ErrorRetryCondition: expect.stringMatching(
        /^tries again at \S+Z, at once when its datastore announces itself/,
      ),
    });
    await datastore.kill();
    await writeFile(join(root(), 'a.img'), image);
    datastore = await serve();
    await expectState(1, { State: 'VERIFIED', Error: '', ErrorRetryCondition: '' });
  });
});
