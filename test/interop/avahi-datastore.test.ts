// SPDX-License-Identifier: Apache-2.0
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Authority, createAuthority } from '../lab/authorities.ts';
import { avahiServiceFile, startAvahi } from '../lab/avahi.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { runAgent } from '../lab/programs.ts';
import { startApache, startNginx, startPythonHttpServer } from '../lab/web-servers.ts';
import { describeWith } from '../requirements.ts';
import {
  agentJson,
  type BrowsedDocument,
  type DownloadedDocument,
  killDownloadMidway,
  type ResolvedDocument,
} from './agent.ts';

const MIB = 1024 * 1024;
const IMAGE_BYTES = 24 * MIB + 4711;
/** One of the agent's writes: some of the file is stored, most of it is still to come. */
const KILL_AFTER_BYTES = 4 * MIB;

const SLOW_LINK = ['rate', '40mbit', 'burst', '64kb', 'latency', '200ms'];
const slowDown = (app: App) =>
  app.mustRun(['tc', 'qdisc', 'add', 'dev', 'eth0', 'root', 'tbf', ...SLOW_LINK]);
const fullSpeed = (app: App) => app.mustRun(['tc', 'qdisc', 'del', 'dev', 'eth0', 'root']);

let lab: Lab;
let folder: string;
let root: string;
let image: Buffer;
let sha256: string;

async function setUp(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'interop-avahi-'));
  root = join(folder, 'root');
  await mkdir(join(root, 'images'), { recursive: true });
  await mkdir(join(folder, 'out'));
  image = randomBytes(IMAGE_BYTES);
  sha256 = createHash('sha256').update(image).digest('hex');
  await writeFile(join(root, 'images/edge.img'), image);
  lab = await createLab();
  await lab.addBridge('bn1', '10.1.0.1/24');
  await lab.addBridge('bn2', '10.2.0.1/24');
}

async function tearDown(): Promise<void> {
  await lab?.stop();
  await rm(folder, { recursive: true, force: true });
}

/** A place for one download, and a check that it holds the whole image afterwards. */
const outFile = (name: string) => join(folder, 'out', name);
const expectWhole = async (file: string) => {
  // Compared by hand: a matcher would print both images.
  expect((await readFile(file)).equals(image), `${file} is the image, byte for byte`).toBe(true);
};

const services = async (hostName: string) => {
  const { instances } = await agentJson<BrowsedDocument>(lab.host, 'browse', '--timeout', '5');
  return instances.filter((each) => each.hostName.toLowerCase() === `${hostName}.local`.toLowerCase());
};

describeWith(['root', 'lab', 'avahi', 'dbus', 'nginx', 'tc'], 'Avahi and nginx', () => {
  beforeAll(setUp);
  afterAll(tearDown);

  test('publish-workstation alone: found in any case, downloaded, resumed after kill -9', async () => {
    const app = await lab.addApp({ name: 'vm', bridge: 'bn1', address: '10.1.0.5/24' });
    await startAvahi(app, { hostName: 'MyHost', publishWorkstation: true });
    const nginx = await startNginx(app, { root, work: join(folder, 'nginx'), port: 80 });

    expect(await services('MyHost')).toMatchObject([
      { bridge: 'bn1', service: 'workstation', hostName: 'MyHost.local', addresses: ['10.1.0.5'], port: 9 },
    ]);
    const url = 'http://myhost.local/images/edge.img';
    expect(await agentJson<ResolvedDocument>(lab.host, 'resolve', url)).toMatchObject({
      host: 'myhost.local',
      address: '10.1.0.5',
      bridge: 'bn1',
      sourceAddress: '10.1.0.1',
      url: 'http://10.1.0.5/images/edge.img',
    });

    const whole = outFile('nginx-whole.img');
    const first = await agentJson<DownloadedDocument>(lab.host, 'download', url, '-o', whole);
    expect(first).toMatchObject({
      resolvedUrl: 'http://10.1.0.5/images/edge.img',
      bridge: 'bn1',
      sourceAddress: '10.1.0.1',
      sizeBytes: IMAGE_BYTES,
      sha256,
      resumedFromBytes: 0,
      receivedBytes: IMAGE_BYTES,
    });
    await expectWhole(whole);

    await slowDown(app);
    const target = outFile('nginx-resumed.img');
    const storedBytes = await killDownloadMidway(lab.host, { url, target, afterBytes: KILL_AFTER_BYTES });
    expect(storedBytes).toBeLessThan(IMAGE_BYTES);
    await fullSpeed(app);
    const second = await agentJson<DownloadedDocument>(
      lab.host,
      ...['download', url, '-o', target, '--sha256', sha256],
    );
    expect(second).toMatchObject({
      resumedFromBytes: storedBytes,
      receivedBytes: IMAGE_BYTES - storedBytes,
      sha256,
      verifiedAgainst: 'request',
    });
    await expectWhole(target);

    const requests = await nginx.requests();
    expect(new Set(requests.map(({ client }) => client))).toEqual(new Set(['10.1.0.1']));
    const resumed = requests.filter(({ range }) => range !== null);
    expect(resumed).toEqual([
      {
        client: '10.1.0.1',
        method: 'GET',
        path: '/images/edge.img',
        status: 206,
        sentBytes: IMAGE_BYTES - storedBytes,
        range: `bytes=${storedBytes}-`,
      },
    ]);
  });
});

