// SPDX-License-Identifier: Apache-2.0
/** What clients send as the content of an image: the real program on loopback, and the real curl. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  problemOf,
  UPLOADS,
  WRITE_TOKEN,
} from '../lab/loopback-datastore.ts';
import { describeWith } from '../requirements.ts';

const CONTENT = 'the content of an image';
const digestOf = (algorithm: string, content = CONTENT) => createHash(algorithm).update(content);

let place: DatastoreFolder;
let datastore: LoopbackDatastore;
let file: string;
let count = 0;
let path: string;

beforeAll(async () => {
  place = await createDatastoreFolder();
  datastore = await place.start();
  file = join(place.folder, 'disk.img');
  await writeFile(file, CONTENT);
});
afterAll(() => place.remove());
beforeEach(() => {
  count += 1;
  path = `image-${count}`;
});

const stored = async () => (await readdir(place.root)).includes(path);

describeWith(['curl'], 'curl', () => {
  function curl(...args: readonly string[]) {
    const command = [...args, '-sS', '-H', `Authorization: Bearer ${WRITE_TOKEN}`, '-w', '%{http_code}'];
    const { stdout } = spawnSync('curl', [...command, `${datastore.url}/${path}`], { encoding: 'utf8' });
    return { status: Number(stdout.slice(-3)), body: stdout.slice(0, -3) };
  }

  it.each([
    ['-F', ['-F', 'file=@FILE']],
    ['-F with PUT', ['-X', 'PUT', '-F', 'file=@FILE']],
    ['-d', ['-d', '@FILE']],
    ['-d with PUT', ['-X', 'PUT', '-d', '@FILE']],
    ['--data-binary', ['--data-binary', '@FILE']],
    ['--data-urlencode', ['--data-urlencode', 'a@FILE']],
  ])('%s is refused with the command that is right', async (_, args) => {
    const { status, body } = curl(...args.map((arg) => arg.replace('FILE', file)));
    expect(status).toBe(415);
    expect(JSON.parse(body)).toMatchObject({
      code: 'FORM_REFUSED',
      detail: expect.stringContaining(`curl -T FILE -H "Authorization: Bearer TOKEN" <this host>/${path}`),
    });
    expect(await stored()).toBe(false);
  });

  it.each([
    ['-T', ['-T', 'FILE']],
    ['-T -, in chunks', ['-T', '-']],
    ['-T with POST', ['-T', 'FILE', '-X', 'POST']],
    ['--data-binary with a type', ['--data-binary', '@FILE', '-H', 'Content-Type: application/octet-stream']],
    ['--data-binary without a type', ['--data-binary', '@FILE', '-H', 'Content-Type:']],
    ['--json', ['--json', '@FILE']],
  ])('%s is taken', async (_, args) => {
    const command = args.map((arg) => arg.replace('FILE', file));
    const { stdout } = spawnSync(
      'curl',
      [...command, '-sS', '-H', `Authorization: Bearer ${WRITE_TOKEN}`, `${datastore.url}/${path}`],
      { encoding: 'utf8', input: CONTENT },
    );
    expect(JSON.parse(stdout)).toMatchObject({ path, sha256: digestOf('sha256').digest('hex') });
  });

  it.each([
    ['-T of an empty file', ['-T', '/dev/null', '-H', 'Transfer-Encoding:', '-H', 'Content-Length: 0']],
    ['-T - of nothing', ['-T', '-']],
    ['-X PUT without a body', ['-X', 'PUT']],
    ['-X POST without a body', ['-X', 'POST']],
  ])('%s is refused unless it is meant', async (_, args) => {
    const { status, body } = curl(...args);
    expect([status, JSON.parse(body)]).toEqual([
      400,
      expect.objectContaining({ code: 'EMPTY_CONTENT', detail: expect.stringContaining('?empty=true') }),
    ]);
    expect(await stored()).toBe(false);
    path += '?empty=true';
    expect(curl(...args).status).toBe(201);
  });
});

it.each([
  'multipart/form-data; boundary=x',
  'Multipart/Mixed; boundary=x',
  'multipart/related; boundary=x',
  'application/x-www-form-urlencoded',
  'application/x-www-form-urlencoded; charset=utf-8',
  ' APPLICATION/X-WWW-FORM-URLENCODED',
])('%s is a form', async (type) => {
  const headers = { 'Content-Type': type };
  for (const method of ['PUT', 'POST']) {
    expect((await datastore.request(method, `/${path}`, { headers, body: CONTENT })).status).toBe(415);
  }
  expect((await datastore.request('POST', '/-/api/v1/import', { headers, body: CONTENT })).status).toBe(415);
  expect(await stored()).toBe(false);
});

it.each([
  'application/octet-stream',
  'application/x-tar',
  'application/gzip',
  'application/x-qemu-disk',
  'text/plain',
  'application/json',
  'image/x-raw',
  'nonsense',
])('%s is content', async (type) => {
  const headers = { 'Content-Type': type };
  expect((await datastore.request('PUT', `/${path}`, { headers, body: CONTENT })).status).toBe(201);
});

/** Each right, and the same of other content. */
const promises = (content?: string): Record<string, string>[] => [
  { 'Repr-Digest': `sha-256=:${digestOf('sha256', content).digest('base64')}:` },
  { 'Content-Digest': `sha-512=:${digestOf('sha512', content).digest('base64')}:` },
  { Digest: `SHA-256=${digestOf('sha256', content).digest('base64')}` },
  { Digest: `md5=${digestOf('md5', content).digest('base64')}` },
  { 'Content-MD5': digestOf('md5', content).digest('base64') },
  { 'X-Checksum-Sha256': digestOf('sha256', content).digest('hex') },
  { 'X-Checksum-Sha512': digestOf('sha512', content).digest('hex') },
  { 'X-Checksum-Sha1': digestOf('sha1', content).digest('hex') },
  { 'X-Checksum-Md5': digestOf('md5', content).digest('hex') },
  { 'x-amz-content-sha256': digestOf('sha256', content).digest('hex') },
  { 'x-goog-hash': `md5=${digestOf('md5', content).digest('base64')}` },
];

