// SPDX-License-Identifier: Apache-2.0
/** The agent's API on TCP: who may come in, who takes whose place, and files that change while it runs. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { Agent, request as httpsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { silentLog } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { listen } from '../../eve-agent/src/api/listen.ts';
import { parseRevocations } from '../../eve-agent/src/api/revocations.ts';
import type { TlsFiles } from '../../eve-agent/src/api/server-tls.ts';
import { type Authority, createAuthority, type KeyPair } from '../lab/authorities.ts';
import { findFreePort } from '../lab/loopback-agent.ts';
import { describeWith } from '../requirements.ts';

describeWith(['openssl'], 'the API on TCP', () => {
  let made: string;
  let folder: string;
  let agents: Authority;
  let clients: Authority;
  let others: Authority;
  let own: KeyPair;
  let next: KeyPair;
  let alice: KeyPair;
  let bob: KeyPair;
  let stranger: KeyPair;
  let files: TlsFiles & { clientCrl: string };
  let port: number;
  let end: (() => Promise<void>) | undefined;
  let lines: unknown[][];
  let sockets: Socket[];

  const serialOf = async ({ certificate }: KeyPair) =>
    new X509Certificate(await readFile(certificate)).serialNumber;

  beforeAll(async () => {
    made = await mkdtemp(join(tmpdir(), 'api-tls-made-'));
    [agents, clients, others] = (await Promise.all(
      ['agents', 'clients', 'others'].map((name) => createAuthority(made, name)),
    )) as [Authority, Authority, Authority];
    own = await agents.issue('agent', 'IP:127.0.0.1');
    next = await agents.issue('next', 'IP:127.0.0.1');
    alice = await clients.issue('alice', 'DNS:alice');
    bob = await clients.issue('bob', 'DNS:bob');
    stranger = await others.issue('stranger', 'DNS:stranger');
  });
  afterAll(() => rm(made, { recursive: true }));

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'api-tls-'));
    const place = (name: string) => join(folder, name);
    files = {
      certificate: place('agent.pem'),
      key: place('agent.key'),
      clientCa: place('ca.pem'),
      clientCrl: place('revoked'),
    };
    await Promise.all([
      copyFile(own.certificate, place('agent.pem')),
      copyFile(own.key, place('agent.key')),
      copyFile(clients.certificate, place('ca.pem')),
      writeFile(place('revoked'), '# none\n'),
    ]);
    lines = [];
    sockets = [];
    end = undefined;
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await end?.();
    await rm(folder, { recursive: true });
  });

  async function start(more: Partial<TlsFiles> = {}) {
    port = await findFreePort();
    const keep = (...line: unknown[]) => void lines.push(line);
    const log = { ...silentLog, info: keep, warn: keep, error: keep };
    const place = { kind: 'tcp', host: '127.0.0.1', port } as const;
    end = await listen(
      place,
      (_request, response) => response.end('ok'),
      { ...files, ...more },
      {
        ...{ clock: systemClock, wallMs: Date.now, log },
      },
    );
  }
  const said = () => JSON.stringify(lines);

  async function shown(pair: KeyPair | null) {
    const ca = await readFile(agents.certificate);
    if (pair === null) return { ca };
    return { ca, cert: await readFile(pair.certificate), key: await readFile(pair.key) };
  }
  /** @returns 200; `refused` */
  async function ask(pair: KeyPair | null, agent: Agent | false = false) {
    const request = httpsRequest({ host: '127.0.0.1', port, agent, ...(await shown(pair)) });
    request.end();
    try {
      const [response] = await once(request, 'response');
      response.resume();
      await once(response, 'end');
      return response.statusCode as number;
    } catch {
      return 'refused';
    }
  }
  /** Which certificate the service shows. */
  async function serialShown() {
    const socket = tlsConnect({ host: '127.0.0.1', port, ...(await shown(alice)) });
    sockets.push(socket);
    await once(socket, 'secureConnect');
    return socket.getPeerX509Certificate()?.serialNumber;
  }
  const halfOpen = async () => {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => {});
    socket.resume();
    await once(socket, 'connect');
    return socket;
  };

  it('has room for operators whoever else connects and says nothing', async () => {
    await start();
    const silent: Socket[] = [];
    for (let i = 0; i < 300; i += 1) silent.push(await halfOpen());
    expect(await Promise.all(Array.from({ length: 20 }, () => ask(alice)))).toEqual(Array(20).fill(200));
    // Who came last is still there: who has taken longest made room.
    await expect.poll(() => silent.filter(({ destroyed }) => destroyed).length).toBeGreaterThan(200);
    expect(silent.at(-1)?.destroyed).toBe(false);
  });

  it('has room though clients without a certificate, or with a strange one, come again and again', async () => {
    await start();
    const knocks = Array.from({ length: 200 }, (_, i) => ask(i % 2 === 0 ? null : stranger));
    expect(await Promise.all([ask(alice), ask(bob), ask(alice)])).toEqual([200, 200, 200]);
    expect(new Set(await Promise.all(knocks))).toEqual(new Set(['refused']));
  });

  it('ends a handshake that drips, byte for byte', async () => {
    await start();
    const slow = await halfOpen();
    // The head of a TLS record that announces 16 KiB.
    slow.write(Buffer.from([0x16, 3, 1, 0x40, 0]));
    const drip = setInterval(() => slow.write(Buffer.from([1])), 50);
    try {
      await expect.poll(() => slow.destroyed, { interval: 200 }).toBe(true);
    } finally {
      clearInterval(drip);
    }
    expect(await ask(alice)).toBe(200);
  });

  const byRename = async (from: string, to: string) => {
    await copyFile(from, `${to}.new`);
    await rename(`${to}.new`, to);
  };
  const inPlace = async (from: string, to: string) => writeFile(to, await readFile(from));

  it.each([
    ['by a rename', byRename],
    ['in place', inPlace],
  ])('shows a renewed certificate, and takes clients of a new authority: %s', async (_name, replace) => {
    await start();
    expect(await serialShown()).toBe(await serialOf(own));
    await replace(next.key, files.key ?? '');
    await replace(next.certificate, files.certificate ?? '');
    await expect.poll(serialShown).toBe(await serialOf(next));
    expect([await ask(alice), await ask(stranger)]).toEqual([200, 'refused']);
    await replace(others.certificate, files.clientCa ?? '');
    await expect.poll(() => ask(stranger)).toBe(200);
    expect(await ask(alice)).toBe('refused');
  });

  it.each<[string, () => Promise<void>]>([
    ['a certificate without its key', () => copyFile(next.certificate, files.certificate ?? '')],
    ['half a certificate', () => writeFile(files.certificate ?? '', '-----BEGIN CERTIFICATE-----\nMIIB')],
    ['an empty key', () => writeFile(files.key ?? '', '')],
    ['no key', () => rm(files.key ?? '')],
    ['an authority that is none', () => writeFile(files.clientCa ?? '', 'x')],
    ['no authority', () => rm(files.clientCa ?? '')],
    ['an empty list', () => writeFile(files.clientCrl, '')],
    ['half a CRL', () => writeFile(files.clientCrl, '-----BEGIN X509 CRL-----\nMIIB')],
    ['no list', () => rm(files.clientCrl)],
  ])('keeps what it had, and says so, where it finds %s', async (_name, spoil) => {
    await writeFile(files.clientCrl, await serialOf(bob));
    await start();
    await spoil();
    await expect.poll(said).toContain('the old ones stay');
    expect([await ask(alice), await ask(bob)]).toEqual([200, 'refused']);
    expect(await serialShown()).toBe(await serialOf(own));
    const secret = (await readFile(own.key, 'utf8')).split('\n')[1] ?? '?';
    expect(said()).not.toContain(secret);
  });

  it.each<[string, () => Promise<Buffer | string>]>([
    ['in a CRL', async () => clients.revoke([await serialOf(bob)])],
    [
      'in a CRL in DER',
      async () => {
        const pem = (await clients.revoke(['01', await serialOf(bob)])).toString();
        return Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
      },
    ],
    [
      'in the second of two CRLs',
      async () => Buffer.concat([await others.revoke(['05']), await clients.revoke([await serialOf(bob)])]),
    ],
    ['in a CRL that is out of date', async () => clients.revoke([await serialOf(bob)], '20200102000000Z')],
    ['in a list of serials', async () => `# lost\n0A\n${(await serialOf(bob)).toLowerCase()}  # bob\n`],
    ['as openssl prints it', async () => `serial=${await serialOf(bob)}\n`],
    ['with colons', async () => (await serialOf(bob)).replace(/..(?=.)/g, '$&:')],
  ])('refuses who is revoked %s, from now on', async (_name, list) => {
    await start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect([await ask(alice), await ask(bob, agent)]).toEqual([200, 200]);
    await writeFile(files.clientCrl, await list());
    await expect.poll(() => ask(bob, agent)).toBe('refused');
    expect([await ask(alice), await ask(bob)]).toEqual([200, 'refused']);
    agent.destroy();
  });

  it('says that a list is out of date, and honours no other authority’s', async () => {
    await writeFile(files.clientCrl, await others.revoke([await serialOf(bob)], '20200102000000Z'));
    await start();
    await expect.poll(said).toContain('out of date');
    expect(await ask(bob)).toBe(200);
  });

  it('cuts off who is connected when it is revoked', async () => {
    await start();
    const socket = tlsConnect({ host: '127.0.0.1', port, ...(await shown(bob)) });
    sockets.push(socket);
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    await writeFile(files.clientCrl, await serialOf(bob));
    await once(socket.resume(), 'close');
  });

  it.each<[string, Partial<TlsFiles>, string]>([
    ['a key of another', { key: 'stranger' }, 'is not the key of --tls-certificate'],
    ['no list where one is named', { clientCrl: '/nonexistent' }, '--client-crl /nonexistent cannot be read'],
    ['no certificate', { certificate: '/nonexistent' }, '--tls-certificate /nonexistent cannot be read'],
  ])('does not start with %s', async (_name, more, words) => {
    const given = more.key === undefined ? more : { key: stranger.key };
    await expect(start(given)).rejects.toThrow(words);
  });
});

it.each([
  '',
  'no serial',
  '-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----',
  '0x',
  'a:',
  Buffer.from([0x30, 0x82, 1, 0]),
])('no list of revoked certificates is %j', (content) => {
  expect(() => parseRevocations(Buffer.from(content))).toThrow();
});