describeWith(['root', 'lab', 'avahi', 'dbus', 'apache'], 'Avahi and Apache', () => {
  beforeAll(setUp);
  afterAll(tearDown);

  test('an http service file alone: found on the second bridge and downloaded', async () => {
    const app = await lab.addApp({ name: 'web', bridge: 'bn2', address: '10.2.0.6/24' });
    await startAvahi(app, {
      hostName: 'apache-ds',
      publishWorkstation: false,
      services: { 'http.service': avahiServiceFile('_http._tcp', 80) },
    });
    const apache = await startApache(app, { root, work: join(folder, 'apache'), port: 80 });

    expect(await services('apache-ds')).toMatchObject([
      { bridge: 'bn2', service: 'http', hostName: 'apache-ds.local', addresses: ['10.2.0.6'], port: 80 },
    ]);
    const url = 'http://apache-ds.local./images/edge.img?generation=1';
    expect(await agentJson<ResolvedDocument>(lab.host, 'resolve', url)).toMatchObject({
      address: '10.2.0.6',
      bridge: 'bn2',
      sourceAddress: '10.2.0.1',
    });
    const target = outFile('apache.img');
    const result = await agentJson<DownloadedDocument>(
      lab.host,
      ...['download', url, '-o', target, '--sha256', sha256, '--size', String(IMAGE_BYTES)],
    );
    expect(result).toMatchObject({ bridge: 'bn2', sourceAddress: '10.2.0.1', sha256 });
    await expectWhole(target);
    expect(await apache.requests()).toEqual([
      {
        client: '10.2.0.1',
        method: 'GET',
        path: '/images/edge.img',
        status: 200,
        sentBytes: IMAGE_BYTES,
        range: null,
      },
    ]);
  });
});

