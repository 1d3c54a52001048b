// SPDX-License-Identifier: Apache-2.0
/** Content trees of container images, from a registry which nobody here wrote. */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startAvahi } from '../lab/avahi.ts';
import { type DebianRegistry, startDebianRegistry } from '../lab/debian-registry.ts';
import { createImageLayout, type ImageLayout, type MadeImage } from '../lab/image-layouts.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { eveAgent, runAgent, waitForLog } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';

const MIB = 1024 * 1024;
/** Of the user `puller`, whose password is `secret`. */
const HTPASSWD = 'puller:$2y$05$4HUgJROpGbA4cllvodEUYuuzsB249J1dcT7Bm7jnEIlCyxx1mI1ai\n';
/** About 3 MB/s: a download takes long enough to be disturbed in the middle. */
const SLOW_LINK = ['tbf', 'rate', '24mbit', 'burst', '64kb', 'latency', '400ms'];
const LOCAL = 'fa78153c-e215-4397-bfa7-514264cdf4dd';
const OTHER = '0c0f3d0e-9d5c-4f5e-9d3b-2b6f3a7f1f11';
const PRIVATE = '3d1e6f0a-5f5e-4a56-8f7c-0b2b6f3a7f1f';
const uuidOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const hexOf = ({ digest }: { digest: string }) => digest.slice('sha256:'.length);
const hexesOf = ({ manifest, config, layers }: MadeImage) => [manifest, config, ...layers].map(hexOf);
const treeOf = (number: number, url: string, more: object = {}) => ({
  uuid: uuidOf(number),
  dsIdsList: [LOCAL],
  URL: url,
  iformat: 'CONTAINER',
  displayName: `image-${number}`,
  ...more,
});
const registryAt = (fqdn: string, id = LOCAL, more: object = {}) => ({
  ...{ id, dType: 'DsContainerRegistry', fqdn },
  ...more,
});

