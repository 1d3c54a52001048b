// SPDX-License-Identifier: Apache-2.0
/** The doctor against datastores that others made, and its replay of stock EVE against sound and broken ones. */
import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer } from 'dns-packet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runDoctor } from '../integration/doctor-runs.ts';
import { responseHex, startScriptedResponder } from '../integration/scripted-responder.ts';
import { createAuthority } from '../lab/authorities.ts';
import { avahiServiceFile, startAvahi } from '../lab/avahi.ts';
import { type App, createLab, type Lab } from '../lab/lab.ts';
import { startDatastore } from '../lab/programs.ts';
import { startApache, startNginx, startPythonHttpServer } from '../lab/web-servers.ts';
import { describeWith } from '../requirements.ts';

const IMAGE_BYTES = 300_000;

let lab: Lab;
let folder: string;
let root: string;

async function setUp(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'interop-doctor-'));
  root = join(folder, 'root');
  await mkdir(join(root, 'images'), { recursive: true });
  await writeFile(join(root, 'images/a.img'), randomBytes(IMAGE_BYTES));
  lab = await createLab();
  await lab.addBridge('bn1', '10.1.0.1/24');
  await lab.addBridge('bn2', '10.2.0.1/24');
}

async function tearDown(): Promise<void> {
  await lab?.stop();
  await rm(folder, { recursive: true, force: true });
}

const asEve = (url: string, ...args: readonly string[]) => runDoctor(lab.host, url, '--as-eve', ...args);

describeWith(
  ['root', 'lab', 'avahi', 'dbus', 'apache', 'nginx', 'python', 'openssl'],
  'doctor: Avahi',
  () => {
    beforeAll(setUp);
    afterAll(tearDown);

    async function addAvahi(name: string, address: string, service: 'workstation' | 'http' | 'https') {
      const app = await lab.addApp({ name, bridge: 'bn1', address: `${address}/24` });
      await startAvahi(app, {
        hostName: name,
        publishWorkstation: service === 'workstation',
        ...(service !== 'workstation' && {
          services: { 's.service': avahiServiceFile(`_${service}._tcp`, service === 'http' ? 80 : 443) },
        }),
      });
      return app;
    }

    test('with Apache: stock EVE will be able to use it', async () => {
      const app = await addAvahi('apache-ds', '10.1.0.5', 'workstation');
      await startApache(app, { root, work: join(folder, 'apache'), port: 80 });
      const { document, findings, exitCode } = await asEve('http://apache-ds.local/images/a.img');
      expect(document.isUsable, document.verdict).toBe(true);
      expect({ exitCode, judgedFor: document.judgedFor }).toEqual({ exitCode: 0, judgedFor: 'stock EVE' });
      const replay = document.checks.find(({ id }) => id === 'stock-eve');
      expect(replay?.facts).toMatchObject({
        ...{ canUse: true, address: '10.1.0.5', bridge: 'bn1', service: 'workstation' },
      });
      expect(findings).toEqual([]);
    });

    test('with nginx: an interrupted download ends short on stock EVE, and no other remark', async () => {
      const app = await addAvahi('nginx-ds', '10.1.0.6', 'http');
      await startNginx(app, { root, work: join(folder, 'nginx'), port: 80 });
      const { findings, exitCode } = await asEve('http://nginx-ds.local/images/a.img');
      expect({ findings, exitCode }).toEqual({
        findings: ['warning accept-ranges-missing', 'warning stock-eve-caveat'],
        exitCode: 0,
      });
    });

    test('with python3 -m http.server: no ranges', async () => {
      const app = await addAvahi('py-ds', '10.1.0.7', 'http');
      await startPythonHttpServer(app, { root, port: 80 });
      const { findings, exitCode } = await runDoctor(lab.host, 'http://py-ds.local/images/a.img');
      expect({ findings, exitCode }).toEqual({ findings: ['warning no-ranges'], exitCode: 0 });
    });

    test('with a TLS server: the address must be in the certificate', async () => {
      const ca = await createAuthority(folder, 'lab');
      const app = await addAvahi('tls-ds', '10.1.0.8', 'https');
      const right = await ca.issue('right', 'IP:10.1.0.8');
      await startNginx(app, { root, work: join(folder, 'tls'), port: 443, tls: right });
      const url = 'https://tls-ds.local/images/a.img';
      const withCa = await runDoctor(lab.host, url, '--ca', ca.certificate);
      expect(withCa).toMatchObject({ findings: ['warning accept-ranges-missing'], exitCode: 0 });
      expect(await runDoctor(lab.host, url)).toMatchObject({
        findings: ['problem chain-not-trusted'],
        exitCode: 4,
      });
      const nameOnly = await ca.issue('name-only', 'DNS:tls-ds.local');
      await startNginx(app, { root, work: join(folder, 'tls-name'), port: 8443, tls: nameOnly });
      const wrong = await asEve('https://tls-ds.local:8443/images/a.img', '--ca', ca.certificate);
      expect(wrong.findings).toEqual([
        'warning port-in-url',
        'warning certificate-name',
        'warning accept-ranges-missing',
        'problem stock-eve-cannot',
      ]);
      expect(wrong.advice('certificate-name')).toContain('IP:10.1.0.8');
    });
  },
);

