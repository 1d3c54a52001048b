// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@local-datastore/shared/log';
import type { TlsIdentity } from '@local-datastore/shared/tls/tls-identity';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Authority, loadAuthority } from './authority.ts';
import { createAuthoritySource } from './authority-source.ts';
import type { CertificateSource } from './certificate-source.ts';

/** The limit is for a busy machine. */
const waitFor = (check: () => void) => vi.waitFor(check, 60_000);

const NOW_MS = Date.UTC(2026, 10, 1);
let state: string;
let authority: Authority;
let stop: AbortController;
let nowMs: number;
let addresses: readonly string[];
let looks: number;

const create = (log = silentLog): Promise<CertificateSource> =>
  createAuthoritySource(
    {
      log,
      listAddresses() {
        looks += 1;
        return addresses;
      },
      now: () => nowMs,
      watchIntervalMs: 1,
    },
    { authority, hostLabel: 'Edge-DS' },
  );
/** The source has looked twice more, so that the first of these looks is over. */
async function looked(): Promise<void> {
  const seen = looks;
  await waitFor(() => expect(looks).toBeGreaterThan(seen + 2));
}

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'authority-source-'));
  authority = await loadAuthority(state, { now: () => NOW_MS });
  stop = new AbortController();
  nowMs = NOW_MS;
  addresses = ['10.1.0.5', '127.0.0.1'];
  looks = 0;
});
afterEach(async () => {
  stop.abort();
  await rm(state, { recursive: true });
});

it('has a certificate for the host name and the present addresses', async () => {
  const source = await create();
  expect(source.status()).toEqual({
    kind: 'authority',
    subject: 'CN=Edge-DS',
    notAfter: '2027-11-02T00:00:00.000Z',
    names: ['edge-ds.local', 'edge-ds', 'localhost'],
    addresses: ['10.1.0.5', '127.0.0.1'],
    fingerprint256: new X509Certificate(source.identity().certificate).fingerprint256,
  });
  expect(source.authorityPem).toBe(authority.certificate);
  expect(source.reasonsNotReady()).toEqual([]);
});

it('has another one when an address comes, and writes nothing', async () => {
  const source = await create();
  const { mtimeMs } = await stat(join(state, 'tls'));
  const changes: TlsIdentity[] = [];
  source.follow((identity) => changes.push(identity), stop.signal);
  await looked();
  expect(changes).toEqual([]);
  addresses = ['10.1.0.5', '10.1.0.99', '127.0.0.1'];
  await waitFor(() => expect(changes).toHaveLength(1));
  expect(changes[0]).toBe(source.identity());
  expect(source.status().addresses).toEqual(addresses);
  await looked();
  expect(changes).toHaveLength(1);
  expect(await readdir(state)).toEqual(['tls']);
  expect((await stat(join(state, 'tls'))).mtimeMs).toBe(mtimeMs);
});

it('has another one half a year before the present one expires', async () => {
  const source = await create();
  const onChange = vi.fn();
  source.follow(onChange, stop.signal);
  nowMs = Date.UTC(2027, 4, 2);
  await looked();
  expect(onChange).not.toHaveBeenCalled();
  nowMs = Date.UTC(2027, 4, 3);
  await waitFor(() => expect(onChange).toHaveBeenCalledOnce());
  expect(source.status().notAfter).toBe('2028-05-03T00:00:00.000Z');
});

it('says when its authority has expired, and makes nothing in vain', async () => {
  const source = await create();
  nowMs = Date.UTC(2046, 3, 1);
  const onChange = vi.fn();
  source.follow(onChange, stop.signal);
  await waitFor(() => expect(source.status().notAfter).toBe(authority.notAfter.toISOString()));
  nowMs = Date.UTC(2047, 0, 1);
  await looked();
  expect(onChange).toHaveBeenCalledOnce();
  expect(source.reasonsNotReady()).toEqual([expect.stringContaining(authority.file)]);
});

it('tries again when a certificate could not be taken', async () => {
  const error = vi.fn();
  const source = await create({ ...silentLog, error });
  let isBroken = true;
  const onChange = vi.fn(() => {
    if (isBroken) throw new Error('no memory');
  });
  source.follow(onChange, stop.signal);
  addresses = ['10.1.0.6'];
  await waitFor(() => expect(error).toHaveBeenCalled());
  isBroken = false;
  await waitFor(() => expect(source.status().addresses).toEqual(['10.1.0.6']));
});

it('ends with the signal', async () => {
  const source = await create();
  source.follow(() => {}, stop.signal);
  await looked();
  stop.abort();
  const seen = looks;
  addresses = ['10.1.0.7'];
  await new Promise((resolve) => setImmediate(resolve));
  expect(looks).toBe(seen);
  expect(source.status().addresses).not.toContain('10.1.0.7');
});
