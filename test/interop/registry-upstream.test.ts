// SPDX-License-Identifier: Apache-2.0
/** Images that the datastore imports from a registry which nobody here wrote, had by a client which nobody here wrote. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAuthority } from '../lab/authorities.ts';
import { startAvahi } from '../lab/avahi.ts';
import { type DebianRegistry, startDebianRegistry } from '../lab/debian-registry.ts';
import { createImageLayout, type ImageLayout, type MadeImage } from '../lab/image-layouts.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { type RunningDatastore, startDatastore } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';

const MIB = 1024 * 1024;
const WRITE_TOKEN = 'the-write-token-of-this-test';
const PORT = 8080;
/** Of the user `puller`, whose password is `secret`. */
const HTPASSWD = 'puller:$2y$05$4HUgJROpGbA4cllvodEUYuuzsB249J1dcT7Bm7jnEIlCyxx1mI1ai\n';
const SECRET = 'secret';
const UPSTREAMS = `version: 1
upstreams:
  - prefix: up
    url: http://10.1.0.6:5000
    namespace: registry.example
    tags: { check: 0s }
  - prefix: closed
    url: https://10.1.0.6:5443
    ca: authority.pem
    credentials: { user: puller, passwordFile: password }
  - prefix: neighbour
    url: http://site.local:5000
  - prefix: stranger
    url: https://10.1.0.6:5443
`;

