// SPDX-License-Identifier: Apache-2.0
/** Blobs that a registry keeps in an object store, to which it leads its clients; nobody here wrote either. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startAvahi } from '../lab/avahi.ts';
import { startDebianRegistry } from '../lab/debian-registry.ts';
import { createImageLayout, type MadeImage } from '../lab/image-layouts.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { finish } from '../lab/namespace.ts';
import { type ObjectStore, startObjectStore } from '../lab/object-store.ts';
import { eveAgent, runAgent, waitForLog } from '../lab/programs.ts';
import { startNginx } from '../lab/web-servers.ts';
import { describeWith } from '../requirements.ts';
import { agentJson, type DownloadedDocument, killDownloadMidway, storedBytesOf } from './agent.ts';

const MIB = 1024 * 1024;
/** Of the user `puller`, whose password is `secret`. */
const HTPASSWD = 'puller:$2y$05$4HUgJROpGbA4cllvodEUYuuzsB249J1dcT7Bm7jnEIlCyxx1mI1ai\n';
const BASIC = `Basic ${Buffer.from('puller:secret').toString('base64')}`;
const REGISTRY = '10.1.0.5';
/** Of the object store, behind an nginx that writes down what it is asked for. */
const STORE = '10.1.0.6';
/** About 3 MB/s: a download takes long enough to be disturbed in the middle. */
const SLOW_LINK = ['tbf', 'rate', '24mbit', 'burst', '64kb', 'latency', '400ms'];
const hexOf = (descriptor: { readonly digest: string } | undefined) =>
  descriptor?.digest.slice('sha256:'.length) ?? '';

/** What came to the store: status, range, the credential that was sent, and the target. */
interface Asked {
  readonly status: number;
  readonly range: string;
  readonly authorization: string;
  readonly target: string;
}

