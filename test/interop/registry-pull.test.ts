// SPDX-License-Identifier: Apache-2.0
/** Images that the agent pulls from a registry which nobody here wrote, judged by programs which nobody here wrote. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthority } from '../lab/authorities.ts';
import { startAvahi } from '../lab/avahi.ts';
import { type DebianRegistry, startDebianRegistry } from '../lab/debian-registry.ts';
import { createImageLayout, type ImageLayout, type MadeImage } from '../lab/image-layouts.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { runAgent } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';
import { agentJson, killDownloadMidway } from './agent.ts';

/** What `eve-agent download docker://… --json` prints. */
interface PulledDocument {
  readonly digest: string;
  readonly manifestDigest: string;
  readonly mediaType: string;
  readonly platform: string | null;
  readonly bridge: string;
  readonly sizeBytes: number;
  readonly presentBytes: number;
  readonly receivedBytes: number;
  readonly resumedFromBytes: number;
}

const MIB = 1024 * 1024;
/** Of the user `puller`, whose password is `secret`. */
const HTPASSWD = 'puller:$2y$05$4HUgJROpGbA4cllvodEUYuuzsB249J1dcT7Bm7jnEIlCyxx1mI1ai\n';
const BASIC = `Basic ${Buffer.from('puller:secret').toString('base64')}`;

