// SPDX-License-Identifier: Apache-2.0
/** The whole `eve-agent run` with a state folder whose disk is full, and with images on another disk. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { makeImage, sha256Of } from '../integration/image-server.ts';
import { eveAgent, runAgent, waitForLog } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';
import { createFaultLab, type FaultLab, report } from './fault-lab.ts';

const IMAGE_BYTES = 4 * 1024 * 1024 + 33;
const DISK_BYTES = 6 * 1024 * 1024;
const RATE = '16mbit';
/** The image takes minutes: the disk is filled meanwhile, however busy the machine. */
const SLOW_RATE = '256kbit';
const BLOCK_BYTES = 4096;
const DATASTORE = 'fa78153c-e215-4397-bfa7-514264cdf4dd';
const uuidOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
/** What comes between two writes at that rate, and what is on the wire when writing fails. */
const UNWRITTEN_BYTES = 16_000_000 / 8 / 4 + 512 * 1024;
/** Of Ethernet, IP and TCP, beside what they carry. */
const HEADER_SHARE = 0.06;

describeWith(['lab', 'tc', 'root'], 'the service', () => {
  let faults: FaultLab;
  let disk: string;
  let state: string;
  let config: string;
  let agent: ChildProcess | undefined;
  let log = () => '';
  const small = makeImage(100_000, 'small');
  const host = () => faults.lab.host;

  beforeAll(async () => {
    faults = await createFaultLab({ imageBytes: IMAGE_BYTES, rate: RATE });
    await writeFile(join(faults.source, '..', 'small.img'), small);
    const datastore = faults.startDatastore();
    await datastore.ready;
    await vi.waitUntil(() => datastore.log().includes('an image is ready'), 60_000);
    disk = join(faults.out, 'disk');
    config = join(faults.out, 'device.json');
    state = join(disk, 'state');
    await mkdir(disk);
  });
  afterAll(() => faults?.stop());
  beforeEach(() =>
    host()
      .mustRun(['mount', '-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', disk])
      .then(() => {}),
  );
  afterEach(async () => {
    await end('SIGKILL');
    await host().mustRun(['umount', disk]);
  });

  const treeOf = (number: number, url: string, image: Buffer) => ({
    ...{ uuid: uuidOf(number), dsIdsList: [DATASTORE], URL: url, iformat: 'RAW' },
    ...{ sha256: sha256Of(image), maxSizeBytes: String(image.length), displayName: `image-${number}` },
  });
  async function configure(...trees: readonly object[]) {
    const datastores = [{ id: DATASTORE, dType: 'DsHttp', fqdn: 'http://ds.local' }];
    await writeFile(`${config}.new`, JSON.stringify({ datastores, contentInfo: trees }));
    await rename(`${config}.new`, config);
  }
  async function start(...args: readonly string[]) {
    const options = ['--config', config, '--state', state, '--reserve', '0', '--retry-interval', '1'];
    const child = host().start(eveAgent('run', ...options, ...args), { stdio: ['ignore', 'ignore', 'pipe'] });
    agent = child;
    const watched = waitForLog(child, '"running"');
    log = watched.log;
    await watched.seen;
  }
  async function end(signal: NodeJS.Signals): Promise<number | null> {
    if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return null;
    const ended = once(agent, 'exit');
    agent.kill(signal);
    return (await ended)[0] as number | null;
  }
  const lines = (message: string) =>
    log()
      .split('\n')
      .filter((line) => line.includes(`"msg":"${message}"`))
      .map((line) => JSON.parse(line) as Record<string, number>);
  /** Over the API: a full disk holds old documents. */
  async function statusOf(number: number) {
    const { stdout, stderr } = await runAgent(host(), ['status', '--state', state, '--json']);
    expect(stderr).toBe('');
    const { contentTrees } = JSON.parse(stdout) as { contentTrees: ContentTreeStatus[] };
    return contentTrees.find(({ ContentID }) => ContentID === uuidOf(number));
  }
  const expectState = (number: number, expected: Partial<ContentTreeStatus>) =>
    expect.poll(() => statusOf(number)).toMatchObject(expected);
  async function expectDocument(number: number, expected: Partial<ContentTreeStatus>) {
    const file = join(state, 'status', 'ContentTreeStatus', `${uuidOf(number)}.json`);
    const read = async () => JSON.parse(await host().mustRun(['cat', file])) as ContentTreeStatus;
    await expect.poll(read).toMatchObject(expected);
  }
  const fill = (...limits: readonly string[]) =>
    host().run(['dd', 'if=/dev/zero', `of=${disk}/filler`, `bs=${BLOCK_BYTES}`, ...limits]);
  async function fillBut(leftBytes: number) {
    const [blocks = 0, blockBytes = 0] = (await host().mustRun(['stat', '-f', '-c', '%a %S', disk]))
      .split(' ')
      .map(Number);
    await fill(`count=${Math.floor((blocks * blockBytes - leftBytes) / BLOCK_BYTES)}`);
  }
  const empty = () => host().mustRun(['rm', `${disk}/filler`]);
  const digestOf = async (file: string) => (await host().mustRun(['sha256sum', file])).slice(0, 64);
  const bytesOf = async (file: string) => Number(await host().mustRun(['stat', '-c', '%s', file]));

  it('waits for space before it fetches a byte, and goes on by itself when there is some', async () => {
    await configure(treeOf(1, 'image.img', faults.image));
    await host().mustRun(['mkdir', state]);
    await fill();
    const wireBefore = await faults.wireBytes();
    await start();
    await expectState(1, {
      State: 'INITIAL',
      ErrorCode: 'NO_SPACE',
      CurrentSize: 0,
      ErrorRetryCondition: 'tries again when there is space',
      Error: expect.stringMatching(/^waits for space: \d+ more bytes must be free$/),
    });
    expect(lines('download started')).toEqual([]);
    expect(lines('the state directory takes no files: it is tried again').length).toBeGreaterThan(0);
    await empty();
    await expectState(1, { State: 'VERIFIED', Error: '' });
    await expectDocument(1, { State: 'VERIFIED', Error: '', CurrentSize: IMAGE_BYTES });
    expect(await digestOf(join(state, 'images', 'image-1'))).toBe(faults.sha256);
    expect(lines('verified')).toMatchObject([{ resumedFromBytes: 0, receivedBytes: IMAGE_BYTES }]);
    const wireBytes = (await faults.wireBytes()) - wireBefore;
    expect(wireBytes).toBeLessThan(IMAGE_BYTES * (1 + HEADER_SHARE) + 64 * 1024);
    expect(await end('SIGTERM')).toBe(0);
    report('service, disk full before', { imageBytes: IMAGE_BYTES, wireBytes });
  });

  it('keeps what has arrived when the disk fills in the middle, and goes on from there', async () => {
    const rounds = 4;
    let resumedBytes = 0;
    let noSpace = 0;
    let wireBytes = 0;
    for (let round = 0; round < rounds; round += 1) {
      await configure(treeOf(1, 'image.img', faults.image));
      const wireBefore = await faults.wireBytes();
      await faults.setRate(SLOW_RATE);
      await start();
      const partial = join(state, 'pending', `.${faults.sha256}.partial`);
      const storedBytes = async () => (await statusOf(1))?.CurrentSize ?? 0;
      await expect.poll(storedBytes).toBeGreaterThan(0);
      await fillBut((IMAGE_BYTES * (round + 1)) / (rounds + 4));
      await faults.setRate(RATE);
      await expectState(1, { State: 'INITIAL', ErrorCode: 'NO_SPACE' });
      const isResumable = (await host().run(['test', '-e', partial])).exitCode === 0;
      const atMostBytes = isResumable ? await bytesOf(partial) : 0;
      noSpace += 1;
      // Killed and started with the disk still full: it waits again, and forgets nothing.
      if (round % 2 === 1) {
        await end('SIGKILL');
        await start();
        await expectState(1, { State: 'INITIAL', ErrorCode: 'NO_SPACE', CurrentSize: atMostBytes });
      }
      await empty();
      await expectState(1, { State: 'VERIFIED', Error: '' });
      await expectDocument(1, { State: 'VERIFIED', Error: '' });
      expect(await digestOf(join(state, 'images', 'image-1'))).toBe(faults.sha256);
      const [last] = lines('verified');
      expect(last).toMatchObject({
        resumedFromBytes: atMostBytes,
        receivedBytes: IMAGE_BYTES - atMostBytes,
      });
      resumedBytes += atMostBytes;
      const fetched = (await faults.wireBytes()) - wireBefore;
      wireBytes += fetched;
      expect(fetched).toBeLessThan((IMAGE_BYTES + UNWRITTEN_BYTES) * (1 + HEADER_SHARE));
      expect(await end('SIGTERM')).toBe(0);
      expect(await host().mustRun(['ls', '-A', join(state, 'pending')])).toBe('');
      await host().mustRun(['rm', '-r', state]);
    }
    expect(resumedBytes).toBeGreaterThan(0);
    report('service, disk full in the middle', { rounds, noSpace, resumedBytes, wireBytes });
  });

  it('takes a configuration that makes room on the full disk', async () => {
    await configure(treeOf(1, 'image.img', faults.image));
    await start('--grace', '0');
    await expectState(1, { State: 'VERIFIED' });
    await fill();
    await configure(treeOf(2, 'small.img', small));
    await expectState(2, { State: 'VERIFIED', Error: '' });
    await expectDocument(2, { State: 'VERIFIED' });
    expect(await host().mustRun(['ls', join(state, 'verified')])).toBe(`${sha256Of(small)}\n`);
    expect(await digestOf(join(state, 'images', 'image-2'))).toBe(sha256Of(small));
    await empty();
  });

  it('copies an image to another disk, once', async () => {
    const images = join(faults.out, 'images-elsewhere');
    await configure(treeOf(1, 'image.img', faults.image));
    await start('--images', images);
    await expectState(1, { State: 'VERIFIED', FileLocation: join(images, 'image-1') });
    const factsOf = (file: string) => host().mustRun(['stat', '-c', '%d %i %s %Z', file]);
    const copy = await factsOf(join(images, 'image-1'));
    expect(copy.split(' ')[0]).not.toBe(
      (await factsOf(join(state, 'verified', faults.sha256))).split(' ')[0],
    );
    expect(await digestOf(join(images, 'image-1'))).toBe(faults.sha256);

    const wireBefore = await faults.wireBytes();
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      await end(signal);
      await configure(treeOf(1, 'image.img', faults.image), treeOf(2, 'small.img', small));
      await start('--images', images);
      // Done after whatever else there was to do.
      await expectState(2, { State: 'VERIFIED', FileLocation: join(images, 'image-2') });
      await expectState(1, { State: 'VERIFIED', FileLocation: join(images, 'image-1') });
      // Device, number, size and time of change: it is the very file.
      expect(await factsOf(join(images, 'image-1'))).toBe(copy);
    }
    expect((await faults.wireBytes()) - wireBefore).toBeLessThan(small.length + 256 * 1024);
    expect(await host().mustRun(['ls', '-A', images])).toBe('image-1\nimage-2\n');
  });
});
