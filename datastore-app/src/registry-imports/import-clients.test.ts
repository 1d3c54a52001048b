// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addressOf, createImportClients } from './import-clients.ts';
import { type ImportJobRecord, newImportJob } from './import-job.ts';

const known = {
  url: new URL('http://registry.example:5000/'),
  ca: 'PEM',
  credential: { user: 'u', password: 'p' },
};
const job = (source: string, changes: Partial<ImportJobRecord> = {}): ImportJobRecord => ({
  ...newImportJob(
    { source, repository: 'app', tag: '1', tags: [], platforms: [], isInsecure: false, notes: [] },
    { id: '0'.repeat(16), created: '2026-01-01T00:00:00.000Z', by: 'admin', isAdmin: true },
  ),
  ...changes,
});

describe('the registry of a job', () => {
  it('is spoken to as it is configured, with its credential for an administrator alone', () => {
    const source = 'docker://registry.example:5000/app:1';
    expect(addressOf(job(source), [known])).toEqual({ ...known, isUntrusted: false });
    expect(addressOf(job(source, { isAdmin: false }), [known])).toEqual({
      ...{ url: known.url, ca: 'PEM', credential: undefined, isUntrusted: true },
    });
  });

  it('is asked over TLS, or over http where that is said', () => {
    const source = 'docker://other.example/app:1';
    expect(addressOf(job(source), [known])).toMatchObject({ url: new URL('https://other.example/') });
    expect(addressOf(job(source, { isInsecure: true }), [known])).toMatchObject({
      url: new URL('http://other.example/'),
      credential: undefined,
    });
  });
});

describe('the password', () => {
  let state: string;
  beforeEach(async () => {
    state = await mkdtemp(join(tmpdir(), 'import-clients-'));
  });
  afterEach(() => rm(state, { recursive: true }));

  it('is read from its folder of the state directory when it is needed', async () => {
    const shown: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      shown.push(request.headers.authorization);
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const create = createImportClients(
      { findLocalHost: async () => undefined, upstreams: () => [] },
      { stateDirectory: state },
    );
    const wanted = job(`docker://127.0.0.1:${port}/app:1`, {
      isInsecure: true,
      credential: { user: 'u', passwordFile: 'hub.password' },
    });
    await expect(create(wanted)).rejects.toThrow('credentials/hub.password of the state directory');
    await mkdir(join(state, 'credentials'));
    await writeFile(join(state, 'credentials', 'hub.password'), 'secret\n');
    const client = await create(wanted);
    await expect(client.resolveTag('app', '1', new AbortController().signal)).rejects.toThrow('(401)');
    expect(shown).toEqual([undefined, `Basic ${Buffer.from('u:secret').toString('base64')}`]);
    await client.close();
    server.close();
    server.closeAllConnections();
  });
});
