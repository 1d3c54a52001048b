// SPDX-License-Identifier: Apache-2.0
/** nginx in front of the datastore, with TLS: Docker's engine and skopeo pull and push through it. */
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAuthority, type KeyPair } from '../lab/authorities.ts';
import { type RunningEngine, startDockerEngine } from '../lab/docker-engine.ts';
import { createImageLayout, type ImageLayout, type MadeImage } from '../lab/image-layouts.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { startDatastore } from '../lab/programs.ts';
import { startNginx } from '../lab/web-servers.ts';
import { describeWith } from '../requirements.ts';

const WRITE_TOKEN = 'the-write-token-of-this-test';
const ADDRESS = '10.1.0.5';
const BACKEND = 'http://127.0.0.1:8080';
/** As nginx passes requests on by itself: by the backend's name. And as it is told to: by the client's. */
const WAYS = [
  ['that calls the datastore by its own name for it', 8443, ''],
  ['that passes the name on', 9443, 'proxy_set_header Host $http_host;'],
] as const;

describeWith(['lab', 'root', 'dockerd', 'skopeo', 'openssl'], 'through a proxy', () => {
  let folder: string;
  let lab: Lab;
  let app: App;
  let made: ImageLayout;
  let image: MadeImage;
  let engine: RunningEngine;

  const server = (port: number, more: string, { certificate, key }: KeyPair) => `
    server {
      listen ${port} ssl; ssl_certificate ${certificate}; ssl_certificate_key ${key};
      client_max_body_size 0;
      location / {
        proxy_pass ${BACKEND}; proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off; ${more}
        proxy_set_header X-Forwarded-Host evil.example;
      }
    }`;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'public-url-'));
    await writeFile(join(folder, 'token'), WRITE_TOKEN);
    lab = await createLab();
    await lab.addBridge('bn1', '10.1.0.1/24');
    app = await lab.addApp({ name: 'app', bridge: 'bn1', address: `${ADDRESS}/24` });
    const authority = await createAuthority(folder, 'proxy');
    await mkdir(join(folder, 'trusted'));
    await copyFile(authority.certificate, join(folder, 'trusted/ca.crt'));
    const identity = await authority.issue('front', `IP:${ADDRESS}`);
    const servers = WAYS.map(([, port, more]) => server(port, more, identity));
    await startNginx(app, {
      root: folder,
      work: join(folder, 'nginx'),
      port: 8000,
      more: servers.join('\n'),
    });
    made = await createImageLayout(join(folder, 'made'));
    image = await made.addImage({ layers: [randomBytes(100_000)] }, '1');
    const place = join(folder, 'docker');
    await mkdir(place);
    // It knows no authority of ours; that TLS is spoken is the same.
    const settings = { 'insecure-registries': WAYS.map(([, port]) => `${ADDRESS}:${port}`) };
    await writeFile(join(place, 'daemon.json'), JSON.stringify(settings));
    engine = await startDockerEngine(lab.host, place, '--config-file', join(place, 'daemon.json'));
  });
  afterAll(async () => {
    await engine?.stop();
    await lab?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test.each(WAYS)(
    'one %s',
    async (_title, port) => {
      const registry = `${ADDRESS}:${port}`;
      const storage = ['--root', join(folder, `root-${port}`), '--state', join(folder, `state-${port}`)];
      const options = ['--port', '8080', '--host-name', `ds-${port}`, '--reserve', '0'];
      const access = ['--public-url', `https://${registry}`, '--write-token-file', join(folder, 'token')];
      const datastore = await startDatastore(app, [...storage, ...options, ...access]);
      try {
        const name = `${registry}/lab/app:1`;
        const trusted = join(folder, 'trusted');
        const push = [
          '--preserve-digests',
          '--dest-cert-dir',
          trusted,
          '--dest-creds',
          `admin:${WRITE_TOKEN}`,
        ];
        const from = `oci:${made.folder}:1`;
        await lab.host.mustRun(['skopeo', 'copy', '-q', ...push, from, `docker://${name}`]);
        const inspect = ['skopeo', 'inspect', '--raw', '--config', '--cert-dir', trusted, `docker://${name}`];
        expect(JSON.parse(await lab.host.mustRun(inspect))).toHaveProperty('rootfs');
        await engine.docker('pull', '-q', name);
        const id = await engine.docker('inspect', '--format', '{{.Id}}', name);
        expect(id.trim()).toBe(image.config.digest);
        const pushed = `${registry}/lab/pushed:1`;
        await engine.docker('tag', name, pushed);
        await engine.docker('login', '-u', 'admin', '-p', WRITE_TOKEN, registry);
        await engine.docker('push', '-q', pushed);
        await engine.docker('logout', registry);
        const at = ['skopeo', 'inspect', '--raw', '--cert-dir', trusted, `docker://${pushed}`];
        expect(JSON.parse(await lab.host.mustRun(at)).config.digest).toBe(image.config.digest);
      } finally {
        await datastore.stop();
      }
    },
    120_000,
  );
});
