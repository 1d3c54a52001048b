// SPDX-License-Identifier: Apache-2.0
/** Resumable uploads by tus 1.0: the real program, a foreign client, and the bare protocol. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Upload, type UploadOptions } from 'tus-js-client';
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

const TUS = { 'Tus-Resumable': '1.0.0' };
const OFFSET_STREAM = { 'Content-Type': 'application/offset+octet-stream' };
const CONTENT = randomBytes(5 * 1024 * 1024 + 17);
const HALF = CONTENT.length >> 1;

const sha256Of = (content: Buffer) => createHash('sha256').update(content).digest('hex');

let folders: DatastoreFolder;
let datastore: LoopbackDatastore;
beforeEach(async () => {
  folders = await createDatastoreFolder();
  datastore = await folders.start();
});
afterEach(() => folders.remove());

const encodeMetadata = (metadata: Record<string, string>) =>
  Object.entries(metadata)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');

function create(metadata: Record<string, string>, sizeBytes: number, headers: Record<string, string> = {}) {
  return datastore.request('POST', UPLOADS, {
    headers: {
      ...TUS,
      'Upload-Length': String(sizeBytes),
      'Upload-Metadata': encodeMetadata(metadata),
      ...headers,
    },
  });
}

/** Creates an upload that must be accepted. @returns its path */
async function begin(metadata: Record<string, string>, sizeBytes = CONTENT.length): Promise<string> {
  const { status, headers } = await create(metadata, sizeBytes);
  expect(status).toBe(201);
  return headers.location ?? '';
}

const patch = (upload: string, offset: number, body: Buffer, headers: Record<string, string> = {}) =>
  datastore.request('PATCH', upload, {
    headers: { ...TUS, ...OFFSET_STREAM, 'Upload-Offset': String(offset), ...headers },
    body,
  });

const head = (upload: string) => datastore.request('HEAD', upload, { headers: TUS });
const imageAt = async (path: string) => (await datastore.request('GET', path)).body;

/** Uploads with tus-js-client, to the end or until `stopAfter` bytes were accepted. */
function uploadByClient(
  options: Partial<UploadOptions>,
  stopAfter = Number.POSITIVE_INFINITY,
): Promise<Upload> {
  return new Promise((resolve, reject) => {
    const upload = new Upload(CONTENT, {
      endpoint: `http://${ADDRESS}:${datastore.port}${UPLOADS}`,
      headers: { Authorization: `Bearer ${WRITE_TOKEN}` },
      retryDelays: null,
      onError: reject,
      onSuccess: () => resolve(upload),
      onChunkComplete(_size, accepted) {
        if (accepted >= stopAfter && accepted < CONTENT.length)
          void upload.abort().then(() => resolve(upload));
      },
      ...options,
    });
    upload.start();
  });
}

describe('a foreign client', () => {
  it('uploads an image, which is there when the last answer is', async () => {
    const metadata = { path: 'debian/12 beta/disk.img', sha256: sha256Of(CONTENT) };
    await uploadByClient({ metadata, chunkSize: 2_000_000 });
    const { body, headers } = await datastore.request('GET', '/debian/12%20beta/disk.img');
    expect(body.equals(CONTENT)).toBe(true);
    expect(headers.etag).toBe(`"sha256:${sha256Of(CONTENT)}"`);
    expect(await datastore.json(UPLOADS)).toEqual({ uploads: [] });
  });

  it('sends data with the creation, and takes the file name for the path', async () => {
    await uploadByClient({ metadata: { filename: 'disk.img' }, uploadDataDuringCreation: true });
    expect((await imageAt('/disk.img')).equals(CONTENT)).toBe(true);
  });

  it.each(['SIGTERM', 'SIGKILL'])('goes on after the datastore was ended by %s', async (signal) => {
    const metadata = { path: 'disk.img', sha256: sha256Of(CONTENT) };
    const { url } = await uploadByClient({ metadata, chunkSize: 1_000_000 }, 2_000_000);
    if (signal === 'SIGKILL') await datastore.kill();
    else expect(await datastore.stop()).toBe(0);
    expect((await readdir(folders.root)).filter((name) => !name.startsWith('.'))).toEqual([]);

    datastore = await folders.start();
    const id = url?.split('/').at(-1);
    const { uploads } = (await datastore.json(UPLOADS)) as { uploads: { receivedBytes: number }[] };
    expect(uploads).toEqual([
      {
        id,
        url: `${UPLOADS}/${id}`,
        path: 'disk.img',
        sizeBytes: CONTENT.length,
        receivedBytes: expect.any(Number),
        created: expect.stringMatching(/Z$/),
        expires: expect.stringMatching(/Z$/),
      },
    ]);
    expect(uploads[0]?.receivedBytes).toBeGreaterThanOrEqual(2_000_000);

    let firstProgress: number | undefined;
    await uploadByClient({
      uploadUrl: `http://${ADDRESS}:${datastore.port}${UPLOADS}/${id}`,
      onProgress: (sent) => {
        firstProgress ??= sent;
      },
    });
    expect(firstProgress).toBeGreaterThanOrEqual(2_000_000);
    expect((await imageAt('/disk.img')).equals(CONTENT)).toBe(true);
  });
});

