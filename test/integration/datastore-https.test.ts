// SPDX-License-Identifier: Apache-2.0
/** HTTPS of the datastore: the real program on loopback. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { issueAuthority, issueLeaf } from '@local-datastore/shared/tls/issue-certificates';
import type { TlsIdentity } from '@local-datastore/shared/tls/tls-identity';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ADDRESS,
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';

const PEM_TYPE = 'application/x-pem-file';
const IMAGE = randomBytes(3 * 1024 * 1024 + 17);

let folder: DatastoreFolder;
let companyAuthority: TlsIdentity;
const place = (name: string) => join(folder.folder, name);

/** With a state directory of its own. */
const startServer = (state: string, ...args: string[]) =>
  folder.start('--host-name', 'ds', '--state', place(state), ...args);

/** The subject's name in the certificate that is presented, which the authority must vouch for. */
async function presentedBy({ tlsPort = 0 }: LoopbackDatastore, ca: string): Promise<string> {
  const socket = connect({ host: ADDRESS, port: tlsPort, ca });
  await once(socket, 'secureConnect');
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN);
}

async function storeGiven(commonName: string, notAfter = '2099-01-01'): Promise<void> {
  const leaf = await issueLeaf(companyAuthority, {
    notBefore: new Date(0),
    notAfter: new Date(notAfter),
    commonName,
    alternativeNames: ['ds.local', ADDRESS],
  });
  await writeFile(place('cert.pem'), leaf.certificate);
  await writeFile(place('key.pem'), leaf.key);
}
const given = () => ['--tls-certificate', place('cert.pem'), '--tls-key', place('key.pem')];

beforeAll(async () => {
  folder = await createDatastoreFolder();
  await folder.put('large.img', IMAGE);
  const validity = { notBefore: new Date(0), notAfter: new Date('2099-01-01') };
  companyAuthority = await issueAuthority('Company CA', validity);
});
afterAll(() => folder.remove());

describe('without a word about TLS', () => {
  it('there is HTTP alone, and no authority', async () => {
    const server = await startServer('state-off');
    expect(server.tlsPort).toBeUndefined();
    const answer = await server.get('/-/ca.pem');
    expect([answer.status, answer.headers['content-type']]).toEqual([404, 'application/problem+json']);
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      detail: expect.stringContaining('--tls authority'),
    });
    expect(await server.stop()).toBe(0);
  });
});

describe('with the built-in authority', () => {
  it('HTTPS stands beside HTTP, whose ca.pem is all that a client needs', async () => {
    const server = await startServer('state', '--tls', 'authority');
    const answer = await server.get('/-/ca.pem');
    expect([answer.status, answer.headers['content-type']]).toEqual([200, PEM_TYPE]);
    const pem = answer.body.toString();
    expect(await presentedBy(server, pem)).toBe('ds');
    const head = await server.get('/-/ca.pem', {}, 'HEAD');
    expect(head.headers['content-length']).toBe(String(pem.length));
    const { status, headers } = await server.get('/-/ca.pem', {}, 'OPTIONS');
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD']);
    expect(server.log()).toContain('a new TLS authority was made');
    expect(server.log()).not.toContain('PRIVATE');
    expect(await server.stop()).toBe(0);

    const again = await startServer('state', '--tls', 'authority');
    expect(await presentedBy(again, pem)).toBe('ds');
    expect(again.log()).not.toContain('a new TLS authority was made');
    expect(await again.stop()).toBe(0);
    const printed = await folder.runPlain('ca', '--state', place('state'));
    expect(printed).toMatchObject({ stdout: pem, exitCode: 0 });
  });

  it('`ca --create` makes the authority that `serve` then uses', async () => {
    const { stdout } = await folder.runPlain('ca', '--create', '--state', place('state-early'));
    const server = await startServer('state-early', '--tls', 'authority');
    expect(await presentedBy(server, stdout)).toBe('ds');
    expect(await server.stop()).toBe(0);
  });

  it('a damaged authority stops the start, with the file and the way out', async () => {
    await folder.runPlain('ca', '--create', '--state', place('state-broken'));
    const file = place('state-broken/tls/ca.pem');
    await writeFile(file, (await readFile(file, 'utf8')).slice(0, 100));
    for (const args of [
      ['serve', '--root', folder.root, '--state', place('state-broken'), '--tls', 'authority'],
      ['ca', '--state', place('state-broken')],
    ]) {
      const { stdout, stderr, exitCode } = await folder.runPlain(...args);
      expect([stdout, exitCode]).toEqual(['', 2]);
      expect(stderr).toContain(`${file} holds no certificate`);
      expect(stderr).toContain('the next start makes a new authority');
    }
  });
});