describeWith(
  ['lab', 'root', 'avahi', 'dbus', 'docker-registry', 'skopeo', 'podman', 'umoci', 'tc', 'openssl'],
  'images of Debian’s docker-registry, found by Avahi',
  () => {
    let folder: string;
    let lab: Lab;
    let app: App;
    let registry: DebianRegistry;
    let made: ImageLayout;
    let image: MadeImage;
    const pull = (name: string, ...args: readonly string[]) =>
      agentJson<PulledDocument>(lab.host, 'download', `docker://${name}`, ...args);
    const run = (program: string, ...args: readonly string[]) =>
      execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'registry-pull-'));
      lab = await createLab();
      await lab.addBridge('bn1', '10.1.0.1/24');
      app = await lab.addApp({ name: 'app', bridge: 'bn1', address: '10.1.0.5/24' });
      await startAvahi(app, { hostName: 'ds', publishWorkstation: true });
      registry = await startDebianRegistry(app, { folder: join(folder, 'registry'), port: 80 });
      made = await createImageLayout(join(folder, 'made'));
      const layers = [randomBytes(1000), randomBytes(2 * MIB), randomBytes(3 * MIB), Buffer.from('the last')];
      image = await made.addImage({ layers }, '1');
      await registry.push(made.folder, '1', 'project/group/app');
    });
    afterAll(async () => {
      await lab?.stop();
      await rm(folder, { recursive: true });
    });

    test('come as a layout that skopeo and umoci take, with the digest unchanged', async () => {
      const target = join(folder, 'layout');
      const pulled = await pull('ds.local/project/group/app:1', '-o', target);
      const { digest } = image.manifest;
      expect(pulled).toMatchObject({ digest, manifestDigest: digest, bridge: 'bn1', presentBytes: 0 });
      expect(pulled.platform).toBe('linux/amd64');
      expect(JSON.parse(run('skopeo', 'inspect', `oci:${target}:1`)).Digest).toBe(digest);
      run('umoci', 'unpack', '--rootless', '--image', `${target}:1`, join(folder, 'bundle'));
      expect(await readFile(join(folder, 'bundle', 'rootfs', 'content'), 'utf8')).toBe('the last');
      expect(await readdir(target)).toEqual(expect.arrayContaining(['blobs', 'index.json', 'oci-layout']));
    });

    test('are fetched once, whatever is named', async () => {
      const target = join(folder, 'once');
      const first = await pull('ds.local/project/group/app:1', '-o', target);
      const again = await pull('ds.local/project/group/app:1', '-o', target);
      expect(again).toMatchObject({ receivedBytes: 0, presentBytes: first.receivedBytes });
      const more = [...[randomBytes(1000)], Buffer.from('another')];
      const other = await made.addImage({ layers: [...more, Buffer.from('the last')] }, '2');
      await registry.push(made.folder, '2', 'project/group/app');
      const pulled = await pull('ds.local/project/group/app:2', '-o', target);
      const shared = other.layers[2]?.size;
      expect(pulled).toMatchObject({ presentBytes: shared, digest: other.manifest.digest });
      const tags = ['1', '2'].map(
        (tag) => JSON.parse(run('skopeo', 'inspect', `oci:${target}:${tag}`)).Digest,
      );
      expect(tags).toEqual([image.manifest.digest, other.manifest.digest]);
    });

    test('go on after kill -9', async () => {
      const big = await made.addImage({ layers: [randomBytes(48 * MIB)] }, 'big');
      await registry.push(made.folder, 'big', 'big');
      // So slow that there is a midway to be killed at.
      await app.mustRun([
        ...'tc qdisc add dev eth0 root tbf rate 200mbit burst 256kb latency 400ms'.split(' '),
      ]);
      const output = join(folder, 'killed');
      const hex = big.layers[0]?.digest.slice(7) ?? '';
      const storedBytes = await killDownloadMidway(lab.host, {
        url: 'docker://ds.local/big:big',
        ...{ output, target: join(output, 'blobs', 'sha256', hex), afterBytes: 8 * MIB },
      });
      await app.mustRun([...'tc qdisc del dev eth0 root'.split(' ')]);
      const pulled = await pull('ds.local/big:big', '-o', output);
      expect(pulled.resumedFromBytes).toBe(storedBytes);
      expect(pulled.receivedBytes + pulled.resumedFromBytes + pulled.presentBytes).toBeLessThanOrEqual(
        pulled.sizeBytes,
      );
      const bytes = await readFile(join(output, 'blobs', 'sha256', hex));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(hex);
      expect(await readdir(join(output, 'blobs', 'sha256'))).toHaveLength(3);
    });

    test.each(['docker-archive', 'oci-archive'])(
      'come as %s that podman loads, with the id unchanged',
      async (form) => {
        const target = join(folder, `${form}.tar`);
        await pull('ds.local/project/group/app:1', '--form', form, '-o', target);
        const podman = (...args: string[]) =>
          run(
            'podman',
            '--root',
            join(folder, form),
            '--runroot',
            join(folder, `${form}.run`),
            '--storage-driver',
            'vfs',
            ...args,
          );
        podman('load', '-i', target);
        const [, id] = podman('images', '--no-trunc', '--format', '{{.Repository}}:{{.Tag}} {{.ID}}')
          .trim()
          .split(' ');
        expect(id).toBe(image.config.digest);
        expect(JSON.parse(run('skopeo', 'inspect', `${form}:${target}`)).Architecture).toBe('amd64');
        expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([]);
      },
    );

    test('are chosen by platform, and what there is is said where none fits', async () => {
      const architectures = ['amd64', 'arm64'];
      const images: Record<string, MadeImage> = {};
      for (const architecture of architectures) {
        images[architecture] = await made.addImage({ layers: [Buffer.from(architecture)], architecture });
      }
      const index = await made.addIndex(images, 'all');
      await registry.push(made.folder, 'all', 'multi', '--all');
      for (const architecture of architectures) {
        const platform = `linux/${architecture}`;
        const pulled = await pull(
          'ds.local/multi:all',
          '--platform',
          platform,
          '-o',
          join(folder, architecture),
        );
        expect(pulled).toMatchObject({ platform, digest: index.digest });
        expect(pulled.manifestDigest).toBe(images[architecture]?.manifest.digest);
      }
      const args = [
        'download',
        'docker://ds.local/multi:all',
        '--platform',
        'linux/s390x',
        '-o',
        join(folder, 'none'),
      ];
      const refused = await runAgent(lab.host, args);
      expect([refused.exitCode, refused.stderr]).toEqual([
        4,
        expect.stringContaining('no image for linux/s390x; there are: linux/amd64, linux/arm64'),
      ]);
    });

    test('of Docker’s schema 2 stay what they are', async () => {
      await registry.push(made.folder, '1', 'v2s2', '--format', 'v2s2');
      const target = join(folder, 'v2s2');
      const pulled = await pull('ds.local/v2s2:1', '-o', target);
      expect(pulled.mediaType).toBe('application/vnd.docker.distribution.manifest.v2+json');
      const there = await app.mustRun([
        'skopeo',
        'inspect',
        '--tls-verify=false',
        'docker://127.0.0.1/v2s2:1',
      ]);
      expect(JSON.parse(there).Digest).toBe(pulled.digest);
      expect(JSON.parse(run('skopeo', 'inspect', `oci:${target}`)).Digest).toBe(pulled.digest);
    });

    test('that need a password come with it, and not without', async () => {
      const secured = await startDebianRegistry(app, {
        ...{ folder: join(folder, 'secured'), port: 8080, htpasswd: HTPASSWD },
      });
      await secured.push(made.folder, '1', 'private/app', '--dest-creds', 'puller:secret');
      const pullAs = (...args: string[]) =>
        runAgent(lab.host, [
          'download',
          'docker://ds.local:8080/private/app:1',
          '-o',
          join(folder, 'private'),
          ...args,
        ]);
      expect(await pullAs()).toMatchObject({
        exitCode: 4,
        stderr: expect.stringContaining('give a credential'),
      });
      const wrong = await pullAs('--auth', 'Basic cHVsbGVyOndyb25n');
      expect(wrong).toMatchObject({ exitCode: 4, stderr: expect.not.stringContaining('cHVsbGVyOndyb25n') });
      expect(await pullAs('--auth', BASIC)).toMatchObject({ exitCode: 0 });
      // As skopeo writes it.
      const auth = join(folder, 'auth.json');
      await app.mustRun([
        ...['skopeo', 'login', '--tls-verify=false', '--authfile', auth, '-u', 'puller', '-p', 'secret'],
        '127.0.0.1:8080',
      ]);
      expect(await pullAs('--registry-auth', auth)).toMatchObject({ exitCode: 4 });
      await writeFile(auth, (await readFile(auth, 'utf8')).replace('127.0.0.1', 'ds.local'));
      expect(await pullAs('--registry-auth', auth)).toMatchObject({ exitCode: 0 });
      const none = await pullAs('--registry-auth', join(folder, 'none.json'));
      expect(none).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--registry-auth') });
    });

    test('come over https by the authority that is given, and by no other', async () => {
      const authority = await createAuthority(folder, 'lab');
      const secure = await startDebianRegistry(app, {
        ...{ folder: join(folder, 'secure'), port: 443 },
        tls: await authority.issue('ds', 'DNS:ds.local'),
      });
      await secure.push(made.folder, '1', 'app');
      const pullWith = (...args: string[]) =>
        runAgent(lab.host, ['download', 'docker://ds.local/app:1', '-o', join(folder, 'https'), ...args]);
      const untrusted = await pullWith('--scheme', 'https');
      expect([untrusted.exitCode, untrusted.stderr]).toEqual([4, expect.stringContaining('--ca')]);
      expect(await pullWith('--ca', authority.certificate)).toMatchObject({ exitCode: 0 });
    });

    test('that do not fit are not begun, and fit once there is room', async () => {
      const disk = join(folder, 'disk');
      const target = join(disk, 'image');
      await lab.host.mustRun(['mkdir', disk]);
      await lab.host.mustRun(['mount', '-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk]);
      const args = ['download', 'docker://ds.local/project/group/app:1', '-o', target];
      const refused = await runAgent(lab.host, args);
      expect([refused.exitCode, refused.stderr]).toEqual([6, expect.stringContaining('are free')]);
      const blobs = await lab.host.mustRun(['ls', '-A', join(target, 'blobs', 'sha256')]);
      expect(blobs).toBe('');
      await lab.host.mustRun(['mount', '-o', 'remount,size=16m', disk]);
      expect(await runAgent(lab.host, args)).toMatchObject({ exitCode: 0 });
    });

    describe('as the doctor sees them', () => {
      const examine = async (name: string, ...args: string[]) => {
        const { exitCode, stdout } = await runAgent(lab.host, [
          'doctor',
          `docker://${name}`,
          '--json',
          ...args,
        ]);
        const { isUsable, checks } = JSON.parse(stdout) as {
          isUsable: boolean;
          checks: { id: string; summary: string; findings: { code: string; verdict: string }[] }[];
        };
        const findings = checks.flatMap((check) => check.findings);
        const problems = findings.filter(({ verdict }) => verdict === 'problem').map(({ code }) => code);
        return { exitCode, isUsable, problems, checks };
      };

      test('one that is there can be pulled, and its largest blob be gone on with', async () => {
        const found = await examine('ds.local/project/group/app:1', '--full');
        expect(found).toMatchObject({ exitCode: 0, isUsable: true, problems: [] });
        const summaryOf = (id: string) => found.checks.find((check) => check.id === id)?.summary;
        expect(summaryOf('image')).toContain(image.manifest.digest);
        expect(summaryOf('digest')).toContain(image.layers[2]?.digest.slice(7));
        expect(summaryOf('ranges')).not.toBeUndefined();
        expect(found.checks.map(({ id }) => id)).not.toContain('stock-eve');
      });

      test.each([
        ['ds.local/project/group/app:9', 4, 'image-not-found'],
        ['ds.local:8080/private/app:1', 4, 'image-access-denied'],
        ['ds.local:8081/app:1', 4, 'connection-refused'],
        ['nobody.local/app:1', 3, null],
      ])('%s ends with %i for %s', async (name, exitCode, problem) => {
        const found = await examine(name);
        expect(found).toMatchObject({ exitCode, isUsable: false });
        if (problem !== null) expect(found.problems).toEqual([problem]);
      });
    });

    test('that are not there end as such', async () => {
      const missing = await runAgent(lab.host, [
        'download',
        'docker://ds.local/project/group/app:9',
        '--json',
      ]);
      expect(missing.exitCode).toBe(4);
      expect(JSON.parse(missing.stderr.trim().split('\n').at(-1) ?? '')).toMatchObject({
        error: { code: 'IMAGE_NOT_FOUND', message: expect.stringContaining('MANIFEST_UNKNOWN') },
      });
    });
  },
);
