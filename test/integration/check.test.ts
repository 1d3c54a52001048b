// SPDX-License-Identifier: Apache-2.0
/** `datastore-app check`, the real program: what it prints, how it ends, and that it leaves nothing behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CheckReport } from '../../datastore-app/src/check/report.ts';
import { createAuthority } from '../lab/authorities.ts';
import { type Finished, finish } from '../lab/namespace.ts';
import { readDatastoreJson } from '../lab/printed-json.ts';
import { datastoreApp } from '../lab/programs.ts';
import { describeWith } from '../requirements.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'check-'));
  await mkdir(join(folder, 'root'));
  await mkdir(join(folder, 'etc/services'), { recursive: true });
  await writeFile(join(folder, 'root/a.img'), 'image');
});
afterEach(() => rm(folder, { recursive: true }));

const run = (...args: readonly string[]): Promise<Finished> => {
  const [program = '', ...rest] = datastoreApp(...args);
  return finish(spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] }));
};
const storage = () => ['--root', join(folder, 'root'), '--state', join(folder, 'state')];
/** Loopback is there on every machine; nothing is sent. */
const check = (...args: readonly string[]) =>
  run('check', ...storage(), '--interface', 'lo', '--port', '0', ...args);
const reportOf = ({ stdout }: Finished) => readDatastoreJson(['check'], stdout) as CheckReport;
const messagesOf = ({ problems }: CheckReport, severity: string) =>
  problems.filter((problem) => problem.severity === severity).map(({ message }) => message);

const writeAvahi = async (daemon: string, service: string) => {
  await writeFile(join(folder, 'etc/avahi-daemon.conf'), daemon);
  await writeFile(join(folder, 'etc/services/http.service'), service);
  return ['--avahi-config', join(folder, 'etc')];
};
const SERVICE =
  '<service-group>\n<name replace-wildcards="yes">Images on %h</name>\n' +
  '<service><type>_http._tcp</type><port>80</port></service>\n</service-group>\n';

test("prints what would be advertised of Avahi's files, and makes nothing", async () => {
  const avahi = await writeAvahi('[server]\nhost-name=my-ds\nuse-ipv6=yes\n', SERVICE);
  const finished = await check('--json', ...avahi);
  expect(finished.exitCode, finished.stderr).toBe(0);
  const report = reportOf(finished);
  expect(report).toMatchObject({
    isFine: true,
    hostName: 'my-ds.local',
    interfaces: [{ name: 'lo', address: '127.0.0.1' }],
    images: { count: 1, sizeBytes: 5 },
  });
  expect(report.interfaces[0]?.services.map(({ type, instanceName }) => ({ type, instanceName }))).toEqual([
    { type: '_workstation._tcp', instanceName: expect.stringMatching(/^my-ds \[/) },
    { type: '_http._tcp', instanceName: 'Images on my-ds' },
  ]);
  expect(report.problems).toContainEqual({
    severity: 'warning',
    file: join(folder, 'etc/avahi-daemon.conf'),
    line: 3,
    message: 'use-ipv6=yes is not supported: only IPv4 is advertised (stock EVE asks for IPv4 only)',
  });
  expect((await readdir(folder)).sort()).toEqual(['etc', 'root']);

  const forPeople = await check(...avahi);
  expect(forPeople.exitCode).toBe(0);
  // The loopback interface of a machine may have further addresses.
  expect(forPeople.stdout).toMatch(
    /^Would be advertised as my-ds\.local:\n {2}lo {2}127\.0\.0\.1(, [\d.]+)*\n/,
  );
  expect(forPeople.stdout).toContain('avahi-daemon.conf, line 3: use-ipv6=yes is not supported');
});

test.each(['check', 'serve'])(
  '%s ends with 2 on a malformed file, naming line and reason',
  async (command) => {
    const avahi = await writeAvahi('[server]\n', SERVICE.replace('80', 'eighty'));
    const finished = await run(command, ...storage(), '--address', '127.0.0.1', '--port', '0', ...avahi);
    expect(finished.exitCode).toBe(2);
    const message = `${join(folder, 'etc/services/http.service')}, line 3: "eighty" is no port from 1 to 65535`;
    expect(finished.stderr).toContain(message);
    expect((await readdir(folder)).sort()).toEqual(['etc', 'root']);
    if (command === 'check') {
      const report = reportOf(await check('--json', ...avahi));
      expect(messagesOf(report, 'error')).toEqual([message]);
    }
  },
);

test('ends with 2 on a port that is taken', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const finished = await check('--json', '--address', '127.0.0.1', '--port', String(port));
  await new Promise((resolve) => server.close(resolve));
  expect(finished.exitCode).toBe(2);
  expect(messagesOf(reportOf(finished), 'error')).toEqual([
    expect.stringMatching(new RegExp(`port ${port} .*another program listens there.*runs already`)),
  ]);
});

test('ends with 2 on an option that is wrong, like serve', async () => {
  const finished = await check('--host-name', 'my_ds');
  expect(finished.exitCode).toBe(2);
  expect(finished.stderr).toContain('host name "my_ds"');
});

describeWith(['openssl'], 'the TLS certificate', () => {
  test('with its addresses, without them, and with the key of another', async () => {
    const ca = await createAuthority(folder, 'lab');
    const leaf = await ca.issue('leaf', 'IP:127.0.0.1,DNS:ds.local');
    const other = await ca.issue('other', 'DNS:ds.local');
    const tls = (certificate: string, key: string) => [
      ...['--json', '--tls-port', '0', '--tls-certificate', certificate, '--tls-key', key],
    ];
    const good = reportOf(await check(...tls(leaf.certificate, leaf.key)));
    expect(good.isFine).toBe(true);
    expect(good.certificate).toMatchObject({
      subject: 'CN=leaf',
      names: ['ds.local'],
      addresses: ['127.0.0.1'],
    });
    expect(good.listeners.map(({ scheme, trouble }) => ({ scheme, trouble }))).toEqual([
      { scheme: 'http', trouble: null },
      { scheme: 'https', trouble: null },
    ]);
    expect(good.interfaces[0]?.services.map(({ type }) => type)).toContain('_https._tcp');
    // It is valid for two days.
    expect(messagesOf(good, 'warning')).toContainEqual(expect.stringContaining('expires soon'));

    const withoutAddress = reportOf(await check(...tls(other.certificate, other.key)));
    expect(messagesOf(withoutAddress, 'warning')).toContainEqual(
      expect.stringContaining('no IP SAN 127.0.0.1'),
    );

    const mixed = await check(...tls(leaf.certificate, other.key));
    expect(mixed.exitCode).toBe(2);
    expect(messagesOf(reportOf(mixed), 'error')).toContainEqual(
      expect.stringContaining('is not the key of the certificate'),
    );
  });
});

test('ends without a word when nobody reads what it prints', async () => {
  const [program = '', ...rest] = datastoreApp('check', ...storage(), '--interface', 'lo', '--port', '0');
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  const [stderr, [exitCode]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 141, stderr: '' });
});
