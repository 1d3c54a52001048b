/** HTTPS of the datastore: the real program on loopback. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TlsIdentity } from '../../datastore-app/src/tls/certificate-source.ts';
import { issueAuthority, issueLeaf } from '../../datastore-app/src/tls/issue-certificates.ts';
import { finish } from '../lab/namespace.ts';
import { datastoreApp, waitForLog } from '../lab/programs.ts';

const ADDRESS = '127.0.0.1';
const PEM_TYPE = 'application/x-pem-file';

let folder: string;
let companyAuthority: TlsIdentity;
const started = new Set<ChildProcess>();
const place = (name: string) => join(folder, name);

function run(...args: string[]): ChildProcess {
  const [program = '', ...rest] = datastoreApp(...args);
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  started.add(child);
  return child;
}

const serveArguments = (state: string, ...args: string[]) => [
  'serve',
  ...['--root', place('root'), '--state', place(state), '--advertise', 'none', '--address', ADDRESS],
  ...['--host-name', 'ds', '--port', '0', '--tls-port', '0', ...args],
];

async function startServer(state: string, ...args: string[]) {
  const child = run(...serveArguments(state, ...args));
  const { log, seen } = waitForLog(child, '"listening"');
  await seen;
  const line =
    log()
      .split('\n')
      .find((text) => text.includes('"listening"')) ?? '';
  const { port, tlsPort } = JSON.parse(line) as { port: number; tlsPort?: number };
  return {
    log,
    tlsPort,
    get: (path: string, init: RequestInit = {}) => fetch(`http://${ADDRESS}:${port}${path}`, init),
    /** The subject's name in the certificate that is presented, which the authority must vouch for. */
    async presented(ca: string): Promise<string> {
      const socket = connect({ host: ADDRESS, port: tlsPort ?? 0, ca });
      await once(socket, 'secureConnect');
      const { CN } = socket.getPeerCertificate().subject;
      socket.destroy();
      return String(CN);
    },
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      return (await ended)[0] as number | null;
    },
  };
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
  folder = await mkdtemp(join(tmpdir(), 'datastore-https-'));
  await mkdir(place('root'));
  const validity = { notBefore: new Date(0), notAfter: new Date('2099-01-01') };
  companyAuthority = await issueAuthority('Company CA', validity);
});
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

describe('without a word about TLS', () => {
  it('there is HTTP alone, and no authority', async () => {
    const server = await startServer('state-off');
    expect(server.tlsPort).toBeUndefined();
    const answer = await server.get('/-/ca.pem');
    expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
    expect(await answer.json()).toMatchObject({ detail: expect.stringContaining('--tls authority') });
    expect(await server.stop()).toBe(0);
  });
});

describe('with the built-in authority', () => {
  it('HTTPS stands beside HTTP, whose ca.pem is all that a client needs', async () => {
    const server = await startServer('state', '--tls', 'authority');
    const answer = await server.get('/-/ca.pem');
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, PEM_TYPE]);
    const pem = await answer.text();
    expect(await server.presented(pem)).toBe('ds');
    const head = await server.get('/-/ca.pem', { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(pem.length));
    const { status, headers } = await server.get('/-/ca.pem', { method: 'OPTIONS' });
    expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect(server.log()).toContain('a new TLS authority was made');
    expect(server.log()).not.toContain('PRIVATE');
    expect(await server.stop()).toBe(0);

    const again = await startServer('state', '--tls', 'authority');
    expect(await again.presented(pem)).toBe('ds');
    expect(again.log()).not.toContain('a new TLS authority was made');
    expect(await again.stop()).toBe(0);
    const printed = await finish(run('ca', '--state', place('state')));
    expect(printed).toMatchObject({ stdout: pem, exitCode: 0 });
  });

  it('`ca` makes the authority that `serve` then uses', async () => {
    const { stdout } = await finish(run('ca', '--state', place('state-early')));
    const server = await startServer('state-early', '--tls', 'authority');
    expect(await server.presented(stdout)).toBe('ds');
    expect(await server.stop()).toBe(0);
  });

  it('a damaged authority stops the start, with the file and the way out', async () => {
    await finish(run('ca', '--state', place('state-broken')));
    const file = place('state-broken/tls/ca.pem');
    await writeFile(file, (await readFile(file, 'utf8')).slice(0, 100));
    for (const args of [
      serveArguments('state-broken', '--tls', 'authority'),
      ['ca', '--state', place('state-broken')],
    ]) {
      const { stdout, stderr, exitCode } = await finish(run(...args));
      expect([stdout, exitCode]).toEqual(['', 2]);
      expect(stderr).toContain(`${file} holds no certificate`);
      expect(stderr).toContain('the next start makes a new authority');
    }
  });
});

describe('with a given certificate', () => {
  it('another one in its files is presented without a restart', async () => {
    await storeGiven('first');
    const server = await startServer('state-given', ...given());
    expect(await server.presented(companyAuthority.certificate)).toBe('first');
    expect((await server.get('/-/ca.pem')).status).toBe(404);
    expect((await server.get('/-/readyz')).status).toBe(200);
    await storeGiven('second');
    const presented = () => server.presented(companyAuthority.certificate);
    await expect.poll(presented, { timeout: 20_000 }).toBe('second');

    await writeFile(place('cert.pem'), 'nonsense');
    await expect.poll(server.log, { timeout: 20_000 }).toContain('the old one stays');
    expect(await presented()).toBe('second');
    expect(await server.stop()).toBe(0);
  });

  it('one that expired is presented, and the datastore says that it is not ready', async () => {
    await storeGiven('old', '2020-01-01');
    const server = await startServer('state-given', ...given());
    expect(server.log()).toContain('clients will refuse it');
    const answer = await server.get('/-/readyz');
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({
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
  const { stdout, stderr, exitCode } = await finish(run(...serveArguments('state-refused', ...args)));
  expect(stderr).toContain(message);
  expect([stdout, exitCode]).toEqual(['', 2]);
});