describeWith(['root', 'lab', 'avahi', 'dbus', 'nginx', 'openssl'], 'Avahi and a TLS server', () => {
  let ca: Authority;
  beforeAll(async () => {
    await setUp();
    ca = await createAuthority(folder, 'lab');
  });
  afterAll(tearDown);

  test('an https service file alone: the chain is verified, for the name or the address', async () => {
    const app = await lab.addApp({ name: 'tls', bridge: 'bn1', address: '10.1.0.7/24' });
    await startAvahi(app, {
      hostName: 'tls-ds',
      publishWorkstation: false,
      services: { 'https.service': avahiServiceFile('_https._tcp', 443) },
    });
    const withAddress = await ca.issue('with-address', 'IP:10.1.0.7,DNS:tls-ds.local');
    const work = join(folder, 'nginx-tls');
    const nginx = await startNginx(app, { root, work, port: 443, tls: withAddress });

    expect(await services('tls-ds')).toMatchObject([
      { bridge: 'bn1', service: 'https', hostName: 'tls-ds.local', addresses: ['10.1.0.7'], port: 443 },
    ]);
    const target = outFile('tls.img');
    const url = 'https://tls-ds.local/images/edge.img';
    const result = await agentJson<DownloadedDocument>(
      lab.host,
      ...['download', url, '-o', target, '--ca', ca.certificate, '--sha256', sha256],
    );
    expect(result).toMatchObject({
      resolvedUrl: 'https://10.1.0.7/images/edge.img',
      sourceAddress: '10.1.0.1',
      sha256,
    });
    await expectWhole(target);
    expect(await nginx.requests()).toMatchObject([{ client: '10.1.0.1', status: 200 }]);

    const withoutCa = await runAgent(lab.host, ['download', url, '-o', outFile('tls-no-ca.img')]);
    expect(withoutCa.exitCode, withoutCa.stderr).toBe(4);
    expect(withoutCa.stderr).toMatch(/certificate of tls-ds\.local does not verify .* --ca/);

    const nameOnly = await ca.issue('name-only', 'DNS:tls-ds.local');
    const nameWork = join(folder, 'nginx-tls-name');
    await startNginx(app, { root, work: nameWork, port: 8443, tls: nameOnly });
    const byName = outFile('tls-name-only.img');
    const taken = await runAgent(lab.host, [
      ...['download', 'https://tls-ds.local:8443/images/edge.img', '-o', byName, '--ca', ca.certificate],
    ]);
    expect(taken.exitCode, taken.stderr).toBe(0);
    await expectWhole(byName);

    const neither = await ca.issue('neither', 'IP:10.1.0.8,DNS:other.local');
    const otherWork = join(folder, 'nginx-tls-other');
    const wrong = await startNginx(app, { root, work: otherWork, port: 9443, tls: neither });
    const refused = await runAgent(lab.host, [
      ...['download', 'https://tls-ds.local:9443/images/edge.img'],
      ...['-o', outFile('tls-neither.img'), '--ca', ca.certificate],
    ]);
    expect(refused.exitCode, refused.stderr).toBe(4);
    expect(refused.stderr).toMatch(/certificate of tls-ds\.local:9443 is not for tls-ds\.local/);
    expect(await wrong.requests()).toEqual([]);
    await expect(readFile(outFile('tls-neither.img'))).rejects.toThrow('ENOENT');
  });
});

describeWith(['root', 'lab', 'avahi', 'dbus', 'python', 'tc'], 'Avahi and python3 -m http.server', () => {
  beforeAll(setUp);
  afterAll(tearDown);

  test('HTTP/1.0 without ranges: downloaded, and whole again after kill -9', async () => {
    const app = await lab.addApp({ name: 'py', bridge: 'bn1', address: '10.1.0.8/24' });
    await startAvahi(app, {
      hostName: 'py-ds',
      publishWorkstation: false,
      services: { 'http.service': avahiServiceFile('_http._tcp', 80) },
    });
    const python = await startPythonHttpServer(app, { root, port: 80 });
    const url = 'http://py-ds.local/images/edge.img';
    const whole = outFile('python-whole.img');
    await agentJson<DownloadedDocument>(lab.host, 'download', url, '-o', whole, '--sha256', sha256);
    await expectWhole(whole);

    await slowDown(app);
    const target = outFile('python-again.img');
    const storedBytes = await killDownloadMidway(lab.host, { url, target, afterBytes: KILL_AFTER_BYTES });
    expect(storedBytes).toBeLessThan(IMAGE_BYTES);
    await fullSpeed(app);
    const again = await agentJson<DownloadedDocument>(
      lab.host,
      ...['download', url, '-o', target, '--sha256', sha256],
    );
    expect(again).toMatchObject({ resumedFromBytes: 0, sizeBytes: IMAGE_BYTES, sha256 });
    await expectWhole(target);
    expect(new Set((await python.requests()).map(({ client, status }) => `${client} ${status}`))).toEqual(
      new Set(['10.1.0.1 200']),
    );
  });
});
