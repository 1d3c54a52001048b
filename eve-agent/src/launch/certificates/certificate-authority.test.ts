// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeWith } from '../../../../test/requirements.ts';
import { parseRevocations } from '../../api/revocations.ts';
import {
  makeAuthority,
  makeBrowserFile,
  makeClientCertificate,
  makeServerCertificate,
  parseCertificateHost,
  parseClientName,
  revokeCertificates,
} from './certificate-authority.ts';

const NOW_MS = Date.now();
let folder: string;
const at = (name: string) => join(folder, name);
const authority = (isForced = false, nowMs = NOW_MS) =>
  makeAuthority(folder, { commonName: undefined, isForced, nowMs });
const options = (more: { isForced?: boolean; nowMs?: number; days?: number; out?: string } = {}) => ({
  ...{ authority: folder, out: folder, days: 30, isForced: false, nowMs: NOW_MS, ...more },
});
const openssl = (...args: readonly string[]) => spawnSync('openssl', args, { encoding: 'utf8' });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cert-'));
});
afterEach(() => rm(folder, { recursive: true }));

describeWith(['openssl'], 'an authority, as openssl sees it', () => {
  const verify = (purpose: string, name: string, ...more: readonly string[]) =>
    openssl('verify', '-x509_strict', '-CAfile', at('ca.crt'), '-purpose', purpose, ...more, at(name));

  it('issues servers and clients, each good for its own purpose alone', async () => {
    await authority();
    await makeServerCertificate(['10.1.0.1', 'device.example', 'fe80::1'], options());
    await makeClientCertificate('ci', options());
    expect(verify('sslserver', 'server.crt', '-verify_ip', '10.1.0.1').stdout).toContain('OK');
    expect(verify('sslserver', 'server.crt', '-verify_hostname', 'device.example').stdout).toContain('OK');
    expect(verify('sslserver', 'server.crt', '-verify_ip', '10.1.0.2').status).not.toBe(0);
    expect(verify('sslclient', 'ci.crt').stdout).toContain('OK');
    expect(verify('sslclient', 'server.crt').stderr).toMatch(/unsuitable|unsupported/);
    expect(verify('sslserver', 'ci.crt').stderr).toMatch(/unsuitable|unsupported/);
    // What it issued can issue nothing.
    expect(openssl('x509', '-in', at('ci.crt'), '-noout', '-text').stdout).toContain('CA:FALSE');
  });

  it('makes a file for browsers of it, which a password opens, and nobody else reads', async () => {
    await authority();
    const made = await makeClientCertificate('ci', options());
    const { file, password } = await makeBrowserFile(made);
    expect([file, (await stat(file)).mode & 0o777]).toEqual([at('ci.p12'), 0o600]);
    const read = (...more: readonly string[]) =>
      openssl('pkcs12', '-in', file, '-passin', `pass:${password}`, ...more);
    expect(read('-noenc').stdout).toContain((await readFile(made.key, 'utf8')).trim());
    expect(read('-nokeys').stdout).toContain((await readFile(made.certificate, 'utf8')).trim());
    expect(openssl('pkcs12', '-in', file, '-passin', 'pass:other', '-noenc').status).not.toBe(0);
    // Of a new key in its place it is made anew.
    const again = await makeBrowserFile(await makeClientCertificate('ci', options({ isForced: true })));
    expect([again.file, again.password === password]).toEqual([file, false]);
  });

  it('takes back all that a name was given', async () => {
    await authority();
    await makeClientCertificate('ci', options());
    const first = await readFile(at('ci.crt'));
    await makeClientCertificate('ci', options({ isForced: true }));
    await makeClientCertificate('other', options());
    await writeFile(at('first.crt'), first);
    const check = (name: string) => verify('sslclient', name, '-crl_check', '-CRLfile', at('ca.crl'));
    expect(check('ci.crt').stdout).toContain('OK');
    await unlink(at('ci.key'));
    const done = await revokeCertificates(folder, ['ci'], NOW_MS);
    expect([done.revoked.length, done.count]).toEqual([2, 2]);
    for (const name of ['ci.crt', 'first.crt']) expect(check(name).stderr).toContain('revoked');
    expect(check('other.crt').stdout).toContain('OK');
    expect(openssl('crl', '-in', at('ca.crl'), '-CAfile', at('ca.crt'), '-noout').stderr).toContain(
      'verify OK',
    );
    expect(openssl('crl', '-in', at('ca.crl'), '-noout', '-crlnumber').stdout).toMatch(/0?2\n/);
  });
});

describe('revocation', () => {
  it('by a file or a serial, and for good', async () => {
    await authority();
    const [a, b, c] = await Promise.all(
      ['a', 'b', 'c'].map((name) => makeClientCertificate(name, options())),
    );
    await revokeCertificates(folder, [a?.certificate ?? ''], NOW_MS);
    const serial = (b?.serial ?? '').toUpperCase().replace(/..(?=.)/g, '$&:');
    await revokeCertificates(folder, [serial, serial], NOW_MS);
    expect(await revokeCertificates(folder, ['a'], NOW_MS)).toMatchObject({ revoked: [], count: 2 });
    // As the agent reads it.
    const read = parseRevocations(await readFile(at('ca.crl')));
    const isRevoked = async (file = '') => read.isRevoked(new X509Certificate(await readFile(file)));
    expect(await isRevoked(a?.certificate)).toBe(true);
    expect(await isRevoked(b?.certificate)).toBe(true);
    expect(await isRevoked(c?.certificate)).toBe(false);
    expect(read.nextUpdateMs).toBeGreaterThan(NOW_MS);
  });

  it('of what nobody knows changes nothing', async () => {
    await authority();
    await makeClientCertificate('ci', options());
    const before = await readFile(at('ca.crl'));
    await expect(revokeCertificates(folder, ['ci', 'nobody'], NOW_MS)).rejects.toThrow(/issued were ci/);
    expect(await readFile(at('ca.crl'))).toEqual(before);
  });

  it('does not begin anew where the list is lost', async () => {
    await authority();
    await makeClientCertificate('ci', options());
    await unlink(at('ca.crl'));
    await expect(revokeCertificates(folder, ['ci'], NOW_MS)).rejects.toThrow(/ca\.crl is missing/);
    await writeFile(at('ca.crl'), 'nothing');
    await expect(revokeCertificates(folder, ['ci'], NOW_MS)).rejects.toThrow(/no list/);
  });
});