describe('with a given certificate', () => {
  it('is served over TLS 1.2 and newer, and no other certificate file is taken', async () => {
    const [certificate, key] = [place('own-cert.pem'), place('own-key.pem')];
    const made = spawnSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', '/CN=ds', '-addext', `subjectAltName=IP:${ADDRESS}`, '-keyout', key, '-out', certificate],
    ]);
    expect(made.status).toBe(0);
    const tls = ['--tls-certificate', certificate, '--tls-key', key];
    const server = await startServer('state-given', ...tls);
    const url = `https://${ADDRESS}:${server.tlsPort}/large.img`;
    const fetched = spawnSync('curl', ['-sS', '--cacert', certificate, url], { maxBuffer: 1e9 });
    expect(fetched.stderr.toString()).toBe('');
    expect(fetched.stdout.equals(IMAGE)).toBe(true);
    const old = spawnSync('curl', ['-sS', '--cacert', certificate, '--tls-max', '1.1', url]);
    expect(old.status).toBe(35);
    expect(await server.stop()).toBe(0);
    await writeFile(certificate, 'no certificate');
    const refused = await folder.run('serve', '--advertise', 'none', ...tls);
    expect(refused.stderr).toContain('no PEM certificate');
    expect(refused.exitCode).toBe(2);
  });

  it('another one in its files is presented without a restart', async () => {
    await storeGiven('first');
    const server = await startServer('state-given', ...given());
    expect(await presentedBy(server, companyAuthority.certificate)).toBe('first');
    expect((await server.get('/-/ca.pem')).status).toBe(404);
    expect((await server.get('/-/readyz')).status).toBe(200);
    await storeGiven('second');
    const presented = () => presentedBy(server, companyAuthority.certificate);
    await expect.poll(presented).toBe('second');

    await writeFile(place('cert.pem'), 'nonsense');
    await expect.poll(server.log).toContain('the old one stays');
    expect(await presented()).toBe('second');
    expect(await server.stop()).toBe(0);
  });

  it('one that expired is presented, and the datastore says that it is not ready', async () => {
    await storeGiven('old', '2020-01-01');
    const server = await startServer('state-given', ...given());
    expect(server.log()).toContain('clients will refuse it');
    const answer = await server.get('/-/readyz');
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      reasons: ['the TLS certificate expired on 2020-01-01T00:00:00.000Z'],
    });
    expect(await server.stop()).toBe(0);
  });
});

it.each([
  [['--tls', 'authority', '--tls-key', 'k.pem'], '--tls authority contradicts'],
  [['--tls', 'off', '--tls-certificate', 'c.pem', '--tls-key', 'k.pem'], '--tls off contradicts'],
  [['--tls', 'on'], 'one of off, authority expected'],
  [['--tls-certificate', '/absent.pem', '--tls-key', 'k.pem'], '/absent.pem cannot be read'],
])('%j is refused', async (args, message) => {
  const { stdout, stderr, exitCode } = await folder.run('serve', '--advertise', 'none', ...args);
  expect(stderr).toContain(message);
  expect([stdout, exitCode]).toEqual(['', 2]);
});
