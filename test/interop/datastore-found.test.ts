// SPDX-License-Identifier: Apache-2.0
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Authority, createAuthority } from '../lab/authorities.ts';
import { startAvahi } from '../lab/avahi.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { startDatastore } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';

const IMAGE_BYTES = 8 * 1024 * 1024 + 4711;
/** What an earlier, interrupted download left. */
const STORED_BYTES = 3_000_001;
const HOST_ADDRESS = '10.1.0.1';
const ADDRESS = '10.1.0.5';
const MAC = '02:16:3e:00:00:05';
const HOST_NAME = 'Edge-DS.local';
const PATH = 'images/edge%20node.img';

const FIND_PROGRAM = fileURLToPath(new URL('find_datastore.py', import.meta.url));

/** By service type: port and instance name; workstations are named as Avahi names them. */
const SERVICES = [
  { type: '_workstation._tcp', port: 9, instanceName: `Edge-DS [${MAC}]` },
  { type: '_http._tcp', port: 80, instanceName: expect.any(String) },
  { type: '_https._tcp', port: 443, instanceName: expect.any(String) },
];

let lab: Lab;
let folder: string;
let image: Buffer;
let ca: Authority;

async function setUp(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'interop-found-'));
  await mkdir(join(folder, 'root/images'), { recursive: true });
  await mkdir(join(folder, 'out'));
  image = randomBytes(IMAGE_BYTES);
  await writeFile(join(folder, 'root/images/edge node.img'), image);
  ca = await createAuthority(folder, 'lab');
  const leaf = await ca.issue('edge-ds', `IP:${ADDRESS},DNS:edge-ds.local`);
  lab = await createLab();
  await lab.addBridge('bn1', `${HOST_ADDRESS}/24`);
  const app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: `${ADDRESS}/24`, mac: MAC });
  await startDatastore(app, [
    ...['--root', join(folder, 'root'), '--state', join(folder, 'state'), '--host-name', 'Edge-DS'],
    ...['--tls-certificate', leaf.certificate, '--tls-key', leaf.key],
  ]);
}

async function tearDown(): Promise<void> {
  await lab?.stop();
  await rm(folder, { recursive: true, force: true });
}

describeWith(['root', 'lab', 'avahi', 'avahi-utils', 'dbus', 'openssl'], 'found by Avahi', () => {
  let withAvahi: readonly string[];
  beforeAll(async () => {
    await setUp();
    withAvahi = await startAvahi(lab.host, { hostName: 'edge-host', publishWorkstation: false });
  });
  afterAll(tearDown);

  test.each(SERVICES)('avahi-browse finds $type on port $port', async ({ type, port, instanceName }) => {
    const stdout = await lab.host.mustRun([...withAvahi, 'avahi-browse', '-rtp', type]);
    const rows = stdout.split('\n').filter((row) => row.startsWith('=;'));
    // avahi-browse escapes bytes of an instance name as \DDD.
    const unescapeName = (text = '') =>
      text.replaceAll(/\\(\d{3})/g, (_, code) => String.fromCharCode(Number(code)));
    const found = rows.map((row) => {
      const [, bridge, protocol, name, service, domain, host, address, foundPort] = row.split(';');
      return { bridge, protocol, name: unescapeName(name), service, domain, host, address, port: foundPort };
    });
    const place = { bridge: 'bn1', protocol: 'IPv4', domain: 'local', host: HOST_NAME, address: ADDRESS };
    expect(found, stdout).toEqual([
      { ...place, name: instanceName, service: found[0]?.service, port: `${port}` },
    ]);
  });

  test('avahi-resolve finds the host name, in any case', async () => {
    for (const name of [HOST_NAME, 'edge-ds.local', 'EDGE-DS.local']) {
      const { stdout, stderr } = await lab.host.run([...withAvahi, 'avahi-resolve', '-4n', name]);
      expect(stdout.trim().split('\t'), stderr).toEqual([
        expect.stringMatching(/^edge-ds\.local$/i),
        ADDRESS,
      ]);
    }
  });
});

describeWith(['lab', 'python', 'python-zeroconf', 'openssl'], 'found by the Python package zeroconf', () => {
  beforeAll(setUp);
  afterAll(tearDown);

  test('all services, on one host name and address', async () => {
    const types = SERVICES.map(({ type }) => `${type}.local.`);
    const found = JSON.parse(
      await lab.host.mustRun(['/usr/bin/python3', FIND_PROGRAM, HOST_ADDRESS, ...types]),
    );
    expect(found).toEqual(
      Object.fromEntries(
        SERVICES.map(({ type, port }) => [
          `${type}.local.`,
          {
            name: expect.stringMatching(new RegExp(`\\.${type}\\.local\\.$`)),
            server: `${HOST_NAME}.`,
            port,
            addresses: [ADDRESS],
          },
        ]),
      ),
    );
  });
});

