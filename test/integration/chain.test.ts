// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { eveAgent, type RunningDatastore, runAgent, startDatastore, waitForLog } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';
import { makeImage, sha256Of } from './image-server.ts';

const image = makeImage(24 * 1024 * 1024 + 321);
const sha256 = sha256Of(image);
const URL_OF_IMAGE = 'http://ds.local/images/linux.img';
/** About 3 MB/s: a download takes long enough to be disturbed in the middle. */
const SLOW_LINK = ['tbf', 'rate', '24mbit', 'burst', '64kb', 'latency', '400ms'];

interface DownloadDocument {
  readonly resolvedUrl: string;
  readonly bridge: string;
  readonly sourceAddress: string;
  readonly sha256: string;
  readonly verifiedAgainst: string;
  readonly resumedFromBytes: number;
  readonly receivedBytes: number;
  readonly attempts: number;
}

describeWith(['lab'], 'the datastore and the agent', () => {
  let folder: string;
  let lab: Lab;
  let app: App;
  let datastore: RunningDatastore;
  let target: string;

  const serve = () =>
    startDatastore(app, [
      '--root',
      join(folder, 'root'),
      '--state',
      join(folder, 'state'),
      '--host-name',
      'ds',
    ]);
  const partialBytes = async () =>
    (await stat(join(folder, 'out', '.linux.img.partial')).catch(() => null))?.size ?? 0;
  const download = (...args: string[]) => [
    'download',
    URL_OF_IMAGE,
    '-o',
    target,
    '--json',
    '--sha256',
    sha256,
    ...args,
  ];

  /** Starts a download over a slow link and waits until some of it is stored. */
  async function startSlowDownload(...args: string[]) {
    await app.mustRun(['tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', ...SLOW_LINK]);
    const child = lab.host.start(eveAgent(...download(...args)));
    const output = waitForLog(child, 'never logged', 280_000);
    let stdout = '';
    child.stdout?.on('data', (bytes) => {
      stdout += bytes;
    });
    await expect.poll(partialBytes).toBeGreaterThan(4 * 1024 * 1024);
    return { child, log: output.log, document: () => JSON.parse(stdout) as DownloadDocument };
  }
  const fullSpeed = () => app.mustRun(['tc', 'qdisc', 'del', 'dev', 'eth0', 'root']);

  async function expectWhole() {
    expect(sha256Of(await readFile(target))).toBe(sha256);
    expect(await readdir(join(folder, 'out'))).toEqual(['linux.img']);
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'chain-'));
    target = join(folder, 'out', 'linux.img');
    await mkdir(join(folder, 'root', 'images'), { recursive: true });
    await writeFile(join(folder, 'root', 'images', 'linux.img'), image);
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    await lab.addBridge('bn2', '10.2.0.1/24');
    await lab.addApp({ name: 'other', bridge: 'bn1', address: '10.1.0.77/24' });
    app = await lab.addApp({ name: 'ds', bridge: 'bn2', address: '10.2.0.5/24' });
  });
  afterAll(async () => {
    await lab?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  beforeEach(async () => {
    await mkdir(join(folder, 'out'));
    await app.setAddress('10.2.0.5/24');
    datastore = await serve();
  });
  afterEach(async () => {
    await datastore?.stop();
    await app.run(['tc', 'qdisc', 'del', 'dev', 'eth0', 'root']);
    await rm(join(folder, 'out'), { recursive: true });
  });

  it('find each other, and the image arrives whole from the bridge’s own address', async () => {
    const { stdout, stderr, exitCode } = await runAgent(lab.host, download());
    expect(stderr).not.toContain('error');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      url: URL_OF_IMAGE,
      resolvedUrl: 'http://10.2.0.5/images/linux.img',
      bridge: 'bn2',
      sourceAddress: '10.2.0.1',
      sha256,
      sizeBytes: image.length,
      verifiedAgainst: 'request',
      receivedBytes: image.length,
    });
    await expectWhole();
  });

  it('and the datastore tells who asked and who downloaded', async () => {
    expect((await runAgent(lab.host, download())).exitCode).toBe(0);
    const { stdout } = await runAgent(lab.host, [
      ...['download', 'http://ds.local/-/api/v1/status', '-o', join(folder, 'out', 'status.json'), '--json'],
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ resolvedUrl: 'http://10.2.0.5/-/api/v1/status' });
    const status = JSON.parse(await readFile(join(folder, 'out', 'status.json'), 'utf8'));
    expect(status).toMatchObject({
      hostName: 'ds.local',
      isReady: true,
      advertising: { interfaces: [{ name: 'eth0', address: '10.2.0.5', state: 'ready' }] },
      queries: expect.arrayContaining([
        expect.objectContaining({
          source: '10.2.0.1',
          interface: 'eth0',
          question: '_workstation._tcp.local',
        }),
        expect.objectContaining({ source: '10.2.0.1', question: 'ds.local' }),
      ]),
      downloads: [expect.objectContaining({ path: 'images/linux.img', client: '10.2.0.1', state: 'done' })],
    });
  });

  it('find each other again after a reboot with another address', async () => {
    expect(await datastore.stop()).toBe(0);
    await app.setAddress('10.2.0.99/24');
    datastore = await serve();
    const { stdout, exitCode } = await runAgent(lab.host, download());
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ resolvedUrl: 'http://10.2.0.99/images/linux.img' });
    await expectWhole();
  });

  it('go on after the agent was killed', async () => {
    const { child } = await startSlowDownload();
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    const storedBytes = await partialBytes();
    await fullSpeed();
    const { stdout, exitCode } = await runAgent(lab.host, download());
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      resumedFromBytes: storedBytes,
      receivedBytes: image.length - storedBytes,
    });
    await expectWhole();
  });

  it('keep what has arrived when the agent is told to stop', async () => {
    const { child, log } = await startSlowDownload();
    const ended = once(child, 'exit');
    child.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    expect(log()).toContain('stopped by SIGINT');
    expect(await partialBytes()).toBeGreaterThan(4 * 1024 * 1024);
    await expect(stat(target)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('go on when the datastore comes back at another address', async () => {
    // What is killed together with its address cannot even say goodbye.
    const { child, document } = await startSlowDownload('--stall-timeout', '2', '--retries', '100');
    const ended = once(child, 'exit');
    await datastore.kill();
    await app.setAddress('10.2.0.42/24');
    datastore = await serve();
    await fullSpeed();
    expect(await ended).toEqual([0, null]);
    expect(document()).toMatchObject({
      resolvedUrl: 'http://10.2.0.42/images/linux.img',
      receivedBytes: image.length,
    });
    expect(document().attempts).toBeGreaterThan(1);
    await expectWhole();
  });

  it('go on when the link was lost for a while', async () => {
    const { child, document } = await startSlowDownload('--stall-timeout', '1', '--retries', '100');
    const ended = once(child, 'exit');
    await app.mustRun(['ip', 'link', 'set', 'eth0', 'down']);
    await expect.poll(partialBytes).toBeGreaterThan(0);
    await app.mustRun(['ip', 'link', 'set', 'eth0', 'up']);
    await fullSpeed();
    expect(await ended).toEqual([0, null]);
    expect(document().receivedBytes).toBe(image.length);
    await expectWhole();
  });

  it('tell a wrong digest, a wrong size and an absent file apart', async () => {
    const other = ['download', URL_OF_IMAGE, '-o', target];
    expect((await runAgent(lab.host, [...other, '--sha256', 'ab'.repeat(32)])).exitCode).toBe(5);
    expect((await runAgent(lab.host, [...other, '--size', '1'])).exitCode).toBe(5);
    expect((await runAgent(lab.host, ['download', 'http://ds.local/none', '-o', target])).exitCode).toBe(4);
    expect(
      (await runAgent(lab.host, ['download', 'http://s.local/x', '-o', target, '-t', '1'])).exitCode,
    ).toBe(3);
    expect(await readdir(join(folder, 'out'))).toEqual([]);
  });
});
