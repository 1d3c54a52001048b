// SPDX-License-Identifier: Apache-2.0
/** Requests of any kind at the registry of the running datastore: none makes it fail, none is answered wrongly. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  createRepositoryClient,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  indexOf,
  OCI_INDEX,
  OCI_MANIFEST,
  someImage,
} from '../integration/registry-content.ts';
import {
  ADDRESS,
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  WRITE_HEADERS,
} from '../lab/loopback-datastore.ts';
import { type Random, randomOfThisRun } from '../random.ts';
import { repetitions } from '../soak.ts';
import { type Known, someCall, someHeaders, someManifest } from './registry-mutations.ts';

const REQUESTS = repetitions({ short: 6000, long: 100_000 });
const TOGETHER = 8;
const MEDIA_TYPES = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST];
const MAX_KNOWN = 200;

const image = someImage();
const index = indexOf([image]);
const about = someImage({ more: { subject: image.descriptor, artifactType: 'a/b' } });
const sound = [image, index, about, someImage({ mediaType: DOCKER_MANIFEST })].map(({ bytes }) => bytes);
const agent = new Agent({ keepAlive: true, maxSockets: TOGETHER });

let place: DatastoreFolder;
let datastore: LoopbackDatastore;

beforeAll(async () => {
  place = await createDatastoreFolder();
  datastore = await place.start();
  const repository = createRepositoryClient(datastore, 'lab/app');
  await repository.pushImage(image, 'kept');
  await repository.pushImage(about);
  await repository.putManifest(index, 'index');
});
afterAll(async () => {
  agent.destroy();
  await place?.remove();
});

interface Exchange {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

async function exchange(
  method: string,
  path: string,
  headers: Record<string, string>,
  body: Buffer,
): Promise<Exchange> {
  const options = { host: ADDRESS, port: datastore.port, agent, method, path, headers };
  const sent = httpRequest(options);
  sent.end(method.startsWith('P') ? body : undefined);
  const [response] = await once(sent, 'response');
  sent.on('error', () => {});
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) };
}

/** What is said of what is sent has to be so, whatever was asked. */
function expectSound(method: string, path: string, { status, headers, body }: Exchange, shown: string): void {
  expect(status, shown).toBeLessThan(500);
  if (status >= 400 && method !== 'HEAD') {
    expect(headers['content-type'], shown).toBe('application/json');
    const { errors } = JSON.parse(body.toString()) as { errors: { code: string; message: string }[] };
    expect(errors.length, shown).toBeGreaterThan(0);
    for (const { code, message } of errors) expect(`${code} ${message}`, shown).toMatch(/^[A-Z_]+ \S/);
  }
  const digest = headers['docker-content-digest'];
  if (status !== 200 || method !== 'GET' || digest === undefined) return;
  const [algorithm = ''] = String(digest).split(':');
  const found = `${algorithm}:${createHash(algorithm).update(body).digest('hex')}`;
  expect(`${path} ${found}`, shown).toBe(`${path} ${digest}`);
}

function remember(list: string[], found: string | undefined): void {
  if (found === undefined || list.includes(found)) return;
  list.push(found);
  if (list.length > MAX_KNOWN) list.splice(1, 1);
}

it('fails at none, answers each in its own form, and keeps what was pushed', async () => {
  const random = randomOfThisRun('registry requests');
  const digests = [image, index, about, ...image.blobs].map(({ descriptor }) => descriptor.digest);
  const known: Known = { digests: [...digests], uploads: ['/v2/lab/app/blobs/uploads/0'] };
  const statuses = new Map<number, number>();

  async function askMany(from: Random): Promise<void> {
    for (let count = 0; count < REQUESTS / TOGETHER; count += 1) {
      const { method, path } = someCall(from, known);
      // Deleting what is looked for at the end is no fault.
      const isKept = method === 'DELETE' && /\/lab\/app\/manifests\/sha/.test(path);
      const headers = {
        ...someHeaders(from, MEDIA_TYPES),
        ...(from.next() < 0.9 && !isKept && WRITE_HEADERS),
      };
      const isManifest = path.includes('/manifests/');
      const body = isManifest ? someManifest(from, sound) : from.bytes(from.integer(0, 300));
      const shown = `${method} ${path} ${JSON.stringify(headers)}\n${body.toString('latin1').slice(0, 1000)}`;
      const answer = await exchange(method, path, headers, body);
      expectSound(
        method,
        path,
        answer,
        `${shown}\n${answer.status} ${answer.body.toString('latin1').slice(0, 500)}`,
      );
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      const { location } = answer.headers;
      if (location?.includes('/uploads/')) remember(known.uploads, location);
      if (answer.status === 201) remember(known.digests, location?.split('/').at(-1));
    }
  }
  await Promise.all(Array.from({ length: TOGETHER }, () => askMany(random.fork())));

  process.stderr.write(`registry requests: ${JSON.stringify(Object.fromEntries([...statuses].sort()))}\n`);
  for (const status of [200, 201, 202, 400, 401, 404, 405]) expect(statuses.get(status)).toBeGreaterThan(0);
  expect(datastore.child.exitCode).toBeNull();
  expect(datastore.log()).not.toContain('"level":"error"');
  const repository = createRepositoryClient(datastore, 'lab/app');
  for (const { bytes, descriptor } of [image, index, about]) {
    const got = await repository.get(`manifests/${descriptor.digest}`);
    expect([got.status, got.body.equals(bytes)]).toEqual([200, true]);
  }
  for (const { bytes, descriptor } of image.blobs) {
    expect((await repository.get(`blobs/${descriptor.digest}`)).body.equals(bytes)).toBe(true);
  }
});