describeWith(['lab', 'curl', 'wget', 'aria2', 'openssl'], 'downloaded by curl, wget and aria2', () => {
  beforeAll(setUp);
  afterAll(tearDown);

  const url = `http://${ADDRESS}/${PATH}`;
  const outFile = (name: string) => join(folder, 'out', name);
  const curl = (...args: string[]) => lab.host.mustRun(['curl', '-sSf', ...args]);
  /** Compared by hand: a matcher would print both. */
  async function expectHolds(file: string, bytes: Buffer): Promise<void> {
    const content = await readFile(file);
    expect(content.length).toBe(bytes.length);
    expect(content.equals(bytes), `${file} holds the bytes that were asked for`).toBe(true);
  }

  test('curl: whole, by address, by name and over TLS', async () => {
    await curl('-o', outFile('address'), url);
    await expectHolds(outFile('address'), image);
    const byName = `edge-ds.local:80:${ADDRESS}`;
    await curl('-o', outFile('name'), '--resolve', byName, `http://edge-ds.local/${PATH}`);
    await expectHolds(outFile('name'), image);
    await curl('-o', outFile('tls'), '--cacert', ca.certificate, `https://${ADDRESS}/${PATH}`);
    await expectHolds(outFile('tls'), image);
  });

  test('curl: resumed, and nothing more of a whole file', async () => {
    const target = outFile('curl-resumed');
    await writeFile(target, image.subarray(0, STORED_BYTES));
    const written = await curl('-C', '-', '-o', target, '-w', '%{http_code} %{size_download}', url);
    expect(written).toBe(`206 ${IMAGE_BYTES - STORED_BYTES}`);
    await expectHolds(target, image);
    // 416 is done for curl, unless --fail makes an error of every status from 400 on.
    const nothingMore = ['curl', '-sS', '-C', '-', '-o', target, '-w', '%{http_code}', url];
    expect(await lab.host.mustRun(nothingMore)).toBe('416');
    await expectHolds(target, image);
  });

  test.each([
    { range: '100-199', start: 100, end: 200 },
    { range: '0-0', start: 0, end: 1 },
    { range: '-100', start: IMAGE_BYTES - 100, end: IMAGE_BYTES },
    { range: `${IMAGE_BYTES - 7}-`, start: IMAGE_BYTES - 7, end: IMAGE_BYTES },
    { range: `${IMAGE_BYTES - 7}-${IMAGE_BYTES + 7}`, start: IMAGE_BYTES - 7, end: IMAGE_BYTES },
  ])('curl: the range $range', async ({ range, start, end }) => {
    const target = outFile(`range${range}`);
    const written = await curl('-r', range, '-o', target, '-w', '%{http_code}', url);
    expect(written).toBe('206');
    await expectHolds(target, image.subarray(start, end));
  });

  test('curl --compressed: identity', async () => {
    const target = outFile('compressed');
    const head = await curl('--compressed', '-D', '-', '-o', target, url);
    expect(head).toMatch(new RegExp(`^content-length: ${IMAGE_BYTES}\r$`, 'im'));
    expect(head).not.toMatch(/^(content-encoding|transfer-encoding):/im);
    await expectHolds(target, image);
  });

  test('wget: whole, resumed, and nothing more of a whole file', async () => {
    const whole = outFile('wget-whole');
    await lab.host.mustRun(['wget', '-q', '-O', whole, url]);
    await expectHolds(whole, image);

    // wget -c takes the file's name from the URL.
    const target = outFile('edge node.img');
    await writeFile(target, image.subarray(0, STORED_BYTES));
    const again = () =>
      lab.host.run(['wget', '-c', '-P', join(folder, 'out'), url], { env: { LC_ALL: 'C' } });
    const resumed = await again();
    expect(resumed.exitCode, resumed.stderr).toBe(0);
    expect(resumed.stderr).toContain('206 Partial Content');
    expect(resumed.stderr).toContain(`${IMAGE_BYTES - STORED_BYTES}`);
    await expectHolds(target, image);

    const nothingMore = await again();
    expect(nothingMore.exitCode, nothingMore.stderr).toBe(0);
    expect(nothingMore.stderr).toContain('416');
    await expectHolds(target, image);
  });

  test('aria2: in four ranges at once, with the digest checked', async () => {
    const sha256 = createHash('sha256').update(image).digest('hex');
    const ranges = ['--split=4', '--max-connection-per-server=4', '--min-split-size=1M'];
    const place = ['--dir', join(folder, 'out'), '--out', 'aria2', '--no-conf', '--quiet'];
    await lab.host.mustRun(['aria2c', ...ranges, ...place, `--checksum=sha-256=${sha256}`, url]);
    await expectHolds(outFile('aria2'), image);
  });
});
