// SPDX-License-Identifier: Apache-2.0
/** The service with container images: a full disk, a slow registry beside a quick one, and kill -9. */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { startAvahi } from '../lab/avahi.ts';
import { startDebianRegistry } from '../lab/debian-registry.ts';
import { createImageLayout, type MadeImage } from '../lab/image-layouts.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { eveAgent, runAgent, waitForLog } from '../lab/programs.ts';
import { wireBytesOf } from '../lab/wire-bytes.ts';
import { describeWith } from '../requirements.ts';
import { repetitions } from '../soak.ts';
import { report } from './fault-lab.ts';

const MIB = 1024 * 1024;
const LAYER_BYTES = 4 * MIB;
const DISK_BYTES = 8 * MIB;
const FILLER_BYTES = 6 * MIB;
const KILLS = repetitions({ short: 3, long: 20 });
const SLOW = '2mbit';
const FIRST = 'fa78153c-e215-4397-bfa7-514264cdf4dd';
const SECOND = '0c0f3d0e-9d5c-4f5e-9d3b-2b6f3a7f1f11';
const UUID = '00000000-0000-4000-8000-000000000001';
const hexOf = ({ digest }: { digest: string }) => digest.slice('sha256:'.length);
/** Of Ethernet, IP, TCP and HTTP, and what is asked for again. */
const OVERHEAD = 1.25;