describeWith(
  ['lab', 'root', 'avahi', 'dbus', 'docker-registry', 'skopeo', 'swift', 'nginx', 'tc'],
  'blobs in an object store, to which docker-registry leads',
  () => {
    let folder: string;
    let lab: Lab;
    let app: App;
    let storeApp: App;
    let store: ObjectStore;
    let image: MadeImage;
    let blobs: string;
    const log = () => join(folder, 'store.log');
    const nginxAt = (place: App, name: string, port: number, more: string) =>
      startNginx(place, { root: folder, work: join(folder, name), port, more });
    const startDoor = () =>
      nginxAt(
        ...([storeApp, 'door', 9001] as const),
        `log_format asked '$status "$http_range" "$http_authorization" $request_uri';
        server {
          listen 9000; access_log ${log()} asked; client_max_body_size 0;
          proxy_buffering off; proxy_request_buffering off; proxy_http_version 1.1;
          location / { proxy_pass http://${STORE}:8000; proxy_set_header Host $http_host; }
        }`,
      );
    /** nginx dies in the middle of what it sends, as by kill -9. */
    async function killDoor(): Promise<void> {
      const pid = (await readFile(join(folder, 'door', 'pid'), 'utf8')).trim();
      await storeApp.mustRun(['kill', '-9', pid]);
    }
    async function askedOfStore(): Promise<Asked[]> {
      const text = await readFile(log(), 'utf8').catch(() => '');
      return [...text.matchAll(/^(\d+) "(.*?)" "(.*?)" (\S+)$/gm)].map(
        ([, status, range = '', authorization = '', target = '']) => ({
          ...{ status: Number(status), range, authorization, target },
        }),
      );
    }
    /** What clients have asked for, who come by a URL that is signed; the registry signs in a header. */
    const askedBySignature = async () =>
      (await askedOfStore()).filter(({ target }) => target.includes('X-Amz-Signature='));
    const slowDown = () => storeApp.mustRun(['tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', ...SLOW_LINK]);
    const fullSpeed = () => storeApp.run(['tc', 'qdisc', 'del', 'dev', 'eth0', 'root']);
    const reference = `docker://${REGISTRY}/group/app:1`;
    const credential = ['--scheme', 'http', '--auth', BASIC];
    const layerPath = (target: string) => join(target, 'blobs', 'sha256', hexOf(image.layers[0]));

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'registry-redirects-'));
      lab = await createLab();
      await lab.addBridge('bn1', '10.1.0.1/24');
      app = await lab.addApp({ name: 'app', bridge: 'bn1', address: `${REGISTRY}/24` });
      storeApp = await lab.addApp({ name: 'store', bridge: 'bn1', address: `${STORE}/24` });
      await startAvahi(app, { hostName: 'ds', publishWorkstation: true });
      store = await startObjectStore({ place: storeApp, address: STORE, port: 8000 });
      await store.makeBucket('images');
      await startDoor();
      const registry = await startDebianRegistry(app, {
        ...{ folder: join(folder, 'registry'), port: 80, htpasswd: HTPASSWD },
        bucket: { ...store, endpoint: `http://${STORE}:9000`, name: 'images' },
      });
      const made = await createImageLayout(join(folder, 'made'));
      blobs = join(made.folder, 'blobs', 'sha256');
      image = await made.addImage({ layers: [randomBytes(24 * MIB), Buffer.from('small')] }, '1');
      await registry.push(made.folder, '1', 'group/app', '--dest-creds', 'puller:secret');
    });
    afterAll(async () => {
      await store?.stop();
      await lab?.stop();
      await rm(folder, { recursive: true, force: true });
    });
    beforeEach(() => writeFile(log(), ''));

    test('come from there, and the password stays with the registry', async () => {
      const target = join(folder, 'whole');
      const pulled = await agentJson<{ digest: string }>(
        ...([lab.host, 'download', reference, '-o', target, ...credential] as const),
      );
      expect(pulled.digest).toBe(image.manifest.digest);
      expect(
        (await readFile(layerPath(target))).equals(await readFile(join(blobs, hexOf(image.layers[0])))),
      ).toBe(true);
      const asked = await askedBySignature();
      for (const descriptor of [image.config, ...image.layers])
        expect(asked.filter(({ target: url }) => url.includes(hexOf(descriptor)))).toHaveLength(1);
      expect(asked.map(({ status, authorization }) => [status, authorization])).toEqual(
        asked.map(() => [200, '-']),
      );
    });

    test('are not led to for whoever has no password', async () => {
      const { exitCode, stderr } = await runAgent(lab.host, [
        ...['download', reference, '-o', join(folder, 'none'), '--scheme', 'http'],
      ]);
      expect([exitCode, stderr]).toEqual([4, expect.stringContaining('give a credential')]);
      expect(await askedBySignature()).toEqual([]);
    });

    test('go on after kill -9 where they were, by a range of the store', async () => {
      const output = join(folder, 'killed');
      await slowDown();
      const storedBytes = await killDownloadMidway(lab.host, {
        ...{ url: reference, output, target: layerPath(output), afterBytes: 4 * MIB },
        more: credential,
      });
      await fullSpeed();
      await writeFile(log(), '');
      const pulled = await agentJson<DownloadedDocument>(
        ...([lab.host, 'download', reference, '-o', output, ...credential] as const),
      );
      expect(pulled.resumedFromBytes).toBe(storedBytes);
      const [large] = (await askedBySignature()).filter(({ target }) =>
        target.includes(hexOf(image.layers[0])),
      );
      expect(large).toMatchObject({ status: 206, range: `bytes=${storedBytes}-`, authorization: '-' });
    });

    test('go on in the same run when the store is gone for a moment', async () => {
      const output = join(folder, 'cut');
      await slowDown();
      const child = lab.host.start(eveAgent('download', reference, '-o', output, '--json', ...credential));
      const finished = finish(child);
      await expect.poll(() => storedBytesOf(layerPath(output))).toBeGreaterThan(4 * MIB);
      await killDoor();
      await fullSpeed();
      await startDoor();
      const { exitCode, stdout, stderr } = await finished;
      expect([exitCode, stderr]).toEqual([0, expect.stringContaining('"retrying"')]);
      const { receivedBytes, sizeBytes } = JSON.parse(stdout) as DownloadedDocument;
      expect(receivedBytes).toBeLessThan(sizeBytes + MIB);
      const parts = (await askedBySignature()).filter(({ status }) => status === 206);
      expect(parts).toMatchObject([{ range: expect.stringMatching(/^bytes=\d{7,}-$/), authorization: '-' }]);
    });

    test('come for a content tree, whose credential stays with the registry', async () => {
      const [state, config] = [join(folder, 'state'), join(folder, 'device.json')];
      const [tree, datastore] = ['1', '2'].map((digit) => `00000000-0000-4000-8000-00000000000${digit}`);
      await writeFile(
        config,
        JSON.stringify({
          datastores: [
            {
              ...{ id: datastore, dType: 'DsContainerRegistry', fqdn: `http://${REGISTRY}` },
              ...{ apiKey: 'puller', password: 'secret', dpath: 'group' },
            },
          ],
          contentInfo: [
            { uuid: tree, dsIdsList: [datastore], URL: 'app:1', iformat: 'CONTAINER', displayName: 'image' },
          ],
        }),
      );
      const options = ['--config', config, '--state', state, '--reserve', '0', '--allow-plain-credentials'];
      const agent = lab.host.start(eveAgent('run', ...options), { stdio: ['ignore', 'ignore', 'pipe'] });
      await waitForLog(agent, '"running"').seen;
      const status = join(state, 'status', 'ContentTreeStatus', `${tree}.json`);
      const read = async () =>
        JSON.parse(await readFile(status, 'utf8').catch(() => '{}')) as ContentTreeStatus;
      await expect
        .poll(read, { timeout: 600_000 })
        .toMatchObject({ State: 'VERIFIED', Error: '', ContentSha256: hexOf(image.manifest) });
      const ended = once(agent, 'exit');
      agent.kill('SIGTERM');
      await ended;
      const asked = await askedBySignature();
      expect(asked.length).toBeGreaterThanOrEqual(3);
      expect(new Set(asked.map(({ authorization }) => authorization))).toEqual(new Set(['-']));
    });

    test('are refused where a registry on .local leads away from itself', async () => {
      const { exitCode, stderr } = await runAgent(lab.host, [
        ...['download', 'docker://ds.local/group/app:1', '-o', join(folder, 'local'), '--auth', BASIC],
      ]);
      expect([exitCode, stderr]).toEqual([4, expect.stringContaining('may lead to itself only')]);
      expect(await askedBySignature()).toEqual([]);
    });

    /** nginx before the registry, which leads blobs elsewhere. */
    describe('or inside, by a registry elsewhere', () => {
      const places = ['127.0.0.1:9100', '[::1]:9100', 'localhost:9100', '169.254.169.254', '0.0.0.0:9100'];
      const portOf = (place: string) => 8100 + places.indexOf(place);
      beforeAll(async () => {
        const servers = places.map(
          (place) => `server {
            listen ${portOf(place)};
            location / { proxy_pass http://127.0.0.1:80; proxy_set_header Host $http_host; }
            location ~ /blobs/sha256:(.*)$ { return 307 http://${place}/$1; }
          }`,
        );
        await nginxAt(app, 'leads-inside', 8099, servers.join('\n'));
        // What a hostile registry would have the agent read: something on this host's loopback.
        await mkdir(join(folder, 'inside'), { recursive: true });
        await startNginx(lab.host, {
          ...{ root: blobs, work: join(folder, 'inside'), port: 9100 },
        });
      });
      const inside = () => readFile(join(folder, 'inside', 'access.log'), 'utf8').catch(() => '');
      const pullBy = (place: string, ...args: readonly string[]) =>
        runAgent(lab.host, [
          ...['download', `docker://${REGISTRY}:${portOf(place)}/group/app:1`, ...credential, ...args],
          ...['-o', join(folder, `inside-${portOf(place)}`), '--retries', '0'],
        ]);

      test.each(places)('%s: refused, and nobody is asked there', async (place) => {
        const before = await inside();
        const { exitCode, stderr } = await pullBy(place);
        expect([exitCode, stderr]).toEqual([4, expect.stringContaining('--allow-internal-redirects')]);
        expect(stderr).not.toContain(BASIC.slice('Basic '.length));
        expect(await inside()).toBe(before);
      });

      test('unless that is allowed', async () => {
        const { exitCode, stderr } = await pullBy('127.0.0.1:9100', '--allow-internal-redirects');
        expect([exitCode, stderr]).toEqual([0, '']);
        expect(await inside()).toContain(hexOf(image.layers[0]));
      });
    });
  },
);
