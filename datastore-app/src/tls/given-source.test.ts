// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey } from 'node:crypto';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { silentLog } from '@local-datastore/shared/log';
import { issueAuthority, issueLeaf } from '@local-datastore/shared/tls/issue-certificates';
import type { TlsIdentity } from '@local-datastore/shared/tls/tls-identity';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { readGivenIdentity } from './given-identity.ts';
import { createGivenSource } from './given-source.ts';

/** The limit is for a busy machine. */
const waitFor = (check: () => void) => vi.waitFor(check, 60_000);

const NOW_MS = Date.UTC(2026, 10, 1);
const validity = { notBefore: new Date('2026-01-01'), notAfter: new Date('2027-01-01') };

let authority: TlsIdentity;
let first: TlsIdentity;
let second: TlsIdentity;
let folder: string;
let files: { certificateFile: string; keyFile: string };
let stop: AbortController;
const warn = vi.fn();
const error = vi.fn();
let nowMs: number;
let addresses: readonly string[];
let looks: number;

async function store({ certificate, key }: TlsIdentity): Promise<void> {
  await writeFile(files.certificateFile, certificate);
  await writeFile(files.keyFile, key);
}
const create = () =>
  createGivenSource(
    {
      log: { ...silentLog, warn, error },
      listAdvertisedAddresses() {
        looks += 1;
        return addresses;
      },
      now: () => nowMs,
      watchIntervalMs: 1,
    },
    { ...files, hostLabel: 'Edge-DS' },
  );
async function looked(): Promise<void> {
  const seen = looks;
  await waitFor(() => expect(looks).toBeGreaterThan(seen + 2));
}
const warnings = () => warn.mock.calls.map(([, message]) => message as string);

