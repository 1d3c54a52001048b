// SPDX-License-Identifier: Apache-2.0
/** Uploads by PUT and POST, and what there is room for. */
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ADDRESS,
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  problemOf,
  UPLOADS,
  WRITE_TOKEN,
} from '../lab/loopback-datastore.ts';
import { describeWith } from '../requirements.ts';

const MIB = 1024 * 1024;
const CONTENT = randomBytes(3 * MIB + 5);
const sha256Of = (content: Buffer, encoding: 'hex' | 'base64' = 'hex') =>
  createHash('sha256').update(content).digest(encoding);

let folders: DatastoreFolder;
let datastore: LoopbackDatastore;

const images = async () => (await readdir(folders.root)).filter((name) => !name.startsWith('.'));

function createUpload(path: string, sizeBytes: number) {
  const headers = {
    'Tus-Resumable': '1.0.0',
    'Upload-Length': String(sizeBytes),
    'Upload-Metadata': `path ${Buffer.from(path).toString('base64')}`,
  };
  return datastore.request('POST', UPLOADS, { headers });
}

function patch(upload: string, offset: number, body: Buffer) {
  const headers = {
    'Tus-Resumable': '1.0.0',
    'Content-Type': 'application/offset+octet-stream',
    'Upload-Offset': String(offset),
  };
  return datastore.request('PATCH', upload, { headers, body });
}

describe('an image in one request', () => {
  beforeEach(async () => {
    folders = await createDatastoreFolder();
    datastore = await folders.start();
  });
  afterEach(() => folders.remove());

  it('is new with 201, replaced with 200, and checked against what is promised of it', async () => {
    const put = (headers: Record<string, string> = {}) =>
      datastore.request('PUT', '/a/disk%20one.img', { headers, body: CONTENT });
    const first = await put({ 'Repr-Digest': `sha-256=:${sha256Of(CONTENT, 'base64')}:` });
    expect(first.status).toBe(201);
    expect(JSON.parse(first.body.toString())).toEqual({
      path: 'a/disk one.img',
      sizeBytes: CONTENT.length,
      sha256: sha256Of(CONTENT),
    });
    expect(first.headers).toMatchObject({
      location: '/a/disk%20one.img',
      etag: `"sha256:${sha256Of(CONTENT)}"`,
    });
    expect((await put({ 'X-Checksum-Sha256': sha256Of(CONTENT) })).status).toBe(200);
    expect((await put({ 'If-None-Match': '*' })).status).toBe(412);
    expect((await put({ 'If-Match': '"sha256:0"' })).status).toBe(412);
    expect((await put({ 'If-Match': first.headers.etag ?? '' })).status).toBe(200);
    const wrong = await put({ 'X-Checksum-Sha256': 'ab'.repeat(32) });
    expect([wrong.status, problemOf(wrong)]).toEqual([400, 'DIGEST_MISMATCH']);
    expect((await put({ 'X-Checksum-Sha256': 'ab' })).status).toBe(400);
    expect((await put({ 'Content-Encoding': 'gzip' })).status).toBe(415);
    expect((await put({ 'Content-Range': 'bytes 0-1/2' })).status).toBe(400);
    expect((await datastore.request('GET', '/a/disk%20one.img')).body.equals(CONTENT)).toBe(true);
    expect((await datastore.request('DELETE', '/a/disk%20one.img')).status).toBe(204);
    expect((await datastore.request('DELETE', '/a/disk%20one.img')).status).toBe(404);
    expect(await images()).toEqual([]);
    expect(await folders.incoming()).toEqual([]);
  });

  it.each(['POST', 'PUT'])("comes by %s as EVE's collect-info sends it", async (method) => {
    const headers = { Authorization: `edge-node ${WRITE_TOKEN}`, 'User-Agent': 'curl/8.5.0' };
    const name = 'eve-info-v37-2026-02-03-04-05-06.tar.gz';
    const answer = await datastore.request(method, `/info/${name}`, { headers, body: CONTENT });
    expect(answer.status).toBe(201);
    expect((await datastore.request('GET', `/info/${name}`)).body.equals(CONTENT)).toBe(true);
    const wrong = { headers: { Authorization: 'edge-node wrong-password' }, body: CONTENT };
    expect((await datastore.request(method, `/info/${name}`, wrong)).status).toBe(401);
  });

  it('has a name that an image may have', async () => {
    const names = [
      '.hidden',
      'a/.b',
      '%2e%2e/x',
      'a%5cb',
      'a%0ab',
      'lost+found/a',
      'a%2fb',
      `${'x'.repeat(256)}`,
    ];
    for (const name of names) {
      const answer = await datastore.request('PUT', `/${name}`, { body: 'x' });
      expect([name, answer.status]).toEqual([name, 400]);
    }
    // What is the datastore's own is not written to by this way.
    expect((await datastore.request('PUT', '/-/page', { body: 'x' })).status).toBe(404);
    expect(await images()).toEqual([]);
    expect(await folders.incoming()).toEqual([]);
  });

  it('closes the connection of a body that nobody wants', async () => {
    const socket = connect(datastore.port, ADDRESS);
    socket.write(`PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n`);
    let answer = '';
    socket.on('data', (bytes) => {
      answer += bytes;
    });
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1.1 401 /);
    expect(answer).toContain('Connection: close');
  });

  it('leaves nothing behind when it breaks off, or when the datastore is killed', async () => {
    const begin = () => {
      const socket = connect(datastore.port, ADDRESS);
      socket.on('error', () => {});
      socket.write(
        `PUT /a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${WRITE_TOKEN}\r\nContent-Length: ${CONTENT.length}\r\n\r\n`,
      );
      socket.write(CONTENT.subarray(0, 2 * MIB));
      return socket;
    };
    const broken = begin();
    await expect.poll(() => folders.incoming()).toHaveLength(1);
    broken.destroy();
    await expect.poll(() => folders.incoming()).toEqual([]);
    const cut = begin();
    await expect.poll(() => folders.incoming()).toHaveLength(1);
    await datastore.kill();
    cut.destroy();
    expect(await folders.incoming()).toHaveLength(1);
    datastore = await folders.start();
    await expect.poll(() => folders.incoming()).toEqual([]);
    expect(await images()).toEqual([]);
  });
});

