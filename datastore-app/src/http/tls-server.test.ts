// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect, type TLSSocket } from 'node:tls';
import { silentLog } from '@local-datastore/shared/log';
import { issueAuthority, issueLeaf } from '@local-datastore/shared/tls/issue-certificates';
import type { TlsIdentity } from '@local-datastore/shared/tls/tls-identity';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { clientFingerprint } from './client-certificate.ts';
import { createTlsServer, type TlsServer } from './tls-server.ts';

/** The limit is for a busy machine. */
const waitFor = (check: () => void) => vi.waitFor(check, 60_000);

const ADDRESS = '127.0.0.1';
const validity = { notBefore: new Date(0), notAfter: new Date('2040-01-01') };
const warn = vi.fn();
let authority: TlsIdentity;
let secured: TlsServer;
let port: number;
/** The end of the answer that has begun. */
let finishAnswer: () => void;

const issue = (commonName: string) =>
  issueLeaf(authority, { ...validity, commonName, alternativeNames: [ADDRESS] });

async function handshake(options: object = {}): Promise<TLSSocket> {
  const socket = connect({ host: ADDRESS, port, ca: authority.certificate, ...options });
  await once(socket, 'secureConnect');
  return socket;
}
async function presentedName(): Promise<string | undefined> {
  const socket = await handshake();
  const name = socket.getPeerCertificate().subject.CN;
  socket.destroy();
  return name as string | undefined;
}

beforeAll(async () => {
  authority = await issueAuthority('authority', validity);
  secured = createTlsServer(
    { log: { ...silentLog, warn } },
    {},
    await issue('first'),
    (_request, response) => {
      response.write('begun, ');
      finishAnswer = () => response.end('ended');
    },
  );
  secured.server.listen(0, ADDRESS);
  await once(secured.server, 'listening');
  port = (secured.server.address() as AddressInfo).port;
});
afterAll(() => secured.server.close());
beforeEach(() => warn.mockClear());

it('presents another certificate to new connections, and finishes what has begun', async () => {
  const asking = request({ host: ADDRESS, port, ca: authority.certificate, agent: false }).end();
  const [answer] = await once(asking, 'response');
  const body = text(answer);
  await waitFor(() => expect(finishAnswer).toBeDefined());
  expect(await presentedName()).toBe('first');
  secured.replaceIdentity(await issue('second'));
  expect(await presentedName()).toBe('second');
  finishAnswer();
  expect(await body).toBe('begun, ended');
});

it('shows the new certificate also to who resumes', async () => {
  const socket = await handshake({ maxVersion: 'TLSv1.2' });
  const session = socket.getSession();
  socket.destroy();
  secured.replaceIdentity(await issue('third'));
  const again = await handshake({ maxVersion: 'TLSv1.2', session });
  expect(again.isSessionReused()).toBe(false);
  expect(again.getPeerCertificate().subject.CN).toBe('third');
  again.destroy();
});

it.each([
  ['TLSv1.3', ['h2', 'http/1.1'], 'http/1.1'],
  ['TLSv1.2', ['http/1.1'], 'http/1.1'],
  ['TLSv1.2', undefined, false],
] as const)('speaks %s and of %j: %s', async (version, ALPNProtocols, chosen) => {
  const socket = await handshake({ minVersion: version, maxVersion: version, ALPNProtocols });
  expect([socket.getProtocol(), socket.alpnProtocol]).toEqual([version, chosen]);
  socket.destroy();
});

it.each([
  ['HTTP/2 alone', { ALPNProtocols: ['h2'] }],
  ['TLS 1.1', { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }],
])('refuses %s, and does not complain', async (_title, options) => {
  await expect(handshake(options)).rejects.toThrow(/alert/i);
  expect(warn).not.toHaveBeenCalled();
});

it.each(['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE'])(
  'tells once for each certificate of a client that refuses it: %s',
  async (code) => {
    const refuse = (client: string) =>
      secured.server.emit('tlsClientError', Object.assign(new Error('alert'), { code }), {
        remoteAddress: `::ffff:${client}`,
        destroy() {},
      });
    for (const client of ['10.1.0.1', '10.1.0.1', '10.1.0.2']) refuse(client);
    expect(warn.mock.calls.map(([fields]) => fields.client)).toEqual(['10.1.0.1', '10.1.0.2']);
    expect(warn.mock.calls[0]?.[1]).toContain('dsCertPEM');
    secured.replaceIdentity(await issue('next'));
    refuse('10.1.0.1');
    expect(warn).toHaveBeenCalledTimes(3);
    secured.replaceIdentity(await issue('next'));
  },
);

it('refuses a certificate that does not fit its key', async () => {
  const [one, other] = await Promise.all([issue('a'), issue('b')]);
  const create = () => createTlsServer({ log: silentLog }, {}, { ...one, key: other.key }, () => {});
  expect(create).toThrow('the TLS certificate and key cannot be used');
});

it('asks for a certificate only while it shall, and takes any whose key the client has', async () => {
  const client = await issue('client');
  const shown = async () => {
    const socket = await handshake({ cert: client.certificate, key: client.key });
    const fingerprint =
      secured.server.listenerCount('secureConnection') > 0 ? await fingerprintOfNext : undefined;
    socket.destroy();
    return fingerprint;
  };
  let tell: (fingerprint: string | undefined) => void = () => {};
  let fingerprintOfNext: Promise<string | undefined> = Promise.resolve(undefined);
  const look = (socket: TLSSocket) => tell(clientFingerprint(socket));
  secured.server.on('secureConnection', look);
  const next = () => {
    fingerprintOfNext = new Promise((resolve) => {
      tell = resolve;
    });
    return shown();
  };
  expect(await next()).toBeUndefined();
  secured.askForCertificates(true);
  const expected = new X509Certificate(client.certificate).fingerprint256.replaceAll(':', '').toLowerCase();
  expect(await next()).toBe(expected);
  const without = await handshake();
  without.destroy();
  secured.askForCertificates(false);
  expect(await next()).toBeUndefined();
  secured.server.off('secureConnection', look);
});
