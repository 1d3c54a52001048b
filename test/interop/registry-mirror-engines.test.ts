// SPDX-License-Identifier: Apache-2.0
/** Container engines that nobody here wrote pull through the agent's mirror, by the lines that it prints for them. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAvahi } from '../lab/avahi.ts';
import { type RunningContainerd, startContainerd } from '../lab/containerd.ts';
import { type DebianRegistry, startDebianRegistry } from '../lab/debian-registry.ts';
import { type RunningEngine, startDockerEngine } from '../lab/docker-engine.ts';
import { createImageLayout, type MadeImage } from '../lab/image-layouts.ts';
import { writeK3sHosts } from '../lab/k3s-hosts.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { runAgent } from '../lab/programs.ts';
import { MIRROR_PLACE, type RunningMirror, startMirror } from '../lab/running-mirror.ts';
import { describeWith } from '../requirements.ts';

const MIB = 1024 * 1024;

describeWith(
  ['lab', 'root', 'avahi', 'dbus', 'docker-registry', 'skopeo', 'podman', 'containerd', 'dockerd'],
  'engines behind the mirror',
  () => {
    let folder: string;
    let lab: Lab;
    let app: App;
    let registry: DebianRegistry;
    let image: MadeImage;
    let hub: MadeImage;
    let mirror: RunningMirror;
    let engine: RunningEngine;
    let containerd: RunningContainerd;
    const startRegistry = () => startDebianRegistry(app, { folder: join(folder, 'registry'), port: 80 });
    /** The lines for a client, for this datastore. */
    const linesFor = async (client: string) => {
      const { stdout, exitCode } = await runAgent(lab.host, ['mirror', '--print-config', client]);
      expect(exitCode).toBe(0);
      return stdout.replaceAll('NAME.local', 'ds.local');
    };

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'mirror-engines-'));
      lab = await createLab();
      await lab.addBridge('bn1', '10.1.0.1/24');
      app = await lab.addApp({ name: 'app', bridge: 'bn1', address: '10.1.0.5/24' });
      await startAvahi(app, { hostName: 'ds', publishWorkstation: true });
      registry = await startRegistry();
      const made = await createImageLayout(join(folder, 'made'));
      image = await made.addImage({ layers: [randomBytes(3 * MIB), Buffer.from('small')] }, '1');
      hub = await made.addImage({ layers: [randomBytes(MIB)] }, 'hub');
      await registry.push(made.folder, '1', 'group/app');
      await registry.push(made.folder, 'hub', 'library/thing');
      mirror = await startMirror(lab.host, join(folder, 'cache'), '--any', 'tags');
      const hosts = join(folder, 'hosts');
      await mkdir(join(hosts, '_default'), { recursive: true });
      await writeFile(join(hosts, '_default', 'hosts.toml'), await linesFor('containerd'));
      await writeK3sHosts(join(folder, 'k3s'), await linesFor('k3s'));
      containerd = await startContainerd(lab.host, join(folder, 'containerd'), join(folder, 'k3s'));
      engine = await startDockerEngine(
        ...([lab.host, join(folder, 'docker'), '--registry-mirror', `http://${MIRROR_PLACE}`] as const),
      );
    });
    afterAll(async () => {
      await engine?.stop();
      await containerd?.stop();
      await mirror?.end('SIGKILL');
      await lab?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    test('docker pulls by tag and by digest, by the line that is printed', async () => {
      const line =
        (await linesFor('docker')).split('\n').find((each) => each.startsWith('docker pull')) ?? '';
      const name = line.split(' ')[2] ?? '';
      expect(name).toBe(`${MIRROR_PLACE}/ds.local/group/app:1`);
      expect(await engine.docker('pull', name)).toContain(image.manifest.digest);
      expect((await engine.docker('image', 'inspect', '--format', '{{.Id}}', name)).trim()).toBe(
        image.config.digest,
      );
      await engine.docker('pull', `${MIRROR_PLACE}/ds.local/group/app@${image.manifest.digest}`);
    });

    test('docker takes it for a mirror of Docker Hub, where tags may come from anybody', async () => {
      expect(await engine.docker('pull', 'thing:hub')).toContain(hub.manifest.digest);
    });

    test('podman pulls by the file that is printed', async () => {
      const settings = join(folder, 'registries.conf');
      await writeFile(settings, await linesFor('podman'));
      const podman = (...args: readonly string[]) =>
        lab.host.mustRun([
          ...['env', `CONTAINERS_REGISTRIES_CONF=${settings}`, 'podman'],
          ...['--root', join(folder, 'podman'), '--runroot', join(folder, 'podman.run')],
          ...['--storage-driver', 'vfs', ...args],
        ]);
      const id = (await podman('pull', '--quiet', 'ds.local/group/app:1')).trim();
      expect(`sha256:${id}`).toBe(image.config.digest);
    });

    test.each(['hosts', 'k3s'])('containerd pulls by its own command, told by %s', async (told) => {
      const hosts = ['--hosts-dir', join(folder, told)];
      await containerd.ctr('content', 'fetch', ...hosts, 'ds.local/group/app:1');
      expect(await containerd.ctr('content', 'ls', '-q')).toContain(image.manifest.digest);
    });

    test('containerd pulls for Kubernetes by what k3s makes of the file that is printed for it', async () => {
      expect(await containerd.pullByCri('ds.local/group/app:1')).toBe(image.config.digest);
      expect(await containerd.pullByCri('docker.io/library/thing:hub')).toBe(hub.config.digest);
      await expect(containerd.pullByCri('ds.local/group/none:1')).rejects.toThrow(/ds\.local\/group\/none/);
    });

    test('all have it while the datastore is away', async () => {
      await registry.stop();
      const name = `${MIRROR_PLACE}/ds.local/group/app:1`;
      await engine.docker('image', 'rm', '--force', image.config.digest);
      expect(await engine.docker('pull', name)).toContain(image.manifest.digest);
      await containerd.stop();
      await rm(join(folder, 'containerd'), { recursive: true, force: true });
      containerd = await startContainerd(lab.host, join(folder, 'containerd'), join(folder, 'k3s'));
      expect(await containerd.pullByCri('ds.local/group/app:1')).toBe(image.config.digest);
      expect(mirror.log()).toContain('nobody answers: a tag as it was');
    });
  },
);