describeWith(['curl'], 'curl', () => {
  beforeEach(async () => {
    folders = await createDatastoreFolder();
    datastore = await folders.start();
  });
  afterEach(() => folders.remove());

  function curl(...args: string[]) {
    const authorization = `Authorization: Bearer ${WRITE_TOKEN}`;
    const { stdout, stderr, status } = spawnSync('curl', ['-sS', '-H', authorization, ...args]);
    expect([stderr.toString(), status]).toEqual(['', 0]);
    return stdout.toString();
  }

  it('-T uploads a file, from a pipe as well, and shows why it may not', async () => {
    const file = join(folders.folder, 'disk.img');
    await writeFile(file, CONTENT);
    const url = `http://${ADDRESS}:${datastore.port}`;
    expect(JSON.parse(curl('-T', file, `${url}/folder/`))).toMatchObject({ path: 'folder/disk.img' });
    const { stdout } = spawnSync(
      'curl',
      ['-sS', '-H', `Authorization: Bearer ${WRITE_TOKEN}`, '-T', '-', `${url}/piped.img`],
      { input: CONTENT },
    );
    expect(JSON.parse(stdout.toString())).toMatchObject({ sha256: sha256Of(CONTENT) });
    const refused = spawnSync('curl', ['-sS', '-H', 'Authorization: Bearer wrong', '-T', file, `${url}/a`]);
    expect(refused.stdout.toString()).toContain('"status":401');
  });

  it('speaks tus by hand', async () => {
    const file = join(folders.folder, 'disk.img');
    await writeFile(file, CONTENT);
    const url = `http://${ADDRESS}:${datastore.port}`;
    const path = Buffer.from('by/hand.img').toString('base64');
    const tus = ['-H', 'Tus-Resumable: 1.0.0'];
    const head = curl(
      ...['-i', '-X', 'POST', `${url}${UPLOADS}`, ...tus, '-H', `Upload-Length: ${CONTENT.length}`],
      ...['-H', `Upload-Metadata: path ${path}`],
    );
    const [, location = ''] = /^location: (\S+)/im.exec(head) ?? [];
    const type = ['-H', 'Content-Type: application/offset+octet-stream'];
    const sent = curl(
      '-i',
      '-X',
      'PATCH',
      `${url}${location}`,
      ...tus,
      ...type,
      '-H',
      'Upload-Offset: 0',
      '-T',
      file,
    );
    expect(sent).toMatch(/HTTP\/1.1 204 /);
    expect((await datastore.request('GET', '/by/hand.img')).body.equals(CONTENT)).toBe(true);
  });
});

