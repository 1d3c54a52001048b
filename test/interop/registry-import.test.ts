// SPDX-License-Identifier: Apache-2.0
/** Images that the datastore is told to import from a registry which nobody here wrote. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAuthority } from '../lab/authorities.ts';
import { startAvahi } from '../lab/avahi.ts';
import { type DebianRegistry, startDebianRegistry } from '../lab/debian-registry.ts';
import { createImageLayout, type Descriptor, type ImageLayout } from '../lab/image-layouts.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { datastoreApp, type RunningDatastore, startDatastore } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';

const MIB = 1024 * 1024;
const WRITE_TOKEN = 'the-write-token-of-this-test';
const PORT = 8080;
const URL_HERE = `http://127.0.0.1:${PORT}`;
/** Of the user `puller`, whose password is `secret`. */
const HTPASSWD = 'puller:$2y$05$4HUgJROpGbA4cllvodEUYuuzsB249J1dcT7Bm7jnEIlCyxx1mI1ai\n';
const SECRET = 'secret';
const OPEN = '10.1.0.6:5000';
const CLOSED = '10.1.0.6:5443';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

describeWith(
  ['lab', 'root', 'docker-registry', 'skopeo', 'openssl', 'curl', 'avahi', 'dbus'],
  'imports from a registry of Debian',
  () => {
    let folder: string;
    let lab: Lab;
    let app: App;
    let site: App;
    let open: DebianRegistry;
    let made: ImageLayout;
    let index: Descriptor;
    let signature: string;
    let datastore: RunningDatastore;

    const start = () =>
      startDatastore(app, [
        ...['--root', join(folder, 'root'), '--state', join(folder, 'state'), '--host-name', 'ds'],
        ...['--port', String(PORT), '--reserve', '0', '--write-token-file', join(folder, 'token')],
      ]);
    const command = (...args: string[]) =>
      app.run([
        ...datastoreApp(...args),
        ...['--url', URL_HERE, '--write-token-file', join(folder, 'token')],
      ]);
    async function imported(...args: string[]): Promise<{ digest: string; fetchedBytes: number }> {
      const { exitCode, stdout, stderr } = await command('import', ...args, '--json');
      expect(exitCode, stderr).toBe(0);
      return JSON.parse(stdout);
    }
    /** The digest of what skopeo reads by a name. */
    async function digestOf(name: string): Promise<string> {
      const raw = await app.mustRun([
        ...['skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://127.0.0.1:${PORT}/${name}`],
      ]);
      return `sha256:${createHash('sha256').update(raw).digest('hex')}`;
    }
    /** Puts a document below a repository of the open registry. */
    async function putManifest(repository: string, reference: string, document: string): Promise<string> {
      const file = join(folder, 'document.json');
      await writeFile(file, document);
      await site.mustRun([
        ...['curl', '-fsS', '-X', 'PUT', '-H', `Content-Type: ${JSON.parse(document).mediaType}`],
        ...['--data-binary', `@${file}`, `http://127.0.0.1:5000/v2/${repository}/manifests/${reference}`],
      ]);
      return `sha256:${createHash('sha256').update(document).digest('hex')}`;
    }

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'registry-import-'));
      lab = await createLab();
      await lab.addBridge('bn1', '10.1.0.1/24');
      app = await lab.addApp({ name: 'app', bridge: 'bn1', address: '10.1.0.5/24' });
      site = await lab.addApp({ name: 'site', bridge: 'bn1', address: '10.1.0.6/24' });
      await startAvahi(site, { hostName: 'site', publishWorkstation: true });
      open = await startDebianRegistry(site, { folder: join(folder, 'open'), port: 5000 });
      made = await createImageLayout(join(folder, 'made'));
      const amd64 = await made.addImage({ layers: [randomBytes(2 * MIB), randomBytes(1000)] }, 'one');
      const arm64 = await made.addImage({ layers: [randomBytes(MIB)], architecture: 'arm64' });
      index = await made.addIndex({ amd64, arm64 }, '1');
      await open.push(made.folder, '1', 'lab/app', '--all');
      // As cosign writes a signature, and, as it has no referrers API, what is said by its fallback tag.
      const payload = await createImageLayout(join(folder, 'signature'));
      const signed = await payload.addImage({ layers: [Buffer.from('a signature')] }, 'sig');
      await open.push(payload.folder, 'sig', 'lab/app');
      signature = signed.manifest.digest;
      const sbom = JSON.stringify({
        ...{ schemaVersion: 2, mediaType: MANIFEST, artifactType: 'application/spdx+json' },
        ...{ config: signed.config, layers: signed.layers, subject: index },
      });
      const sbomDigest = await putManifest('lab/app', 'sbom-for-now', sbom);
      const tag = index.digest.replace(':', '-');
      await putManifest(
        'lab/app',
        tag,
        JSON.stringify({
          ...{ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json' },
          manifests: [{ mediaType: MANIFEST, digest: sbomDigest, size: sbom.length }],
        }),
      );
      const raw = await readFile(join(payload.folder, 'blobs', 'sha256', signature.slice(7)), 'utf8');
      await putManifest('lab/app', `${tag}.sig`, raw);
      const authority = await createAuthority(folder, 'closed');
      const tls = await authority.issue('site', 'IP:10.1.0.6,IP:127.0.0.1');
      await startDebianRegistry(site, {
        ...{ folder: join(folder, 'closed'), port: 5443, htpasswd: HTPASSWD, tls },
      });
      await site.mustRun([
        ...['skopeo', 'copy', '--dest-tls-verify=false', '--preserve-digests'],
        ...['--dest-creds', `puller:${SECRET}`, `oci:${made.folder}:one`],
        'docker://127.0.0.1:5443/lab/private:1',
      ]);
      await writeFile(join(folder, 'token'), WRITE_TOKEN);
      await mkdir(join(folder, 'state'), { mode: 0o700 });
      await writeFile(join(folder, 'state', 'authority.pem'), await readFile(authority.certificate));
      await writeFile(
        join(folder, 'state', 'upstreams.yaml'),
        `version: 1\nupstreams:\n  - { prefix: closed, url: "https://${CLOSED}", ca: authority.pem }\n`,
      );
      datastore = await start();
    });
    afterAll(async () => {
      await lab.stop();
      await rm(folder, { recursive: true });
    });

    test('bring an index with all that belongs to it, digest for digest', async () => {
      const { digest, fetchedBytes } = await imported(`docker://${OPEN}/lab/app:1`, '--insecure');
      expect(digest).toBe(index.digest);
      expect(fetchedBytes).toBeGreaterThan(3 * MIB);
      expect(await digestOf('lab/app:1')).toBe(index.digest);
      const to = join(folder, 'pulled');
      await app.mustRun([
        ...['skopeo', 'copy', '--all', '--src-tls-verify=false'],
        ...[`docker://127.0.0.1:${PORT}/lab/app:1`, `dir:${to}`],
      ]);
      const again = await imported(`docker://${OPEN}/lab/app:1`, '--insecure');
      expect(again).toMatchObject({ digest, fetchedBytes: 0 });
    });

    test('bring what is attached: by the tags of cosign, and by the fallback of the referrers API', async () => {
      expect(await digestOf(`lab/app:${index.digest.replace(':', '-')}.sig`)).toBe(signature);
      const referrers = JSON.parse(
        await app.mustRun(['curl', '-fsS', `${URL_HERE}/v2/lab/app/referrers/${index.digest}`]),
      );
      expect(referrers.manifests).toMatchObject([{ artifactType: 'application/spdx+json' }]);
    });

    test('bring one platform alone', async () => {
      const args = ['--insecure', '--as', 'lab/arm:1', '--platform', 'linux/arm64'];
      await imported(`docker://${OPEN}/lab/app:1`, ...args);
      const copy = (architecture: string) =>
        app.run([
          ...['skopeo', 'copy', '--src-tls-verify=false', '--override-arch', architecture],
          ...[`docker://127.0.0.1:${PORT}/lab/arm:1`, `dir:${join(folder, `arm-${architecture}`)}`],
        ]);
      expect((await copy('arm64')).exitCode).toBe(0);
      expect((await copy('amd64')).exitCode).not.toBe(0);
    });

    test('find a registry on .local', async () => {
      const { digest } = await imported('docker://site.local:5000/lab/app:1', '--insecure', '--as', 'near:1');
      expect(digest).toBe(index.digest);
    });

    test('are let in by a password, and trust the authority that is configured for the host', async () => {
      const source = `docker://${CLOSED}/lab/private:1`;
      const refused = await command('import', source);
      expect([refused.exitCode, refused.stderr]).toEqual([4, expect.stringContaining('wants a credential')]);
      const password = join(folder, 'password');
      await writeFile(password, `${SECRET}\n`);
      await imported(source, '--source-user', 'puller', '--source-password-file', password);
      expect((await command('registry', 'show', 'lab/private')).stdout).toContain('linux/amd64');
      expect(datastore.log()).not.toContain(SECRET);
    });

    test('take all tags that fit', async () => {
      for (const tag of ['2.0', '2.1', '3.0']) {
        const layout = await createImageLayout(join(folder, `tag-${tag}`));
        await layout.addImage({ layers: [randomBytes(1000)] }, tag);
        await open.push(layout.folder, tag, 'lab/many');
      }
      const list = join(folder, 'list.yaml');
      await writeFile(list, `images:\n  - { from: "${OPEN}/lab/many", tags: ["2.*"], insecure: true }\n`);
      expect((await command('import', '--mirror', list)).exitCode).toBe(0);
      const tags = await app.mustRun(['curl', '-fsS', `${URL_HERE}/v2/lab/many/tags/list`]);
      expect(JSON.parse(tags).tags).toEqual(['2.0', '2.1']);
    });

    test('go on by themselves after kill -9, and serve without the registry in the end', async () => {
      const huge = await createImageLayout(join(folder, 'huge'));
      const { manifest } = await huge.addImage({ layers: [randomBytes(80 * MIB)] }, '1');
      await open.push(huge.folder, '1', 'lab/huge');
      const { stdout } = await command('import', `docker://${OPEN}/lab/huge:1`, '--insecure', '--detach');
      const incoming = async () =>
        Number(
          (await app.run(['sh', '-c', `cat ${join(folder, 'root', '.incoming')}/*.oci 2>/dev/null | wc -c`]))
            .stdout,
        );
      await expect.poll(incoming, { interval: 5 }).toBeGreaterThan(2 * MIB);
      await datastore.kill();
      datastore = await start();
      const job = async () =>
        JSON.parse(
          await app.mustRun(['curl', '-fsS', `${URL_HERE}/-/api/v1/registry/imports/${stdout.trim()}`]),
        );
      await expect.poll(async () => (await job()).state).toBe('done');
      expect((await job()).digest).toBe(manifest.digest);
      await open.stop();
      await app.mustRun([
        ...['skopeo', 'copy', '--src-tls-verify=false'],
        ...[`docker://127.0.0.1:${PORT}/lab/huge:1`, `dir:${join(folder, 'huge-pulled')}`],
      ]);
    });
  },
);