describeWith(
  ['lab', 'root', 'docker-registry', 'skopeo', 'openssl', 'curl', 'avahi', 'dbus'],
  'an upstream of Debian',
  () => {
    let folder: string;
    let lab: Lab;
    let app: App;
    let site: App;
    let open: DebianRegistry;
    let made: ImageLayout;
    let image: MadeImage;
    let datastore: RunningDatastore;
    let pulls = 0;

    const start = () =>
      startDatastore(app, [
        ...['--root', join(folder, 'root'), '--state', join(folder, 'state')],
        ...[
          '--host-name',
          'ds',
          '--port',
          String(PORT),
          '--reserve',
          '0',
          '--write-token-file',
          join(folder, 'token'),
        ],
      ]);
    const startOpen = () => startDebianRegistry(site, { folder: join(folder, 'open'), port: 5000 });
    /** What skopeo says, or the manifest's digest of what it has pulled. */
    async function pull(name: string): Promise<string> {
      pulls += 1;
      const to = join(folder, `pulled-${pulls}`);
      const from = `docker://127.0.0.1:${PORT}/${name}`;
      const { exitCode, stderr } = await app.run([
        'skopeo',
        'copy',
        '--src-tls-verify=false',
        from,
        `dir:${to}`,
      ]);
      if (exitCode !== 0) return stderr;
      const manifest = await readFile(join(to, 'manifest.json'));
      return `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
    }
    /** The body of a refusal, of which skopeo shows the status alone. */
    const failure = (repository: string) =>
      app.mustRun(['curl', '-sS', `http://127.0.0.1:${PORT}/v2/${repository}/manifests/1`]);
    /** What has come from upstreams since the start. */
    async function importedBytes(): Promise<number> {
      const metrics = await app.mustRun(['curl', '-sS', `http://127.0.0.1:${PORT}/-/metrics`]);
      return Number(/^datastore_registry_imported_bytes_total (\d+)$/m.exec(metrics)?.[1]);
    }

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'registry-upstream-'));
      lab = await createLab();
      await lab.addBridge('bn1', '10.1.0.1/24');
      app = await lab.addApp({ name: 'app', bridge: 'bn1', address: '10.1.0.5/24' });
      site = await lab.addApp({ name: 'site', bridge: 'bn1', address: '10.1.0.6/24' });
      made = await createImageLayout(join(folder, 'made'));
      image = await made.addImage({ layers: [randomBytes(3 * MIB), randomBytes(1000)] }, '1');
      await startAvahi(site, { hostName: 'site', publishWorkstation: true });
      open = await startOpen();
      await open.push(made.folder, '1', 'lab/app');
      const authority = await createAuthority(folder, 'upstream');
      const tls = await authority.issue('site', 'IP:10.1.0.6,IP:127.0.0.1');
      await startDebianRegistry(site, {
        ...{ folder: join(folder, 'closed'), port: 5443, htpasswd: HTPASSWD, tls },
      });
      await site.mustRun([
        ...[
          'skopeo',
          'copy',
          '--dest-tls-verify=false',
          '--preserve-digests',
          '--dest-creds',
          `puller:${SECRET}`,
        ],
        ...[`oci:${made.folder}:1`, 'docker://127.0.0.1:5443/lab/private:1'],
      ]);
      await writeFile(join(folder, 'token'), WRITE_TOKEN);
      const state = join(folder, 'state');
      await mkdir(state, { mode: 0o700 });
      await writeFile(join(state, 'upstreams.yaml'), UPSTREAMS);
      await writeFile(join(state, 'password'), `${SECRET}\n`, { mode: 0o600 });
      await writeFile(join(state, 'authority.pem'), await readFile(authority.certificate));
      datastore = await start();
    });
    afterAll(async () => {
      await lab.stop();
      await rm(folder, { recursive: true });
    });

    test('gives an image with its digest, by its tag and by the digest itself', async () => {
      const { digest } = image.manifest;
      expect(await pull('up/lab/app:1')).toBe(digest);
      expect(await pull(`up/lab/app@${digest}`)).toBe(digest);
    });

    test('is asked for by containerd as a mirror of its own name', async () => {
      const path = `/v2/lab/app/manifests/${image.manifest.digest}`;
      const statusOf = (query: string) =>
        app.mustRun([
          'curl',
          '-sS',
          '-o',
          '/dev/null',
          '-w',
          '%{http_code}',
          `http://127.0.0.1:${PORT}${path}${query}`,
        ]);
      expect(await statusOf('?ns=registry.example')).toBe('200');
      expect(await statusOf('?ns=another.example')).toBe('404');
      expect(await statusOf('')).toBe('404');
    });

    test('gives what is closed to others, by the authority and the password that are configured', async () => {
      expect(await pull('closed/lab/private:1')).toBe(image.manifest.digest);
      expect(await failure('stranger/lab/private')).toContain('its authority is not known here');
      expect(datastore.log()).not.toContain(SECRET);
    });

    test('is found on .local by multicast DNS, as Avahi answers it', async () => {
      expect(await pull('neighbour/lab/app:1')).toBe(image.manifest.digest);
    });

    test('says which image it has not', async () => {
      expect(await pull('up/lab/none:1')).toContain('name unknown');
      expect(await pull('up/lab/app:none')).toContain('manifest unknown');
    });

    test('gives the next version of a tag, and keeps the one before', async () => {
      const next = await createImageLayout(join(folder, 'next'));
      const moved = await next.addImage({ layers: [randomBytes(2000)] }, '1');
      await open.push(next.folder, '1', 'lab/app');
      expect(await pull('up/lab/app:1')).toBe(moved.manifest.digest);
      expect(await pull(`up/lab/app@${image.manifest.digest}`)).toBe(image.manifest.digest);
    });

    test('brings a blob once for five clients that come at once', async () => {
      const large = await createImageLayout(join(folder, 'large'));
      const { manifest, config, layers } = await large.addImage({ layers: [randomBytes(20 * MIB)] }, '1');
      const size = [config, ...layers].reduce((sum, each) => sum + each.size, 0);
      await open.push(large.folder, '1', 'lab/large');
      const before = await importedBytes();
      const five = await Promise.all(Array.from({ length: 5 }, () => pull('up/lab/large:1')));
      expect(five).toEqual(Array.from({ length: 5 }, () => manifest.digest));
      expect(await importedBytes()).toBe(before + size);
    });

    test('goes on after the datastore was killed in the middle', async () => {
      const huge = await createImageLayout(join(folder, 'huge'));
      const { manifest } = await huge.addImage({ layers: [randomBytes(80 * MIB)] }, '1');
      await open.push(huge.folder, '1', 'lab/huge');
      const pulling = pull('up/lab/huge:1');
      const incoming = async () =>
        Number(
          (await app.run(['sh', '-c', `cat ${join(folder, 'root', '.incoming')}/*.oci 2>/dev/null | wc -c`]))
            .stdout,
        );
      await expect.poll(incoming, { interval: 5 }).toBeGreaterThan(2 * MIB);
      await datastore.kill();
      expect(await pulling).not.toBe(manifest.digest);
      datastore = await start();
      expect(await pull('up/lab/huge:1')).toBe(manifest.digest);
    });

    test('is not needed any more for what was had once', async () => {
      const digest = await pull('up/lab/app:1');
      await open.stop();
      expect(await pull('up/lab/app:1')).toBe(digest);
      expect(await pull('up/lab/large:1')).toMatch(/^sha256:/);
      expect(await failure('up/lab/unseen')).toContain('nothing listens at its address and port');
      open = await startOpen();
    });

    test('takes no pushes through the datastore', async () => {
      const to = `docker://127.0.0.1:${PORT}/up/lab/mine:1`;
      const creds = ['--dest-creds', `any:${WRITE_TOKEN}`];
      const { exitCode, stderr } = await app.run([
        ...['skopeo', 'copy', '--dest-tls-verify=false', ...creds, `oci:${made.folder}:1`, to],
      ]);
      expect(exitCode).not.toBe(0);
      expect(stderr).toContain('come from 10.1.0.6:5000');
    });
  },
);
