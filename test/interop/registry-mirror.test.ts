// SPDX-License-Identifier: Apache-2.0
/** The agent's mirror between a registry and clients which nobody here wrote. */
import type { ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runDoctor } from '../integration/doctor-runs.ts';
import { startAvahi } from '../lab/avahi.ts';
import { type DebianRegistry, startDebianRegistry } from '../lab/debian-registry.ts';
import { createImageLayout, type ImageLayout, type MadeImage } from '../lab/image-layouts.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { eveAgent, waitForLog } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';

const MIB = 1024 * 1024;
const PLACE = '127.0.0.1:5055';
const hexOf = ({ digest }: { digest: string }) => digest.slice('sha256:'.length);
const hexesOf = ({ manifest, config, layers }: MadeImage) => [manifest, config, ...layers].map(hexOf);

describeWith(
  ['lab', 'root', 'avahi', 'dbus', 'docker-registry', 'skopeo', 'podman', 'curl'],
  'the mirror of the agent',
  () => {
    let folder: string;
    let cache: string;
    let lab: Lab;
    let app: App;
    let registry: DebianRegistry;
    let made: ImageLayout;
    let image: MadeImage;
    let mirror: ChildProcess;
    const cached = async () =>
      (await readdir(join(cache, 'blobs', 'sha256'))).filter((name) => !name.startsWith('.')).sort();
    const curl = (...args: readonly string[]) => lab.host.mustRun(['curl', '-sS', ...args]);
    /** Status and body, for what may be refused. */
    const ask = (path: string, ...args: readonly string[]) =>
      curl('-w', '\n%{http_code}', ...args, `http://${PLACE}${path}`);
    async function startMirror(...args: readonly string[]) {
      const command = eveAgent('mirror', '--cache', cache, '--timeout', '3', ...args);
      mirror = lab.host.start(command, { stdio: ['ignore', 'pipe', 'pipe'] });
      if (mirror.stdout === null) throw new Error('no output');
      const [text] = await once(mirror.stdout, 'data');
      expect(String(text)).toContain(`listening on ${PLACE}`);
      return waitForLog(mirror, 'the cache was read again');
    }
    async function endMirror(signal: NodeJS.Signals) {
      if (mirror.exitCode !== null || mirror.signalCode !== null) return;
      const ended = once(mirror, 'exit');
      mirror.kill(signal);
      await ended;
    }

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'registry-mirror-'));
      cache = join(folder, 'cache');
      lab = await createLab();
      await lab.addBridge('bn1', '10.1.0.1/24');
      app = await lab.addApp({ name: 'app', bridge: 'bn1', address: '10.1.0.5/24' });
      await startAvahi(app, { hostName: 'ds', publishWorkstation: true });
      registry = await startDebianRegistry(app, { folder: join(folder, 'registry'), port: 80 });
      made = await createImageLayout(join(folder, 'made'));
      image = await made.addImage({ layers: [randomBytes(3 * MIB), Buffer.from('small')] }, '1');
      await registry.push(made.folder, '1', 'group/app');
      await startMirror();
    });
    afterAll(async () => {
      await endMirror('SIGKILL');
      await lab?.stop();
      await rm(folder, { recursive: true });
    });

    test('has what the datastore has, by a name in the path and by containerd’s ?ns=', async () => {
      const { digest } = image.manifest;
      for (const path of ['/v2/ds.local/group/app/manifests/1', '/v2/group/app/manifests/1?ns=ds.local']) {
        const head = await curl('-I', `http://${PLACE}${path}`);
        expect(head).toMatch(/^HTTP\/1.1 200 /);
        expect(head.toLowerCase()).toContain(`docker-content-digest: ${digest}`);
      }
      expect(await ask('/v2/')).toBe('{}\n200');
      expect(await ask('/v2/ds.local/group/app/tags/list')).toBe(
        '{"name":"ds.local/group/app","tags":["1"]}\n200',
      );
      const [layer] = image.layers;
      const range = await ask(
        `/v2/ds.local/group/app/blobs/${layer?.digest}`,
        '-r',
        '0-99',
        '-o',
        '/dev/null',
      );
      expect(range.trim()).toBe('206');
    });

    test.each([
      ['/v2/ds.local/group/none/manifests/1', 404, 'MANIFEST_UNKNOWN'],
      ['/v2/none.local/group/app/manifests/1', 404, 'NAME_UNKNOWN'],
      ['/v2/library/nginx/manifests/latest', 404, 'NAME_UNKNOWN'],
      [`/v2/ds.local/group/app/blobs/sha256:${'ab'.repeat(32)}`, 404, 'BLOB_UNKNOWN'],
      ['/v2/ds.local:81/group/app/manifests/1', 502, 'UNKNOWN'],
    ])('refuses %s with %i, and says why', async (path, status, code) => {
      const lines = (await ask(path)).trim().split('\n');
      const [body = ''] = lines;
      expect(Number(lines.at(-1))).toBe(status);
      expect(JSON.parse(body).errors[0]).toMatchObject({ code, message: expect.stringMatching(/.{10}/) });
    });

    test('has its cache for itself: another one on it ends, and says why', async () => {
      const other = ['mirror', '--cache', cache, '--listen', '127.0.0.1:5056'];
      const { exitCode, stderr } = await lab.host.run(eveAgent(...other));
      expect({ exitCode, stderr }).toEqual({
        exitCode: 2,
        stderr: `eve-agent: another mirror runs with the cache ${cache}\n`,
      });
      expect(await ask('/v2/')).toBe('{}\n200');
    });

    test('takes nothing, and answers no page of the web that leads here by its name', async () => {
      const put = await ask('/v2/ds.local/group/app/manifests/1', '-X', 'PUT', '-d', '{}');
      expect(put).toMatch(/UNSUPPORTED[\s\S]*405$/);
      expect(await ask('/v2/', '-H', 'Host: evil.example')).toMatch(/DENIED[\s\S]*403$/);
    });

    test('gives images to skopeo and podman, digests unchanged', async () => {
      const name = `${PLACE}/ds.local/group/app:1`;
      const copied = join(folder, 'copied');
      await lab.host.mustRun([
        ...['skopeo', 'copy', '--preserve-digests', '--src-tls-verify=false'],
        ...[`docker://${name}`, `oci:${copied}:1`],
      ]);
      expect(JSON.parse(await lab.host.mustRun(['skopeo', 'inspect', `oci:${copied}:1`])).Digest).toBe(
        image.manifest.digest,
      );
      const podman = (...args: string[]) =>
        lab.host.mustRun([
          ...['podman', '--root', join(folder, 'podman'), '--runroot', join(folder, 'podman.run')],
          ...['--storage-driver', 'vfs', ...args],
        ]);
      const id = await podman('pull', '--quiet', '--tls-verify=false', name);
      expect(`sha256:${id.trim()}`).toBe(image.config.digest);
      expect(await cached()).toEqual(hexesOf(image).sort());
    });

    test('fetches anew what the disk has damaged, and never ends an answer with it', async () => {
      const [layer] = image.layers;
      const path = `http://${PLACE}/v2/ds.local/group/app/blobs/${layer?.digest}`;
      const place = join(cache, 'blobs', 'sha256', hexOf(layer ?? { digest: '' }));
      const bytes = await readFile(place);
      bytes[1000] = (bytes[1000] ?? 0) ^ 1;
      await writeFile(place, bytes);
      await expect(curl('-o', '/dev/null', path)).rejects.toThrow();
      const whole = join(folder, 'whole');
      await curl('-o', whole, path);
      expect(
        createHash('sha256')
          .update(await readFile(whole))
          .digest('hex'),
      ).toBe(hexOf(layer ?? { digest: '' }));
    });

    test('reads its cache again at an interval: what is damaged goes, and comes anew when it is asked for', async () => {
      await endMirror('SIGTERM');
      const [, small] = image.layers;
      const place = join(cache, 'blobs', 'sha256', hexOf(small ?? { digest: '' }));
      const bytes = await readFile(place);
      await writeFile(place, Buffer.concat([Buffer.from('damaged'), bytes.subarray(7)]));
      // As if that had been long ago.
      await writeFile(join(cache, 'scrub.json'), JSON.stringify({ endedAtMs: 0 }));
      const { log, seen } = await startMirror('--scrub-interval', '24', '--log-level', 'info');
      await seen;
      const lines = log()
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line));
      expect(lines).toContainEqual(expect.objectContaining({ msg: 'the cache was read again', damaged: 1 }));
      expect(lines).toContainEqual(
        expect.objectContaining({
          level: 'error',
          digest: small?.digest,
          reason: expect.stringMatching(/^its sha256 is /),
        }),
      );
      expect(await cached()).toEqual(
        hexesOf(image)
          .filter((hex) => hex !== hexOf(small ?? image.config))
          .sort(),
      );
      const endedAtMs = async () => JSON.parse(await readFile(join(cache, 'scrub.json'), 'utf8')).endedAtMs;
      await expect.poll(endedAtMs).toBeGreaterThan(0);
      await curl('-o', join(folder, 'anew'), `http://${PLACE}/v2/ds.local/group/app/blobs/${small?.digest}`);
      expect((await readFile(join(folder, 'anew'))).equals(bytes)).toBe(true);
      expect(await cached()).toEqual(hexesOf(image).sort());
    });

    test('goes on with what it has while the datastore is away, also after kill -9', async () => {
      await registry.stop();
      await endMirror('SIGKILL');
      await startMirror();
      const { digest } = image.manifest;
      const away = join(folder, 'away');
      await lab.host.mustRun([
        ...['skopeo', 'copy', '--preserve-digests', '--src-tls-verify=false'],
        ...[`docker://${PLACE}/ds.local/group/app@${digest}`, `oci:${away}:1`],
      ]);
      const [layer] = image.layers;
      expect((await stat(join(away, 'blobs', 'sha256', hexOf(layer ?? { digest: '' })))).size).toBe(
        layer?.size,
      );
    });

    test('is examined by the doctor as a registry, who tells where to look on', async () => {
      const here = await runDoctor(lab.host, `docker://${PLACE}/ds.local/group/app:1`);
      expect([here.exitCode, here.findings]).toEqual([0, []]);
      const cut = await runDoctor(lab.host, `docker://${PLACE}/ds.local/group/other:1`);
      expect(cut).toMatchObject({ exitCode: 4, findings: [expect.stringMatching(/^problem image-/)] });
      const [code = ''] = cut.findings.map((finding) => finding.replace('problem ', ''));
      expect(cut.advice(code)).toContain('eve-agent doctor docker://ds.local/group/other:1');
      await endMirror('SIGTERM');
      const stopped = await runDoctor(lab.host, `docker://${PLACE}/ds.local/group/app:1`);
      expect([stopped.exitCode, stopped.findings]).toEqual([4, ['problem connection-refused']]);
      expect(stopped.advice('connection-refused')).toContain('eve-agent mirror');
    });
  },
);