describe('files', () => {
  it('of keys are for their owner alone, and nothing else is there', async () => {
    const made = await authority();
    expect(made).toMatchObject({ certificate: at('ca.crt'), key: at('ca.key'), revocations: at('ca.crl') });
    await makeServerCertificate(['localhost'], options());
    expect((await readdir(folder)).sort()).toEqual(
      ['ca.crl', 'ca.crt', 'ca.key', 'issued.jsonl', 'server.crt', 'server.key'].sort(),
    );
    for (const name of ['ca.key', 'server.key']) expect((await stat(at(name))).mode & 0o777).toBe(0o600);
  });

  it('that are there stay, unless it is said', async () => {
    await authority();
    await makeClientCertificate('ci', options());
    const all = () =>
      Promise.all(['ca.key', 'ca.crt', 'ca.crl', 'ci.key', 'ci.crt'].map((name) => readFile(at(name))));
    const before = await all();
    await expect(authority()).rejects.toThrow(/is there already: nothing was changed; --force/);
    await expect(makeClientCertificate('ci', options())).rejects.toThrow(/ci\.key is there already/);
    await unlink(at('ci.key'));
    await expect(makeClientCertificate('ci', options())).rejects.toThrow(/ci\.crt is there already/);
    await writeFile(at('ci.key'), before[3] ?? '');
    expect(await all()).toEqual(before);
    await authority(true);
    await makeClientCertificate('ci', options({ isForced: true }));
    const after = await all();
    for (const [index, content] of after.entries()) expect(content).not.toEqual(before[index]);
    expect((await stat(at('ci.key'))).mode & 0o777).toBe(0o600);
  });

  it('are made one after another, whoever makes them', async () => {
    await authority();
    const names = Array.from({ length: 6 }, (_, number) => `client-${number}`);
    const made = await Promise.allSettled(
      [...names, ...names].map((name) => makeClientCertificate(name, options())),
    );
    // Of two that make the same one, whichever comes second is refused.
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(6);
    const { revoked } = await revokeCertificates(folder, names, NOW_MS);
    expect(revoked).toHaveLength(6);
  });
});

describe('what cannot be is said', () => {
  it.each([
    ['no authority is there', async () => {}, /holds no authority: make one with "eve-agent cert authority/],
    [
      'the key is another one’s',
      async () => {
        await authority();
        const key = await readFile(at('ca.key'));
        await authority(true);
        await writeFile(at('ca.key'), key);
      },
      /is not the key of/,
    ],
    ['its certificate is a client’s', makeClientTheAuthority, /not the certificate of an authority/],
    [
      'it has expired',
      () => authority(false, Date.UTC(1980, 0, 1)).then(() => {}),
      /expired on/,
      Date.UTC(2090, 0, 1),
    ],
  ])('%s', async (_title, prepare, why, nowMs = NOW_MS) => {
    await prepare();
    const made = makeClientCertificate('ci', options({ nowMs, out: at('out') }));
    await expect(made).rejects.toBeInstanceOf(ConfigurationError);
    await expect(makeClientCertificate('ci', options({ nowMs, out: at('out') }))).rejects.toThrow(why);
  });

  async function makeClientTheAuthority() {
    await authority();
    await makeClientCertificate('ci', options());
    await writeFile(at('ca.crt'), await readFile(at('ci.crt')));
    await writeFile(at('ca.key'), await readFile(at('ci.key')));
  }

  it.each(['', 'a b', '-a.example', 'a..b', 'x'.repeat(64), '10.1.0.300.', 'https://a'])(
    '"%s" is no host',
    (text) => {
      expect(() => parseCertificateHost(text)).toThrow(ConfigurationError);
    },
  );
  it.each(['ds', 'device.example', '*.example', '10.1.0.1', 'fe80::1', '1.2.3.example'])(
    '%s is one',
    (text) => {
      expect(parseCertificateHost(text)).toBe(text);
    },
  );
  it.each(['', 'ca', 'Server', '../ci', 'a/b', '.ci', 'x'.repeat(64), 'a b'])('"%s" is no client', (text) => {
    expect(() => parseClientName(text)).toThrow(ConfigurationError);
  });
});

it('a certificate is good for as long as is said, and no longer than its authority', async () => {
  await authority();
  const short = await makeClientCertificate('short', options({ days: 2 }));
  const long = await makeClientCertificate('long', options({ days: 20_000 }));
  const days = ({ notAfter }: { notAfter: string }) => (Date.parse(notAfter) - NOW_MS) / 86_400_000;
  expect(Math.round(days(short))).toBe(2);
  const { validToDate } = new X509Certificate(await readFile(at('ca.crt')));
  expect(long.notAfter).toBe(validToDate.toISOString());
});
