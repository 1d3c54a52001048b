// SPDX-License-Identifier: Apache-2.0
/** Pulls of images are killed at random moments, again and again, by the signal that leaves them no time. */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAvahi } from '../lab/avahi.ts';
import { startDebianRegistry } from '../lab/debian-registry.ts';
import { createImageLayout, type MadeImage } from '../lab/image-layouts.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { finish } from '../lab/namespace.ts';
import { eveAgent } from '../lab/programs.ts';
import { wireBytesOf } from '../lab/wire-bytes.ts';
import { randomOfThisRun } from '../random.ts';
import { describeWith } from '../requirements.ts';
import { repetitions } from '../soak.ts';
import { report } from './fault-lab.ts';

const KILLS = repetitions({ short: 8, long: 40 });
const MIB = 1024 * 1024;
/** A second and a half for an image, beside the start of the program. */
const RATE = '40mbit';
const LIFE_MS = 2000;
/** What may have come and not be written when the signal comes: a quarter of a second, and small blobs. */
const LOST_BYTES_PER_KILL = 40_000_000 / 8 / 2 + MIB;

describeWith(['lab', 'root', 'avahi', 'dbus', 'docker-registry', 'skopeo', 'tc'], 'pulls of images', () => {
  let folder: string;
  let lab: Lab;
  let app: App;
  let image: MadeImage;
  const random = randomOfThisRun('image pulls killed');
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'image-killed-'));
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    app = await lab.addApp({ name: 'app', bridge: 'bn1', address: '10.1.0.5/24' });
    await startAvahi(app, { hostName: 'ds', publishWorkstation: true });
    const registry = await startDebianRegistry(app, { folder: join(folder, 'registry'), port: 80 });
    const made = await createImageLayout(join(folder, 'made'));
    const layers = [3 * MIB, 5000, 2 * MIB, 70_000, 2 * MIB, 10].map((size) => random.bytes(size));
    image = await made.addImage({ layers }, '1');
    await registry.push(made.folder, '1', 'app');
    await app.mustRun(`tc qdisc add dev eth0 root tbf rate ${RATE} burst 64kb latency 400ms`.split(' '));
  });
  afterAll(async () => {
    await lab?.stop();
    await rm(folder, { recursive: true });
  });

  const hexOf = ({ digest }: { digest: string }) => digest.slice(7);
  const sentBytes = () => wireBytesOf(lab, 'app');
  /** What has the name of a digest has that digest. */
  async function checkBlobs(blobs: string): Promise<void> {
    for (const name of await readdir(blobs).catch(() => [])) {
      if (name.startsWith('.')) continue;
      expect(
        createHash('sha256')
          .update(await readFile(join(blobs, name)))
          .digest('hex'),
      ).toBe(name);
    }
  }

  describe.each([
    { form: 'oci-layout', target: 'layout', work: 'layout' },
    { form: 'docker-archive', target: 'image.tar', work: '.image.tar.parts' },
  ])('as $form', ({ form, target, work }) => {
    it('are whole in the end, nothing wrong has a name meanwhile, and no blob comes twice', async () => {
      const path = join(folder, 'out', form, target);
      const blobs = join(folder, 'out', form, work, 'blobs', 'sha256');
      const start = () =>
        lab.host.start(eveAgent('download', 'docker://ds.local/app:1', '--form', form, '-o', path, '--json'));
      await lab.host.mustRun(['mkdir', '-p', join(folder, 'out', form)]);
      const before = await sentBytes();
      let [killed, whole] = [0, 0];
      for (;;) {
        const child = start();
        const ended = finish(child);
        if (killed < KILLS) await Promise.race([ended, delay(random.integer(0, LIFE_MS))]);
        else await ended;
        child.kill('SIGKILL');
        const { exitCode, stderr } = await ended;
        await checkBlobs(blobs);
        if (exitCode === 137) {
          killed += 1;
          continue;
        }
        expect(exitCode, stderr).toBe(0);
        whole += 1;
        if (killed >= KILLS) break;
        await rm(join(folder, 'out', form), { recursive: true });
        await lab.host.mustRun(['mkdir', '-p', join(folder, 'out', form)]);
      }
      const imageBytes = [image.manifest, image.config, ...image.layers].reduce(
        (sum, { size }) => sum + size,
        0,
      );
      const mayHaveCome = whole * imageBytes * 1.1 + killed * LOST_BYTES_PER_KILL;
      expect((await sentBytes()) - before).toBeLessThan(mayHaveCome);
      if (form === 'oci-layout') {
        const names = [image.manifest, image.config, ...image.layers].map(hexOf);
        expect((await readdir(blobs)).sort()).toEqual([...new Set(names)].sort());
      } else expect(await readdir(join(folder, 'out', form))).toEqual([target]);
      report('image pulls killed', { form, killed, whole });
    });
  });
});