describeWith(
  ['lab', 'root', 'avahi', 'dbus', 'docker-registry', 'skopeo', 'tc'],
  'container images of a device configuration',
  () => {
    let folder: string;
    let state: string;
    let config: string;
    let lab: Lab;
    let app: App;
    let registry: DebianRegistry;
    let made: ImageLayout;
    let first: MadeImage;
    let second: MadeImage;
    let agent: ChildProcess | undefined;
    let agentLog = () => '';
    const startRegistry = async () => {
      registry = await startDebianRegistry(app, { folder: join(folder, 'registry'), port: 80 });
    };

    async function configure(trees: readonly object[], datastores?: readonly object[]) {
      const document = {
        datastores: datastores ?? [registryAt('docker://ds.local', LOCAL, { dpath: 'group' })],
        contentInfo: trees,
      };
      await writeFile(`${config}.new`, JSON.stringify(document));
      await rename(`${config}.new`, config);
    }
    async function startAgent(...args: string[]) {
      const command = eveAgent('run', '--config', config, '--state', state, '--reserve', '0', ...args);
      const child = lab.host.start(command, { stdio: ['ignore', 'ignore', 'pipe'] });
      agent = child;
      const { log, seen } = waitForLog(child, '"running"');
      agentLog = log;
      await seen;
    }
    async function endAgent(signal: NodeJS.Signals) {
      if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return;
      const ended = once(agent, 'exit');
      agent.kill(signal);
      await ended;
    }
    async function statusOf(number: number): Promise<Partial<ContentTreeStatus>> {
      const file = join(state, 'status', 'ContentTreeStatus', `${uuidOf(number)}.json`);
      return JSON.parse(await readFile(file, 'utf8').catch(() => '{}')) as ContentTreeStatus;
    }
    const expectState = (number: number, expected: Partial<ContentTreeStatus>) =>
      expect.poll(() => statusOf(number)).toMatchObject(expected);
    const verified = async () => (await readdir(join(state, 'verified'))).sort();
    const lines = (message: string) =>
      agentLog()
        .split('\n')
        .filter((line) => line.includes(`"msg":"${message}"`))
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    const placeOf = (number: number) => join(state, 'images', `image-${number}`);
    const inspect = (number: number, tag: string) =>
      JSON.parse(execFileSync('skopeo', ['inspect', `oci:${placeOf(number)}:${tag}`], { encoding: 'utf8' }))
        .Digest;
    const slowDown = () => app.mustRun(['tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', ...SLOW_LINK]);
    const fullSpeed = () => app.run(['tc', 'qdisc', 'del', 'dev', 'eth0', 'root']);

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'registry-trees-'));
      lab = await createLab();
      await lab.addBridge('bn1', '10.1.0.1/24');
      app = await lab.addApp({ name: 'app', bridge: 'bn1', address: '10.1.0.5/24' });
      await startAvahi(app, { hostName: 'ds', publishWorkstation: true });
      await startRegistry();
      made = await createImageLayout(join(folder, 'made'));
      const base = randomBytes(12 * MIB);
      first = await made.addImage({ layers: [base, Buffer.from('first')] }, '1');
      second = await made.addImage({ layers: [base, Buffer.from('second')] }, '2');
      const arm = await made.addImage({ layers: [base, Buffer.from('arm')], architecture: 'arm64' });
      await made.addIndex({ amd64: first, arm64: arm }, 'all');
      await registry.push(made.folder, '1', 'group/app');
      await registry.push(made.folder, '2', 'group/app');
      await registry.push(made.folder, 'all', 'group/multi', '--all');
    });
    afterAll(async () => {
      await lab?.stop();
      await rm(folder, { recursive: true });
    });
    beforeEach(async () => {
      state = await mkdtemp(join(folder, 'agent-'));
      config = join(state, 'device.json');
    });
    afterEach(async () => {
      await endAgent('SIGKILL');
      await fullSpeed();
    });

    test('come whole, layers of several once, as layouts that skopeo reads; what nobody wants goes', async () => {
      await configure([treeOf(1, 'app:1'), treeOf(2, 'app:2'), treeOf(3, 'multi:all')]);
      await startAgent('--grace', '0');
      for (const number of [1, 2, 3])
        await expectState(number, { State: 'VERIFIED', Progress: 100, Error: '' });
      const all = [...new Set([...hexesOf(first), ...hexesOf(second)])].sort();
      expect(await verified()).toEqual(all);
      const received = lines('verified').map(({ sha256 }) => sha256);
      expect(received.sort()).toEqual(all);
      expect([inspect(1, '1'), inspect(2, '2')]).toEqual([first.manifest.digest, second.manifest.digest]);
      // Of the index it is the image of this host's platform.
      expect(inspect(3, 'all')).toBe(first.manifest.digest);
      const index = JSON.parse(await readFile(join(made.folder, 'index.json'), 'utf8')).manifests;
      const sizes = [first.manifest, first.config, ...first.layers].reduce((sum, { size }) => sum + size, 0);
      await expectState(1, {
        ...{ ContentSha256: hexOf(first.manifest), FileLocation: placeOf(1), DatastoreID: LOCAL },
        ...{ CurrentSize: sizes, TotalSize: sizes, Format: 'CONTAINER' },
      });
      await expectState(3, { ContentSha256: hexOf(index.at(-1)), RefCount: 2 });

      await configure([treeOf(2, 'app:2')]);
      await expect.poll(verified).toEqual(hexesOf(second).sort());
      await expect.poll(() => readdir(join(state, 'images'))).toEqual(['image-2']);
      expect(inspect(2, '2')).toBe(second.manifest.digest);
    });

    test('go on after kill -9, and stay the image that they were when the tag moves', async () => {
      await registry.push(made.folder, '1', 'group/moved');
      await slowDown();
      await configure([treeOf(1, 'moved:1')]);
      await startAgent();
      await expectState(1, { State: 'DOWNLOADING' });
      const layer = hexOf(first.layers[0] ?? { digest: '' });
      const partial = join(state, 'pending', `.${layer}.partial`);
      const storedBytes = async () => (await stat(partial).catch(() => null))?.size ?? 0;
      await expect.poll(storedBytes).toBeGreaterThan(2 * MIB);
      await endAgent('SIGKILL');
      const kept = await storedBytes();
      await fullSpeed();
      const other = await made.addImage({ layers: [Buffer.from('moved')] }, 'new');
      await app.mustRun([
        ...['skopeo', 'copy', '--preserve-digests', '--dest-tls-verify=false'],
        ...[`oci:${made.folder}:new`, 'docker://127.0.0.1:80/group/moved:1'],
      ]);
      await startAgent('--grace', '0');
      await expectState(1, { State: 'VERIFIED', ContentSha256: hexOf(first.manifest) });
      const resumed = lines('verified').find(({ sha256 }) => sha256 === layer);
      expect(resumed).toMatchObject({ resumedFromBytes: kept });
      expect(await readdir(join(state, 'pending'))).toEqual([]);

      await configure([treeOf(1, 'moved:1', { generationCount: '1' })]);
      await expectState(1, { State: 'VERIFIED', ContentSha256: hexOf(other.manifest) });
      await expect.poll(verified).toEqual(hexesOf(other).sort());
      expect(inspect(1, '1')).toBe(other.manifest.digest);
    });

    test('wait for a registry that is away, and come from the next one meanwhile', async () => {
      const other = await startDebianRegistry(app, { folder: join(folder, 'backup'), port: 8081 });
      await other.push(made.folder, '2', 'copy/app');
      await registry.stop();
      const local = registryAt('docker://ds.local', LOCAL, { dpath: 'group' });
      const backup = registryAt('http://10.1.0.5:8081', OTHER, { dpath: 'copy' });
      await configure(
        [treeOf(1, 'app:1'), treeOf(2, 'app:2', { dsIdsList: [LOCAL, OTHER] })],
        [local, backup],
      );
      await startAgent('--retry-interval', '1');
      await expectState(1, { ErrorCode: 'CONNECTION_FAILED' });
      await expectState(2, { State: 'VERIFIED', DatastoreID: OTHER });
      await other.stop();
      await startRegistry();
      await expectState(1, { State: 'VERIFIED', Error: '', DatastoreID: LOCAL });
    });

    test('are refused for another digest, an unknown tag or credential, each on its own', async () => {
      const secured = await startDebianRegistry(app, {
        ...{ folder: join(folder, 'secured'), port: 8080, htpasswd: HTPASSWD },
      });
      await secured.push(made.folder, '2', 'app', '--dest-creds', 'puller:secret');
      const datastores = [
        registryAt('docker://ds.local', LOCAL, { dpath: 'group' }),
        registryAt('http://ds.local:8080', OTHER, { apiKey: 'puller', password: 'wrong' }),
        registryAt('http://ds.local:8080', PRIVATE, { apiKey: 'puller', password: 'secret' }),
      ];
      const old = treeOf(5, 'app:2', { dsIdsList: undefined, dsId: PRIVATE });
      await configure(
        [
          treeOf(1, 'app:1', { sha256: 'ab'.repeat(32) }),
          treeOf(2, 'app:none'),
          treeOf(3, 'app:2', { dsIdsList: [OTHER] }),
          // By the other spelling, and a digest that is right.
          treeOf(4, 'app:1', { sha256: hexOf(first.manifest).toUpperCase(), iformat: 8 }),
          old,
        ],
        datastores,
      );
      await startAgent('--allow-plain-credentials');
      await expectState(4, { State: 'VERIFIED', ContentSha256: hexOf(first.manifest) });
      // The layer that both have may come from either.
      await expectState(5, { State: 'VERIFIED', ContentSha256: hexOf(second.manifest) });
      await expectState(1, {
        State: 'INITIAL',
        ErrorCode: 'IMAGE_NOT_FOUND',
        ErrorSeverity: 'SEVERITY_ERROR',
      });
      await expectState(2, { State: 'INITIAL', ErrorCode: 'IMAGE_NOT_FOUND' });
      await expectState(3, { State: 'INITIAL', ErrorCode: 'ACCESS_DENIED' });
      expect(agentLog()).not.toContain('secret');
      await secured.stop();
    });

    test('are paused and resumed, and mended when a file of theirs is damaged', async () => {
      await slowDown();
      await configure([treeOf(1, 'app:1')]);
      await startAgent('--scrub-interval', '0');
      await expectState(1, { State: 'DOWNLOADING' });
      expect((await runAgent(lab.host, ['pause', uuidOf(1), '--state', state])).exitCode).toBe(0);
      await expectState(1, { State: 'RESOLVED_TAG', Hold: 'paused' });
      await fullSpeed();
      expect((await runAgent(lab.host, ['resume', uuidOf(1), '--state', state])).exitCode).toBe(0);
      await expectState(1, { State: 'VERIFIED', Hold: 'none' });
      await endAgent('SIGTERM');
      const layer = hexOf(first.layers[0] ?? { digest: '' });
      await truncate(join(state, 'verified', layer), 1000);
      await startAgent('--scrub-interval', '1');
      await expectState(1, { State: 'VERIFIED', Error: '' });
      await expect
        .poll(async () => (await stat(join(placeOf(1), 'blobs', 'sha256', layer))).size)
        .toBe(first.layers[0]?.size);
      expect(inspect(1, '1')).toBe(first.manifest.digest);
    });
  },
);