describeWith(['root'], 'a small volume', () => {
  let volume: string;
  beforeEach(async () => {
    volume = await mkdtemp(join(tmpdir(), 'volume-'));
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=12M', 'tmpfs', volume]);
    expect(mounted.stderr.toString()).toBe('');
    await mkdir(join(volume, 'lost+found'));
    folders = await createDatastoreFolder({ root: volume });
    datastore = await folders.start('--reserve', '2M');
  });
  afterEach(async () => {
    await folders.remove();
    spawnSync('umount', [volume]);
    await rm(volume, { recursive: true });
  });

  it('takes what fits, and refuses the rest with 507 before it is full', async () => {
    const tooMuch = await datastore.request('PUT', '/a', { body: Buffer.alloc(11 * MIB) });
    expect([tooMuch.status, problemOf(tooMuch)]).toEqual([507, 'NO_SPACE']);
    // Of unknown length: it is stopped on the way, and the client still hears why.
    const unknown = await datastore.request('PUT', '/a', {
      headers: { 'Transfer-Encoding': 'chunked' },
      body: Buffer.alloc(14 * MIB),
    });
    expect([unknown.status, problemOf(unknown)]).toEqual([507, 'NO_SPACE']);
    expect(await folders.incoming()).toEqual([]);
    expect((await datastore.request('PUT', '/a', { body: Buffer.alloc(9 * MIB) })).status).toBe(201);
    expect((await datastore.request('PUT', '/b', { body: Buffer.alloc(9 * MIB) })).status).toBe(507);
    expect(await images()).toEqual(['a', 'lost+found']);
  });

  it('promises no room twice', async () => {
    const first = await createUpload('a', 6 * MIB);
    expect(first.status).toBe(201);
    const second = await createUpload('b', 6 * MIB);
    expect([second.status, problemOf(second)]).toEqual([507, 'NO_SPACE']);
    expect((await datastore.request('PUT', '/b', { body: Buffer.alloc(6 * MIB) })).status).toBe(507);
    // Half of it has come: the other half is still kept for it.
    const upload = first.headers.location ?? '';
    expect((await patch(upload, 0, Buffer.alloc(3 * MIB))).status).toBe(204);
    expect((await datastore.request('PUT', '/b', { body: Buffer.alloc(5 * MIB) })).status).toBe(507);
    expect((await patch(upload, 3 * MIB, Buffer.alloc(3 * MIB))).status).toBe(204);
    expect((await datastore.request('PUT', '/b', { body: Buffer.alloc(3 * MIB) })).status).toBe(201);
  });

  it('says so when others have filled it meanwhile, and goes on when there is room again', async () => {
    const upload = (await createUpload('a', 6 * MIB)).headers.location ?? '';
    await writeFile(join(volume, '.other'), Buffer.alloc(8 * MIB));
    const refused = await patch(upload, 0, Buffer.alloc(6 * MIB));
    expect([refused.status, problemOf(refused)]).toEqual([507, 'NO_SPACE']);
    await rm(join(volume, '.other'));
    expect((await patch(upload, 0, Buffer.alloc(6 * MIB))).status).toBe(204);
    expect((await datastore.request('GET', '/a')).body.length).toBe(6 * MIB);
  });
});
