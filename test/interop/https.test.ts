// SPDX-License-Identifier: Apache-2.0
/** HTTPS with the built-in authority, as its clients see it: each trusts that one certificate and no other. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { finish } from '../lab/namespace.ts';
import { datastoreApp, type RunningDatastore, startDatastore } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';
import { agentJson, type DownloadedDocument } from './agent.ts';

const HOST_ADDRESS = '10.1.0.1';
const ADDRESS = '10.1.0.5';
const SECOND_ADDRESS = '10.1.0.6';
const THIRD_ADDRESS = '10.1.0.7';
/** Not the datastore's, though the bridge takes connections there to it. */
const STRANGE_ADDRESS = '10.1.0.200';
const PATH = 'images/edge.img';
const IMAGE_BYTES = 24 * 1024 * 1024 + 4711;
const program = (name: string) => fileURLToPath(new URL(`programs/${name}`, import.meta.url));
/** Each does what EVE does: dials the address, trusts this certificate alone, and wants the address in the leaf. */
const CLIENTS_LIKE_EVE = [
  ['Node', [process.execPath, program('fetch-https.ts')]],
  ['Python', ['/usr/bin/python3', program('fetch_https.py')]],
] as const;

let lab: Lab;
let app: App;
let folder: string;
let image: Buffer;
let datastore: RunningDatastore;
/** As the devices get it: fetched over HTTP, with its fingerprint compared to the file's. */
let ca: string;

const serveArguments = () => [
  ...['--root', join(folder, 'root'), '--state', join(folder, 'state'), '--host-name', 'Edge-DS'],
  ...['--tls', 'authority'],
];
const curl = (...args: string[]) =>
  lab.host.run(['curl', '-sS', '--max-time', '50', '--cacert', ca, ...args]);
const sha256Of = (content: Buffer | string) => createHash('sha256').update(content).digest('hex');

async function setUp(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'interop-https-'));
  await mkdir(join(folder, 'root/images'), { recursive: true });
  image = randomBytes(IMAGE_BYTES);
  await writeFile(join(folder, 'root', PATH), image);
  lab = await createLab();
  await lab.addBridge('bn1', `${HOST_ADDRESS}/24`);
  app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: `${ADDRESS}/24` });
  datastore = await startDatastore(app, serveArguments());
  ca = join(folder, 'ca.pem');
  await lab.host.mustRun(['curl', '-sS', '-o', ca, `http://${ADDRESS}/-/ca.pem`]);
}

async function tearDown(): Promise<void> {
  await lab?.stop();
  await rm(folder, { recursive: true, force: true });
}