beforeAll(async () => {
  authority = await issueAuthority('Edge CA', validity);
  const leaf = { ...validity, commonName: 'ds', alternativeNames: ['edge-ds.local', '10.1.0.5'] };
  first = await issueLeaf(authority, leaf);
  second = await issueLeaf(authority, { ...leaf, alternativeNames: ['edge-ds.local', '10.1.0.6'] });
  folder = await mkdtemp(join(tmpdir(), 'given-'));
  files = { certificateFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') };
});
afterAll(() => rm(folder, { recursive: true }));

beforeEach(async () => {
  await rm(files.certificateFile, { force: true });
  await rm(files.keyFile, { force: true });
  await store(first);
  stop = new AbortController();
  nowMs = NOW_MS;
  addresses = ['10.1.0.5'];
  looks = 0;
  vi.clearAllMocks();
});
afterEach(() => stop.abort());

describe('a given certificate', () => {
  it('is presented as it is, with its chain', async () => {
    const chain = first.certificate + authority.certificate;
    await writeFile(files.certificateFile, `Some words first.\n${chain}`);
    const source = await create();
    expect(source.identity()).toMatchObject({ certificate: `Some words first.\n${chain}`, key: first.key });
    expect(source.status()).toMatchObject({
      kind: 'given',
      subject: 'CN=ds',
      notAfter: '2027-01-01T00:00:00.000Z',
      names: ['edge-ds.local'],
      addresses: ['10.1.0.5'],
    });
    expect(source.authorityPem).toBeUndefined();
    expect(source.reasonsNotReady()).toEqual([]);
    expect(warnings()).toEqual([]);
  });

  it('that lacks an address is used, with one warning, and another when addresses change', async () => {
    addresses = ['10.1.0.5', '10.1.0.9'];
    const source = await create();
    source.follow(() => {}, stop.signal);
    await looked();
    expect(warnings()).toEqual([expect.stringContaining('lacks 10.1.0.9: EVE dials the address')]);
    addresses = ['10.1.0.8'];
    await looked();
    expect(warnings()).toEqual([expect.anything(), expect.stringContaining('lacks 10.1.0.8:')]);
  });

  it('that lacks the host name is used, with a warning', async () => {
    const other = { ...validity, commonName: 'x', alternativeNames: ['x.local', '10.1.0.5'] };
    await store(await issueLeaf(authority, other));
    await create();
    expect(warnings()).toEqual([expect.stringContaining('lacks edge-ds.local')]);
  });

  it('that expired is used, with a warning, and the datastore is not ready', async () => {
    nowMs = Date.UTC(2027, 1, 1);
    const source = await create();
    expect(warnings()).toEqual([expect.stringContaining('expired on 2027-01-01')]);
    expect(source.reasonsNotReady()).toEqual([expect.stringContaining('expired on 2027-01-01')]);
  });
});

describe('a certificate that changes', () => {
  it.each([
    ['in place', () => store(second)],
    [
      'by a symbolic link, as a mounted secret does',
      async () => {
        await writeFile(join(folder, 'new.pem'), second.certificate);
        await writeFile(join(folder, 'new.key'), second.key);
        await symlink('new.key', join(folder, 'link.key'));
        await symlink('new.pem', join(folder, 'link.pem'));
        await rename(join(folder, 'link.pem'), files.certificateFile);
        await rename(join(folder, 'link.key'), files.keyFile);
      },
    ],
  ])('%s is presented from then on', async (_title, change) => {
    const source = await create();
    const onChange = vi.fn();
    source.follow(onChange, stop.signal);
    await looked();
    expect(onChange).not.toHaveBeenCalled();
    await change();
    await waitFor(() => expect(source.identity().key).toBe(second.key));
    expect(onChange).toHaveBeenCalledOnce();
    expect(onChange).toHaveBeenCalledWith(source.identity());
    expect(source.status().addresses).toEqual(['10.1.0.6']);
  });

  it('to what cannot be used is not taken, and said once; what follows is', async () => {
    const source = await create();
    const onChange = vi.fn();
    source.follow(onChange, stop.signal);
    // At once: a half-written file is another one that cannot be used.
    await writeFile(join(folder, 'whole.pem'), second.certificate);
    await rename(join(folder, 'whole.pem'), files.certificateFile);
    await waitFor(() => expect(error).toHaveBeenCalled());
    await looked();
    expect(error).toHaveBeenCalledOnce();
    expect(error.mock.calls[0]?.[0].reason).toContain('is not the key of the certificate');
    expect([onChange.mock.calls, source.identity().key]).toEqual([[], first.key]);
    await rm(files.keyFile);
    await waitFor(() => expect(error.mock.lastCall?.[0].reason).toContain('ENOENT'));
    await writeFile(files.keyFile, second.key);
    await waitFor(() => expect(source.identity().key).toBe(second.key));
  });
});

describe('refused are', () => {
  it.each([
    ['no file', () => rm(files.certificateFile), '--tls-certificate', 'ENOENT'],
    ['no key', () => rm(files.keyFile), '--tls-key', 'ENOENT'],
    ['no PEM', () => writeFile(files.certificateFile, 'x'), '--tls-certificate', 'no PEM certificate'],
    [
      'a broken certificate',
      () => writeFile(files.certificateFile, first.certificate.replace('MII', 'MIX')),
      '--tls-certificate',
      'no valid certificate',
    ],
    ['no PEM key', () => writeFile(files.keyFile, first.certificate), '--tls-key', 'no PEM private key'],
    [
      'an encrypted key',
      () => {
        const cipher = { cipher: 'aes-256-cbc', passphrase: 'x', type: 'pkcs8', format: 'pem' } as const;
        return writeFile(files.keyFile, createPrivateKey(first.key).export(cipher));
      },
      '--tls-key',
      'encrypted',
    ],
    ['another key', () => writeFile(files.keyFile, second.key), '--tls-key', 'is not the key'],
    [
      'a chain in the wrong order',
      () => writeFile(files.certificateFile, authority.certificate + first.certificate),
      '--tls-certificate',
      'must come first',
    ],
    ['far too much', () => writeFile(files.keyFile, Buffer.alloc(2 ** 20 + 1)), '--tls-key', '1 MiB'],
  ])('%s', async (_title, spoil, option, message) => {
    await spoil();
    const refusal = await readGivenIdentity(files).catch((reason) => reason);
    expect(refusal).toBeInstanceOf(ConfigurationError);
    expect(refusal.message).toContain(option);
    expect(refusal.message).toContain(message);
    expect(refusal.message).not.toContain('PRIVATE KEY-----');
  });
});
