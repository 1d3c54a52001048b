// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { issueAuthority, issueLeaf } from '@local-datastore/shared/tls/issue-certificates';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadAuthority } from './authority.ts';

let state: string;
const inFolder = (name: string) => join(state, 'tls', name);
const modeOf = async (path: string) => (await stat(path)).mode & 0o777;
const validity = { notBefore: new Date(0), notAfter: new Date('2040-01-01') };

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'authority-'));
});
afterEach(() => rm(state, { recursive: true }));

describe('the authority', () => {
  it('is made at the first start, its key for its owner alone, and nothing is left beside it', async () => {
    const { certificate, file } = await loadAuthority(state);
    expect(file).toBe(inFolder('ca.pem'));
    expect(await readdir(state)).toEqual(['tls']);
    expect((await readdir(inFolder('.'))).sort()).toEqual(['ca-key.pem', 'ca.pem']);
    expect(await modeOf(inFolder('ca-key.pem'))).toBe(0o600);
    expect(await modeOf(inFolder('.'))).toBe(0o700);
    const parsed = new X509Certificate(certificate);
    expect(parsed.ca).toBe(true);
    expect(parsed.verify(parsed.publicKey)).toBe(true);
    expect(parsed.subject).toMatch(/^CN=datastore authority [0-9a-f]{8}$/);
    expect(parsed.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
  });

  it('is the same at the next start, untouched', async () => {
    const first = await loadAuthority(state);
    const { mtimeMs, ino } = await stat(first.file);
    expect(await loadAuthority(state)).toEqual(first);
    expect(await stat(first.file)).toMatchObject({ mtimeMs, ino });
  });

  it('is one, however many programs start at once', async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => loadAuthority(state)));
    expect(new Set(all.map(({ certificate }) => certificate)).size).toBe(1);
    expect(await readdir(state)).toEqual(['tls']);
  });

  it('takes its key back from others', async () => {
    await loadAuthority(state);
    await chmod(inFolder('ca-key.pem'), 0o644);
    await chmod(inFolder('.'), 0o755);
    await loadAuthority(state);
    expect([await modeOf(inFolder('ca-key.pem')), await modeOf(inFolder('.'))]).toEqual([0o600, 0o700]);
  });
});

describe('an authority that cannot be used stops the start, and stays as it is:', () => {
  beforeEach(async () => {
    await loadAuthority(state);
  });

  async function expectRefused(message: string, nowMs = Date.now()): Promise<void> {
    const before = await Promise.all((await readdir(inFolder('.'))).map((name) => readFile(inFolder(name))));
    const refusal = await loadAuthority(state, { now: () => nowMs }).catch((error) => error);
    expect(refusal).toBeInstanceOf(ConfigurationError);
    expect(refusal.message).toContain(message);
    expect(refusal.message).toContain(inFolder(''));
    const after = await Promise.all((await readdir(inFolder('.'))).map((name) => readFile(inFolder(name))));
    expect(after).toEqual(before);
  }

  it('the key is missing', async () => {
    await rm(inFolder('ca-key.pem'));
    await expectRefused('ca-key.pem is missing, though ca.pem is there');
  });

  it('the certificate is missing', async () => {
    await rm(inFolder('ca.pem'));
    await expectRefused('ca.pem is missing, though ca-key.pem is there');
  });

  it('both are missing, and something else is there', async () => {
    await rm(inFolder('ca.pem'));
    await rm(inFolder('ca-key.pem'));
    await writeFile(inFolder('other.pem'), '');
    await expectRefused('holds other files and no authority');
  });

  it.each([
    ['ca.pem', 'holds no certificate'],
    ['ca-key.pem', 'holds no private key'],
  ])('%s is cut off', async (name, message) => {
    await writeFile(inFolder(name), (await readFile(inFolder(name))).subarray(0, 60));
    await expectRefused(`${name} ${message}`);
  });

  it('a file is far too large', async () => {
    await writeFile(inFolder('ca.pem'), Buffer.alloc(70_000));
    await expectRefused('ca.pem cannot be used: it is larger than 64 KiB');
  });

  it('a file is a folder', async () => {
    await rm(inFolder('ca.pem'));
    await mkdir(inFolder('ca.pem/x'), { recursive: true });
    const refusal = loadAuthority(state);
    await expect(refusal).rejects.toBeInstanceOf(ConfigurationError);
    await expect(refusal).rejects.toThrow('ca.pem cannot be used');
  });

  it('the key is another’s', async () => {
    const other = await issueAuthority('other', validity);
    await writeFile(inFolder('ca-key.pem'), other.key);
    await expectRefused('is not the key of');
  });

  it('the certificate is a server’s', async () => {
    const leaf = await issueLeaf(await issueAuthority('other', validity), {
      ...validity,
      commonName: 'ds',
      alternativeNames: ['ds.local'],
    });
    await writeFile(inFolder('ca.pem'), leaf.certificate);
    await writeFile(inFolder('ca-key.pem'), leaf.key);
    await expectRefused('is not the certificate of an authority');
  });

  it('it expired', async () => {
    await expectRefused('expired on', Date.UTC(2090, 0, 1));
  });

  it('the state directory cannot be written', async () => {
    await rm(inFolder('.'), { recursive: true });
    await copyFile('/dev/null', inFolder('').replace(/\/$/, ''));
    await expect(loadAuthority(state)).rejects.toThrow(ConfigurationError);
  });
});