describeWith(['lab', 'curl', 'openssl', 'python', 'wget'], 'HTTPS with the built-in authority', () => {
  beforeAll(setUp);
  afterAll(tearDown);

  test('the authority is handed out over HTTP, HTTPS and on the command line, and its key is not', async () => {
    const pem = await readFile(join(folder, 'state/tls/ca.pem'), 'utf8');
    expect(await readFile(ca, 'utf8')).toBe(pem);
    expect(await app.mustRun(datastoreApp('ca', '--state', join(folder, 'state')))).toBe(pem);
    const { stdout } = await curl('-i', `https://${ADDRESS}/-/ca.pem`);
    expect(stdout).toContain('Content-Type: application/x-pem-file\r\n');
    expect(stdout).not.toContain('PRIVATE');
    const { mode } = await stat(join(folder, 'state/tls/ca-key.pem'));
    expect(mode & 0o777).toBe(0o600);
  });

  test.each([
    ['the address', [`https://${ADDRESS}/${PATH}`]],
    ['the name', ['--resolve', `edge-ds.local:443:${ADDRESS}`, `https://edge-ds.local/${PATH}`]],
    ['TLS 1.2', ['--tls-max', '1.2', `https://${ADDRESS}/${PATH}`]],
    ['HTTP/1.1 where 2 was offered', ['--http2', `https://${ADDRESS}/${PATH}`]],
  ])('curl downloads by %s', async (_title, args) => {
    const { stdout, stderr, exitCode } = await curl(
      '-o',
      join(folder, 'out'),
      '-w',
      '%{http_version}',
      ...args,
    );
    expect([stdout, stderr, exitCode]).toEqual(['1.1', '', 0]);
    expect(sha256Of(await readFile(join(folder, 'out')))).toBe(sha256Of(image));
  });

  test.each([
    ['another name', ['--resolve', `other.local:443:${ADDRESS}`, 'https://other.local/'], 60],
    ['another address', ['--connect-to', `::${ADDRESS}:`, `https://${STRANGE_ADDRESS}/`], 60],
    ['TLS 1.1', ['--tls-max', '1.1', '--ciphers', 'DEFAULT@SECLEVEL=0', `https://${ADDRESS}/`], 35],
    ['another authority', ['--cacert', '/etc/ssl/certs/ca-certificates.crt', `https://${ADDRESS}/`], 60],
  ])('curl refuses %s', async (_title, args, exitCode) => {
    const { stderr, ...refused } = await curl(...args);
    expect(refused, stderr).toEqual({ stdout: '', exitCode });
  });

  test('the log tells who refused the certificate', async () => {
    await expect.poll(datastore.log).toContain('a client refused the TLS certificate');
    expect(datastore.log()).toContain(`"client":"${HOST_ADDRESS}"`);
  });

  const sClient = (...args: string[]) =>
    lab.host.run(['openssl', 's_client', '-connect', `${ADDRESS}:443`, '-CAfile', ca, ...args]);

  test.each([
    ['the address, strictly', ['-verify_ip', ADDRESS, '-x509_strict', '-purpose', 'sslserver']],
    ['the name', ['-verify_hostname', 'edge-ds.local']],
    ['the name alone', ['-verify_hostname', 'edge-ds']],
    ['the time 1970', ['-verify_ip', ADDRESS, '-attime', '1']],
    [
      'a time five months from now',
      ['-verify_ip', ADDRESS, '-attime', `${Math.round(Date.now() / 1000) + 150 * 86_400}`],
    ],
  ])('openssl verifies %s', async (_title, args) => {
    const { stdout, exitCode } = await sClient('-verify_return_error', ...args);
    expect(stdout).toContain('Verification: OK');
    expect(exitCode).toBe(0);
  });

  test('openssl refuses another address', async () => {
    const { stderr, exitCode } = await sClient('-verify_return_error', '-verify_ip', STRANGE_ADDRESS);
    expect(stderr).toContain('IP address mismatch');
    expect(exitCode).toBe(1);
  });

  test.each([
    ['-tls1_1', 1, 'protocol version'],
    ['-tls1_2', 0, ''],
    ['-tls1_3', 0, ''],
  ])('openssl with %s ends with %i', async (version, expected, message) => {
    const { stderr, exitCode } = await sClient(version, '-cipher', 'DEFAULT@SECLEVEL=0');
    expect(exitCode).toBe(expected);
    expect(stderr).toContain(message);
  });

  test.each(CLIENTS_LIKE_EVE)('%s downloads as EVE does', async (_name, command) => {
    const stdout = await lab.host.mustRun([...command, ca, ADDRESS, ADDRESS, `/${PATH}`]);
    expect(stdout.trim()).toBe(sha256Of(image));
  });

  test.each(CLIENTS_LIKE_EVE)('%s refuses another address as EVE does', async (_name, command) => {
    const { stderr, exitCode } = await lab.host.run([...command, ca, ADDRESS, STRANGE_ADDRESS, `/${PATH}`]);
    expect(stderr).toContain(STRANGE_ADDRESS);
    expect(exitCode).toBe(1);
  });

  test('wget, which has GnuTLS, downloads', async () => {
    const wget = (...args: string[]) => lab.host.run(['wget', '-q', `--ca-certificate=${ca}`, ...args]);
    const { exitCode } = await wget('-O', join(folder, 'wget.img'), `https://${ADDRESS}/${PATH}`);
    expect(exitCode).toBe(0);
    expect(sha256Of(await readFile(join(folder, 'wget.img')))).toBe(sha256Of(image));
  });

  test('the agent finds it and downloads over HTTPS', async () => {
    const target = join(folder, 'agent.img');
    const url = `https://edge-ds.local/${PATH}`;
    const document = await agentJson<DownloadedDocument>(lab.host, 'download', url, '--ca', ca, '-o', target);
    expect(document).toMatchObject({ resolvedUrl: `https://${ADDRESS}/${PATH}`, sha256: sha256Of(image) });
    expect(sha256Of(await readFile(target))).toBe(sha256Of(image));
  });

  test('the agent without the authority is refused', async () => {
    const args = ['download', `https://edge-ds.local/${PATH}`, '-o', join(folder, 'none.img')];
    await expect(agentJson(lab.host, ...args)).rejects.toThrow(/certificate/);
  });

  test('a new address has its certificate at once, and a download by another address goes on', async () => {
    const change = (...args: string[]) => app.mustRun(['ip', 'address', ...args, 'dev', 'eth0']);
    const expectValidSoon = (address: string) =>
      expect.poll(async () => (await curl(`https://${address}/-/livez`)).exitCode).toBe(0);
    await change('add', `${SECOND_ADDRESS}/24`);
    await expectValidSoon(SECOND_ADDRESS);

    const target = join(folder, 'slow.img');
    const slow = lab.host.start([
      ...['curl', '-sS', '--cacert', ca, '--limit-rate', '3M', '-o', target],
      `https://${ADDRESS}/${PATH}`,
    ]);
    const ended = finish(slow);
    const receivedBytes = async () => (await stat(target).catch(() => null))?.size ?? 0;
    await expect.poll(receivedBytes).toBeGreaterThan(0);
    // It waits, however long the rest takes.
    slow.kill('SIGSTOP');

    await change('del', `${SECOND_ADDRESS}/24`);
    await change('add', `${THIRD_ADDRESS}/24`);
    await expectValidSoon(THIRD_ADDRESS);
    expect(await receivedBytes()).toBeLessThan(image.length);
    slow.kill('SIGCONT');
    const { stderr, exitCode } = await ended;
    expect([stderr, exitCode]).toEqual(['', 0]);
    expect(sha256Of(await readFile(target))).toBe(sha256Of(image));
  });

  test('after a restart the same authority vouches for the new address', async () => {
    expect(await datastore.stop()).toBe(0);
    await app.setAddress('10.1.0.42/24');
    datastore = await startDatastore(app, serveArguments());
    const { stdout, exitCode } = await curl('https://10.1.0.42/-/readyz');
    expect([stdout, exitCode]).toEqual(['{"status":"ok"}', 0]);
  });
});