describe('the protocol', () => {
  it('says what it can do', async () => {
    const { status, headers } = await datastore.request('OPTIONS', UPLOADS, { withToken: false });
    expect(status).toBe(204);
    expect(headers).toMatchObject({
      'tus-version': '1.0.0',
      'tus-resumable': '1.0.0',
      'tus-extension': 'creation,creation-with-upload,expiration,termination',
    });
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  it('tells how far an upload is, and that it is published', async () => {
    const upload = await begin({ path: 'disk.img' });
    expect((await patch(upload, 0, CONTENT.subarray(0, HALF))).headers).toMatchObject({
      'upload-offset': String(HALF),
      'upload-expires': expect.stringMatching(/GMT$/),
    });
    const halfway = await head(upload);
    expect(halfway.status).toBe(200);
    expect(halfway.headers).toMatchObject({
      'upload-offset': String(HALF),
      'upload-length': String(CONTENT.length),
      'upload-metadata': encodeMetadata({ path: 'disk.img' }),
      'cache-control': 'no-store',
    });
    const last = await patch(upload, HALF, CONTENT.subarray(HALF));
    expect(last.status).toBe(204);
    expect(last.headers).toMatchObject({
      'upload-offset': String(CONTENT.length),
      'content-location': '/disk.img',
      'x-checksum-sha256': sha256Of(CONTENT),
    });
    // The answer may be lost on the way: who asks again, even after a restart, learns that all is well.
    await datastore.kill();
    datastore = await folders.start();
    expect((await head(upload)).headers['upload-offset']).toBe(String(CONTENT.length));
    expect(await datastore.json(upload)).toMatchObject({ isPublished: true, sha256: sha256Of(CONTENT) });
    expect((await datastore.request('DELETE', upload, { headers: TUS })).status).toBe(204);
    expect((await imageAt('/disk.img')).equals(CONTENT)).toBe(true);
    expect(await folders.incoming()).toEqual([]);
  });

  it('takes an empty image that is meant', async () => {
    await begin({ path: 'empty.img', empty: 'true' }, 0);
    const { status, headers } = await datastore.request('GET', '/empty.img');
    expect([status, headers['content-length']]).toEqual([200, '0']);
  });

  it('refuses a wrong offset, and changes nothing', async () => {
    const upload = await begin({ path: 'disk.img' });
    await patch(upload, 0, CONTENT.subarray(0, HALF));
    for (const offset of [0, HALF - 1, HALF + 1, CONTENT.length]) {
      expect((await patch(upload, offset, CONTENT.subarray(0, 100))).status).toBe(409);
    }
    expect((await head(upload)).headers['upload-offset']).toBe(String(HALF));
  });

  it('refuses more than was promised', async () => {
    const upload = await begin({ path: 'disk.img' }, 10);
    expect((await patch(upload, 0, Buffer.alloc(11))).status).toBe(413);
    expect((await patch(upload, 0, Buffer.alloc(10))).status).toBe(204);
    expect((await imageAt('/disk.img')).length).toBe(10);
  });

  it('needs its own version', async () => {
    const answer = await create({ path: 'a' }, 1, { 'Tus-Resumable': '0.2.2' });
    expect([answer.status, answer.headers['tus-version']]).toEqual([412, '1.0.0']);
  });

  it('refuses what cannot become an image, before any of it is sent', async () => {
    const cases = [
      ['no path', { other: 'x' }, 1, {}, 'UPLOAD_INVALID'],
      ['a hidden name', { path: 'a/.b' }, 1, {}, 'NAME_INVALID'],
      ['a way out', { path: '../a' }, 1, {}, 'NAME_INVALID'],
      ['a name of the datastore', { path: '-/a' }, 1, {}, 'NAME_INVALID'],
      ['a control character', { path: 'a\nb' }, 1, {}, 'NAME_INVALID'],
      ['a backslash', { path: 'a\\b' }, 1, {}, 'NAME_INVALID'],
      ['an empty name', { path: 'a//b' }, 1, {}, 'NAME_INVALID'],
      ['lost+found', { path: 'lost+found/a' }, 1, {}, 'NAME_INVALID'],
      ['a name too long', { path: 'x'.repeat(256) }, 1, {}, 'NAME_INVALID'],
      ['no digest', { path: 'a', sha256: 'abc' }, 1, {}, 'UPLOAD_INVALID'],
      ['what replaces perhaps', { path: 'a', replace: 'yes' }, 1, {}, 'UPLOAD_INVALID'],
      ['a length that is none', { path: 'a' }, -1, {}, 400],
      ['a length beyond all disks', { path: 'a' }, Number.MAX_SAFE_INTEGER, {}, 'NO_SPACE'],
      ['metadata that is none', {}, 1, { 'Upload-Metadata': 'path ???' }, 400],
    ] as const;
    for (const [what, metadata, sizeBytes, headers, problem] of cases) {
      const answer = await create(metadata, sizeBytes, headers);
      expect([what, problemOf(answer)]).toEqual([what, problem]);
    }
    expect(await folders.incoming()).toEqual([]);
  });

  it('refuses a length that is told later', async () => {
    const headers = { ...TUS, 'Upload-Defer-Length': '1', 'Upload-Metadata': encodeMetadata({ path: 'a' }) };
    expect((await datastore.request('POST', UPLOADS, { headers })).status).toBe(501);
  });

  it('knows no uploads by other names', async () => {
    await writeFile(join(folders.root, 'a.img'), 'content');
    const names = [
      '%2e%2e%2fa.img',
      '..%2f..%2fetc%2fpasswd',
      'a'.repeat(32),
      'A'.repeat(32),
      'x',
      '%00',
      '%',
    ];
    for (const name of names) {
      for (const method of ['HEAD', 'PATCH', 'DELETE']) {
        const headers = { ...TUS, ...OFFSET_STREAM, 'Upload-Offset': '0' };
        const { status } = await datastore.request(method, `${UPLOADS}/${name}`, { headers });
        expect([method, name, status]).toEqual([method, name, name === '%' ? 400 : 404]);
      }
    }
    expect(await readFile(join(folders.root, 'a.img'), 'utf8')).toBe('content');
  });

  it('asks for the write token for everything', async () => {
    const upload = await begin({ path: 'a' });
    for (const [method, path] of [
      ['GET', UPLOADS],
      ['POST', UPLOADS],
      ['GET', upload],
      ['HEAD', upload],
      ['PATCH', upload],
      ['DELETE', upload],
    ] as const) {
      const { status } = await datastore.request(method, path, { withToken: false, headers: TUS });
      expect([method, path, status]).toEqual([method, path, 401]);
    }
  });

  it('lets an upload be given up', async () => {
    const upload = await begin({ path: 'disk.img' });
    await patch(upload, 0, CONTENT.subarray(0, HALF));
    expect((await datastore.request('DELETE', upload, { headers: TUS })).status).toBe(204);
    expect((await head(upload)).status).toBe(404);
    expect((await datastore.request('DELETE', upload, { headers: TUS })).status).toBe(404);
    expect(await folders.incoming()).toEqual([]);
  });

  it('takes PATCH and DELETE in the clothes of POST', async () => {
    const upload = await begin({ path: 'disk.img' }, 3);
    const headers = { ...TUS, ...OFFSET_STREAM, 'Upload-Offset': '0', 'X-HTTP-Method-Override': 'PATCH' };
    expect((await datastore.request('POST', upload, { headers, body: 'abc' })).status).toBe(204);
    expect((await imageAt('/disk.img')).toString()).toBe('abc');
  });
});

describe('what an upload becomes', () => {
  it('is no image when the digest is another', async () => {
    const upload = await begin({ path: 'disk.img', sha256: 'ab'.repeat(32) });
    const answer = await patch(upload, 0, CONTENT);
    expect([answer.status, problemOf(answer)]).toEqual([400, 'DIGEST_MISMATCH']);
    expect((await head(upload)).status).toBe(404);
    expect((await datastore.request('GET', '/disk.img')).status).toBe(404);
    expect(await folders.incoming()).toEqual([]);
  });

  it('replaces an image only when it says so', async () => {
    await writeFile(join(folders.root, 'disk.img'), 'old');
    const refused = await create({ path: 'disk.img' }, CONTENT.length);
    expect([refused.status, problemOf(refused)]).toEqual([412, 'IMAGE_EXISTS']);
    const upload = await begin({ path: 'disk.img', replace: 'true' });
    expect((await imageAt('/disk.img')).toString()).toBe('old');
    expect((await patch(upload, 0, CONTENT)).status).toBe(204);
    expect((await imageAt('/disk.img')).equals(CONTENT)).toBe(true);
  });

  it('is refused at the end when another was quicker', async () => {
    const [first, second] = [await begin({ path: 'a' }, 5), await begin({ path: 'a' }, 6)];
    expect((await patch(first, 0, Buffer.from('first'))).status).toBe(204);
    const answer = await patch(second, 0, Buffer.from('second'));
    expect([answer.status, problemOf(answer)]).toEqual([412, 'IMAGE_EXISTS']);
    expect((await imageAt('/a')).toString()).toBe('first');
  });

  it('is removed when nobody goes on with it', async () => {
    const upload = await begin({ path: 'disk.img' });
    await patch(upload, 0, CONTENT.subarray(0, HALF));
    await datastore.stop();
    // As if it were of the day before yesterday.
    for (const name of await folders.incoming()) {
      const file = join(folders.root, '.incoming', name);
      if (name.endsWith('.json')) {
        const record = JSON.parse(await readFile(file, 'utf8'));
        await writeFile(file, JSON.stringify({ ...record, created: '2026-01-01T00:00:00.000Z' }));
      }
      await utimes(file, 0, 0);
    }
    datastore = await folders.start();
    await expect.poll(() => folders.incoming()).toEqual([]);
    expect((await head(upload)).status).toBe(404);
    expect(await datastore.json(UPLOADS)).toEqual({ uploads: [] });
  });

  it('is published at the start when all of it had come and the datastore was killed', async () => {
    const upload = await begin({ path: 'disk.img', sha256: sha256Of(CONTENT) });
    await patch(upload, 0, CONTENT.subarray(0, HALF));
    await datastore.kill();
    const [data = ''] = (await folders.incoming()).filter((name) => name.endsWith('.upload'));
    await writeFile(join(folders.root, '.incoming', data), CONTENT);
    datastore = await folders.start();
    expect((await head(upload)).headers['upload-offset']).toBe(String(CONTENT.length));
    expect((await imageAt('/disk.img')).equals(CONTENT)).toBe(true);
  });
});

describe('connections', () => {
  /** Sends a request by hand, and as much of its body as is given. */
  function sendRaw(lines: readonly string[], body: Buffer) {
    const socket = connect(datastore.port, ADDRESS);
    const head = [...lines, `Host: ${ADDRESS}`, `Authorization: Bearer ${WRITE_TOKEN}`, '', ''];
    socket.write(head.join('\r\n'));
    socket.write(body);
    return socket;
  }

  const patchLines = (upload: string, offset: number, length: number, ...more: string[]) => [
    `PATCH ${upload} HTTP/1.1`,
    'Tus-Resumable: 1.0.0',
    'Content-Type: application/offset+octet-stream',
    `Upload-Offset: ${offset}`,
    `Content-Length: ${length}`,
    ...more,
  ];

  const receivedBytes = async (upload: string) => (await datastore.json(upload)).receivedBytes;

  it('says 100 Continue where the body is wanted, and only there', async () => {
    const upload = await begin({ path: 'disk.img' }, 3);
    const expecting = (offset: number) =>
      sendRaw(patchLines(upload, offset, 3, 'Expect: 100-continue'), Buffer.alloc(0));
    const refused = expecting(1);
    expect(String((await once(refused, 'data'))[0])).toMatch(/^HTTP\/1.1 409 /);
    refused.destroy();
    const socket = expecting(0);
    expect(String((await once(socket, 'data'))[0])).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('abc');
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1.1 204 /);
    socket.destroy();
    expect((await imageAt('/disk.img')).toString()).toBe('abc');
  });

  it('keeps what came before a connection broke', async () => {
    const upload = await begin({ path: 'disk.img', sha256: sha256Of(CONTENT) });
    const socket = sendRaw(patchLines(upload, 0, CONTENT.length), CONTENT.subarray(0, HALF));
    socket.end();
    await expect.poll(() => receivedBytes(upload)).toBeGreaterThan(0);
    const offset = Number((await head(upload)).headers['upload-offset']);
    expect(offset).toBeLessThanOrEqual(HALF);
    expect((await patch(upload, offset, CONTENT.subarray(offset))).status).toBe(204);
    expect((await imageAt('/disk.img')).equals(CONTENT)).toBe(true);
  });

  it('lets a second client take over from one that has stalled', async () => {
    const upload = await begin({ path: 'disk.img', sha256: sha256Of(CONTENT) });
    const stalled = sendRaw(patchLines(upload, 0, CONTENT.length), CONTENT.subarray(0, HALF));
    const answered = once(stalled, 'data');
    await expect.poll(() => receivedBytes(upload)).toBeGreaterThan(0);
    const written = Number(await receivedBytes(upload));
    // HEAD asks the first to end; what it had received is kept.
    const offset = Number((await head(upload)).headers['upload-offset']);
    expect(offset).toBeGreaterThanOrEqual(written);
    // Not all that was sent need have been read.
    expect(offset).toBeLessThanOrEqual(HALF);
    expect(String((await answered)[0])).toMatch(/^HTTP\/1.1 204 /);
    stalled.destroy();
    expect((await patch(upload, offset, CONTENT.subarray(offset))).status).toBe(204);
    expect((await imageAt('/disk.img')).equals(CONTENT)).toBe(true);
  });

  it('is not harmed by two who send the same at once', async () => {
    const upload = await begin({ path: 'disk.img', sha256: sha256Of(CONTENT) });
    const answers = await Promise.all([patch(upload, 0, CONTENT), patch(upload, 0, CONTENT)]);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const offset = Number((await head(upload)).headers['upload-offset']);
      if (offset === CONTENT.length) break;
      answers.push(await patch(upload, offset, CONTENT.subarray(offset)));
    }
    expect(answers.every(({ status }) => [204, 400, 409].includes(status))).toBe(true);
    expect((await imageAt('/disk.img')).equals(CONTENT)).toBe(true);
  });
});

describe('limits', () => {
  it('counts the whole of what is coming in, also after a restart', async () => {
    await datastore.stop();
    datastore = await folders.start('--quota', '8M');
    const upload = await begin({ path: 'a' });
    const refused = async () => problemOf(await create({ path: 'b' }, CONTENT.length));
    expect(await refused()).toBe('QUOTA_EXCEEDED');
    await datastore.kill();
    datastore = await folders.start('--quota', '8M');
    expect(await refused()).toBe('QUOTA_EXCEEDED');
    expect((await patch(upload, 0, CONTENT)).status).toBe(204);
    // An image now, which counts as well.
    expect(await refused()).toBe('QUOTA_EXCEEDED');
    expect((await datastore.request('DELETE', '/a')).status).toBe(204);
    expect((await create({ path: 'b' }, CONTENT.length)).status).toBe(201);
  });
});