describeWith(
  ['lab', 'root', 'avahi', 'dbus', 'docker-registry', 'skopeo', 'tc'],
  'images of the service',
  () => {
    let folder: string;
    let disk: string;
    let state: string;
    let config: string;
    let lab: Lab;
    let image: MadeImage;
    const apps = new Map<string, App>();
    let agent: ChildProcess | undefined;
    let log = () => '';
    const setRate = (host: string, rate: string) =>
      apps
        .get(host)
        ?.mustRun(`tc qdisc replace dev eth0 root tbf rate ${rate} burst 64kb latency 400ms`.split(' '));
    const sentBytes = (host: string) => wireBytesOf(lab, host);

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'image-trees-'));
      disk = join(folder, 'disk');
      config = join(folder, 'device.json');
      state = join(disk, 'state');
      await mkdir(disk);
      lab = await createLab();
      await lab.addBridge('bn1', '10.1.0.1/24');
      const made = await createImageLayout(join(folder, 'made'));
      image = await made.addImage({ layers: [randomBytes(LAYER_BYTES), Buffer.from('small')] }, '1');
      for (const [i, host] of ['first', 'second'].entries()) {
        const app = await lab.addApp({ name: host, bridge: 'bn1', address: `10.1.0.${5 + i}/24` });
        apps.set(host, app);
        await startAvahi(app, { hostName: host, publishWorkstation: true });
        const registry = await startDebianRegistry(app, { folder: join(folder, host), port: 80 });
        await registry.push(made.folder, '1', 'app');
      }
    });
    afterAll(async () => {
      await lab?.stop();
      await rm(folder, { recursive: true, force: true });
    });
    beforeEach(async () => {
      await lab.host.mustRun(['mount', '-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', disk]);
    });
    afterEach(async () => {
      await end('SIGKILL');
      for (const host of apps.keys()) await setRate(host, '1gbit');
      await lab.host.mustRun(['umount', disk]);
    });

    async function configure(...datastores: readonly [string, string][]) {
      const document = {
        datastores: datastores.map(([id, host]) => ({
          ...{ id, dType: 'DsContainerRegistry', fqdn: `docker://${host}.local` },
        })),
        contentInfo: [
          {
            ...{ uuid: UUID, dsIdsList: datastores.map(([id]) => id), URL: 'app:1', iformat: 'CONTAINER' },
            displayName: 'app',
          },
        ],
      };
      await writeFile(`${config}.new`, JSON.stringify(document));
      await rename(`${config}.new`, config);
    }
    async function start(...args: readonly string[]) {
      const options = ['--config', config, '--state', state, '--reserve', '0', '--retry-interval', '1'];
      agent = lab.host.start(eveAgent('run', ...options, ...args), { stdio: ['ignore', 'ignore', 'pipe'] });
      const waiting = waitForLog(agent, '"running"');
      log = waiting.log;
      await waiting.seen;
    }
    async function end(signal: NodeJS.Signals) {
      if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return;
      const ended = once(agent, 'exit');
      agent.kill(signal);
      await ended;
    }
    async function status(): Promise<Partial<ContentTreeStatus>> {
      // By the API: a full disk takes no status either.
      const { stdout, exitCode } = await runAgent(lab.host, ['status', '--state', state, '--json']);
      if (exitCode !== 0) return {};
      const { contentTrees } = JSON.parse(stdout) as { contentTrees: ContentTreeStatus[] };
      return contentTrees[0] ?? {};
    }
    const expectStatus = (expected: Partial<ContentTreeStatus>) =>
      expect.poll(status, { timeout: 600_000, interval: 100 }).toMatchObject(expected);
    const currentBytes = async () => Number((await status()).CurrentSize ?? 0);
    async function expectWhole() {
      await expectStatus({ State: 'VERIFIED', Progress: 100, Error: '' });
      const layout = join(state, 'images', 'app');
      const { stdout } = await lab.host.run(['skopeo', 'inspect', `oci:${layout}:1`]);
      expect(JSON.parse(stdout).Digest).toBe(image.manifest.digest);
      const [layer] = image.layers;
      const file = join(layout, 'blobs/sha256', hexOf(layer ?? image.manifest));
      expect(await lab.host.mustRun(['sha256sum', file])).toContain(hexOf(layer ?? image.manifest));
    }

    it.each(['before its start', 'in the middle'])(
      'wait on a disk that is full %s, and go on',
      async (when) => {
        const filler = join(disk, 'filler');
        const fill = () =>
          lab.host.run(['dd', 'if=/dev/zero', `of=${filler}`, 'bs=1M', `count=${FILLER_BYTES / MIB}`]);
        await configure([FIRST, 'first']);
        // Its middle takes long enough to be seen on a machine that is busy.
        await setRate('first', SLOW);
        const before = await sentBytes('first');
        if (when === 'before its start') await fill();
        await start();
        if (when === 'in the middle') {
          await expect.poll(currentBytes, { timeout: 600_000, interval: 20 }).toBeGreaterThan(MIB);
          await fill();
        }
        await setRate('first', '16mbit');
        await expectStatus({ ErrorCode: 'NO_SPACE' });
        await lab.host.mustRun(['rm', filler]);
        await expectWhole();
        const sent = (await sentBytes('first')) - before;
        report('an image on a full disk', { when, sent });
        // What arrives while nothing can be stored comes again: a quarter of a second, and what is on the wire.
        expect(sent).toBeLessThan((LAYER_BYTES + MIB) * OVERHEAD);
      },
    );

    it('leave a registry that is too slow for the next one, and go on where they were', async () => {
      await configure([FIRST, 'first'], [SECOND, 'second']);
      await setRate('first', SLOW);
      const before = await sentBytes('second');
      await start('--least-rate', '1M', '--least-rate-window', '2');
      await expectWhole();
      expect(log()).toContain('it is too slow');
      // The beginning came from the first.
      expect((await sentBytes('second')) - before).toBeLessThan(LAYER_BYTES * OVERHEAD);
    });

    it('come from the next registry where the first one is away or has none', async () => {
      await configure([FIRST, 'nobody'], [SECOND, 'second']);
      await start('--timeout', '2');
      await expectWhole();
    });

    it('are whole after kill -9 again and again, and no stored byte comes twice', async () => {
      await configure([FIRST, 'first']);
      await setRate('first', '16mbit');
      const before = await sentBytes('first');
      let killed = 0;
      for (; killed < KILLS; killed += 1) {
        await start();
        const stored = await currentBytes();
        await expect
          .poll(
            async () => (await currentBytes()) > stored + 200_000 || (await status()).State === 'VERIFIED',
            {
              timeout: 600_000,
              interval: 20,
            },
          )
          .toBe(true);
        await end('SIGKILL');
      }
      await start();
      await expectWhole();
      const sent = (await sentBytes('first')) - before;
      report('an image of the service, killed', { killed, sent });
      expect(sent).toBeLessThan((LAYER_BYTES + killed * MIB) * OVERHEAD);
    });
  },
);