describeWith(['lab'], 'doctor: as stock EVE', () => {
  beforeAll(setUp);
  afterAll(tearDown);

  const records = (name: string, address: string) => {
    const instance = `${name}._workstation._tcp.local`;
    const ptr: Answer = { name: '_workstation._tcp.local', type: 'PTR', ttl: 10, data: instance };
    const srv: Answer = { name: instance, type: 'SRV', ttl: 10, data: { port: 9, target: `${name}.local` } };
    const a: Answer = { name: `${name}.local`, type: 'A', ttl: 10, data: address };
    return { ptr, srv, a };
  };
  const answering = (app: App, address: string, rules: Readonly<Record<string, Answer[]>>) =>
    startScriptedResponder(
      app,
      address,
      Object.entries(rules).map(([question, answers]) => ({ question, hex: responseHex({ answers }) })),
    );

  test('our own datastore: will', async () => {
    const app = await lab.addApp({ name: 'ours', bridge: 'bn2', address: '10.2.0.5/24' });
    await startDatastore(app, ['--root', root, '--state', join(folder, 'state'), '--host-name', 'ours']);
    const { document, findings, exitCode } = await asEve(
      'http://ours.local/images/a.img',
      '--size',
      '300000',
    );
    expect({ findings, exitCode }).toEqual({ findings: [], exitCode: 0 });
    expect(document.verdict).toMatch(
      /^a stock EVE device will be able to use this: it finds 10\.2\.0\.5 on bn2/,
    );
    const wrongSize = await asEve('http://ours.local/images/a.img', '--size', '300001');
    expect(wrongSize).toMatchObject({
      findings: ['problem size-mismatch', 'problem stock-eve-cannot'],
      exitCode: 5,
    });
  });

  test('the substring trap: it takes the other host', async () => {
    const app = await lab.addApp({ name: 'trap', bridge: 'bn1', address: '10.1.0.20/24' });
    const { ptr, srv, a } = records('my-plain', '10.1.0.20');
    await answering(app, '10.1.0.20', { 'PTR _workstation._tcp.local': [ptr, srv, a] });
    const { document, findings, exitCode } = await asEve('http://plain.local/a.img');
    expect({ findings, exitCode }).toEqual({
      findings: ['problem near-miss', 'warning substring-trap', 'problem stock-eve-cannot'],
      exitCode: 3,
    });
    expect(document.verdict).toContain('takes the host "my-plain.local." for plain.local');
  });

  test('a neighbour whose name holds the wanted one: chance, whoever wins', async () => {
    const app = await lab.addApp({ name: 'wanted', bridge: 'bn1', address: '10.1.0.22/24' });
    // One root has one datastore, and another test's still runs.
    const ownRoot = join(folder, 'wanted-root');
    await cp(join(root, 'images'), join(ownRoot, 'images'), { recursive: true });
    const storage = ['--root', ownRoot, '--state', join(folder, 'wanted')];
    await startDatastore(app, [...storage, '--host-name', 'wanted']);
    const other = await lab.addApp({ name: 'rival', bridge: 'bn2', address: '10.2.0.22/24' });
    const { ptr, srv, a } = records('un-wanted', '10.2.0.22');
    await answering(other, '10.2.0.22', { 'PTR _workstation._tcp.local': [ptr, srv, a] });
    const { document, findings, exitCode } = await asEve('http://wanted.local/images/a.img');
    expect({ findings, exitCode }).toEqual({
      findings: ['warning substring-trap', 'problem stock-eve-by-chance'],
      exitCode: 3,
    });
    expect(document.verdict).toMatch(
      /^a stock EVE device may or may not be able to use this: it finds 10\.1\.0\.22/,
    );
    expect(document.verdict).toContain('or takes the host "un-wanted.local." for wanted.local');
  });

  test('two instances in one message: used, at the price of a socket', async () => {
    const app = await lab.addApp({ name: 'twice', bridge: 'bn1', address: '10.1.0.23/24' });
    await startPythonHttpServer(app, { root, port: 80 });
    const { ptr, srv, a } = records('twice', '10.1.0.23');
    const second: Answer = { ...srv, name: `second.${ptr.name}` } as Answer;
    const all = [ptr, srv, second, a];
    await answering(app, '10.1.0.23', { 'PTR _workstation._tcp.local': all, 'A twice.local': [a] });
    const { document, findings, exitCode } = await asEve('http://twice.local/images/a.img');
    expect({ findings, exitCode }).toEqual({
      findings: [
        ...['warning several-instances', 'warning no-ranges'],
        ...['warning stock-eve-caveat', 'warning stock-eve-caveat'],
      ],
      exitCode: 0,
    });
    expect(document.verdict).toContain(
      'EVE 16 and later fails for good: "bad response code: 200" at every later try, and EVE 14.5 and older starts from the beginning',
    );
  });

  test('A and SRV apart: the agent finds it, stock EVE does not', async () => {
    const app = await lab.addApp({ name: 'apart', bridge: 'bn1', address: '10.1.0.21/24' });
    await startPythonHttpServer(app, { root, port: 80 });
    const { ptr, srv, a } = records('apart', '10.1.0.21');
    const rules = { 'PTR _workstation._tcp.local': [ptr, srv], 'A apart.local': [a] };
    await answering(app, '10.1.0.21', rules);
    const { document, findings, exitCode } = await asEve('http://apart.local/images/a.img');
    expect({ findings, exitCode }).toEqual({
      findings: ['warning address-in-other-packet', 'warning no-ranges', 'problem stock-eve-cannot'],
      exitCode: 3,
    });
    expect(document.verdict).toContain('"findDSmDNS: mDNS host not found for apart.local"');
  });
});