it.each(promises())('%j holds', async (headers) => {
  expect((await datastore.request('PUT', `/${path}`, { headers, body: CONTENT })).status).toBe(201);
});

it.each(promises('other content'))('%j does not hold, and nothing is kept', async (headers) => {
  const answer = await datastore.request('PUT', `/${path}`, { headers, body: CONTENT });
  expect([answer.status, problemOf(answer)]).toEqual([400, 'DIGEST_MISMATCH']);
  expect([await stored(), await place.incoming()]).toEqual([false, []]);
});

it('all of several digests must hold', async () => {
  const headers = { ...promises()[0], 'X-Checksum-Md5': digestOf('md5', 'other').digest('hex') };
  const answer = await datastore.request('PUT', `/${path}`, { headers, body: CONTENT });
  expect(problemOf(answer)).toBe('DIGEST_MISMATCH');
});

it.each([
  [{ 'X-Checksum-Crc32c': 'abcd' }],
  [{ Digest: 'unixsum=30637' }],
  [{ 'x-amz-checksum-crc64nvme': 'abcd' }],
])('%j cannot be checked, and is refused', async (headers) => {
  const answer = await datastore.request('PUT', `/${path}`, { headers, body: CONTENT });
  expect([answer.status, await stored()]).toEqual([400, false]);
});

it('the digest of a bundle is enforced', async () => {
  await datastore.request('PUT', `/${path}`, { body: CONTENT });
  const bundle = (await datastore.request('GET', `/-/api/v1/export?path=${path}`)).body;
  const sha512 = createHash('sha512').update(bundle).digest('hex');
  const wrong = digestOf('sha512').digest('hex');
  const send = (digest: string) =>
    datastore.request('POST', '/-/api/v1/import?replace=true', {
      headers: { 'X-Checksum-Sha512': digest },
      body: bundle,
    });
  expect(problemOf(await send(wrong))).toBe('DIGEST_MISMATCH');
  expect((await send(sha512)).status).toBe(200);
});

it.each([
  [{ 'Upload-Length': '0' }, 'EMPTY_CONTENT'],
  [{ 'Upload-Length': '3', 'Upload-Checksum': 'sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=' }, 'UPLOAD_INVALID'],
  [{ 'Upload-Length': '3', 'Content-MD5': 'kAFQmDzST7DWlj99KOF/cg==' }, 'UPLOAD_INVALID'],
])('a tus upload with %j is refused', async (headers, code) => {
  const metadata = `path ${Buffer.from(path).toString('base64')}`;
  const create = (more: Record<string, string>, said: string) =>
    datastore.request('POST', UPLOADS, {
      headers: { 'Tus-Resumable': '1.0.0', 'Upload-Metadata': said, ...more },
    });
  expect(problemOf(await create(headers, metadata))).toBe(code);
  if (code === 'EMPTY_CONTENT') {
    expect(
      (await create(headers, `${metadata},empty ${Buffer.from('true').toString('base64')}`)).status,
    ).toBe(201);
  }
});
