// SPDX-License-Identifier: Apache-2.0
/**
 * The running datastore while four push, four pull and its collection never pauses, killed again and again. Of other
 * registries it is reported that a collection takes blobs that a push was told of (distribution #2881, quay #6318:
 * "201 for the blob", then 400 for the manifest), and that what was cut short stays broken (zot #1922, #4357).
 */
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { type Content, contentOf, digestOf, OCI_LAYER, someImage } from '../integration/registry-content.ts';
import {
  ADDRESS,
  type Answer,
  createDatastoreFolder,
  type LoopbackDatastore,
  WRITE_HEADERS,
} from '../lab/loopback-datastore.ts';
import { type Random, randomOfThisRun } from '../random.ts';
import { repetitions } from '../soak.ts';

const PUSHERS = 4;
const PULLERS = 4;
/** Ten minutes, where it is a soak. */
const KILLS = repetitions({ short: 4, long: 120 });
const BETWEEN_KILLS_MS = repetitions({ short: 1500, long: 5000 });
const TIMEOUT_MS = repetitions({ short: 300_000, long: 3_600_000 });
const TAGS = ['one', 'two', 'three', 'gone'] as const;
const LAYERS_SHARED = 12;
const MAX_LAYER_BYTES = 300_000;

/** The server that runs at the moment, at one port for all its lives. */
interface Target {
  port: number;
  /** Settles when it answers again. */
  serving: Promise<void>;
  isOver: boolean;
}

/** One request, or undefined when the server was killed meanwhile. Whoever is told nothing asks again. */
async function exchange(
  { port }: Target,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: Buffer,
): Promise<Answer | undefined> {
  try {
    const sent = httpRequest({
      ...{ host: ADDRESS, port, method, path, agent: false },
      headers: { ...WRITE_HEADERS, ...headers },
    });
    sent.end(body);
    const [response] = await once(sent, 'response');
    sent.on('error', () => {});
    const whole = await buffer(response);
    const length = response.headers['content-length'];
    if (method !== 'HEAD' && length !== undefined && Number(length) !== whole.length) return undefined;
    return { status: response.statusCode, headers: response.headers, body: whole };
  } catch {
    return undefined;
  }
}

/** The same until it is answered; 503 is what a server says that is just starting. */
async function insist(
  target: Target,
  ...call: [string, string, Record<string, string>?, Buffer?]
): Promise<Answer> {
  for (;;) {
    await target.serving;
    const answer = await exchange(target, ...call);
    if (answer !== undefined && answer.status !== 503) return answer;
    if (answer === undefined) await wait(10);
  }
}

const pathOf = (answer: Answer) => new URL(answer.headers.location ?? '', 'http://datastore').pathname;

/** What was acknowledged, by repository and tag. `undefined`: a change of it was begun, and not answered yet. */
type Acknowledged = Map<string, string | null | undefined>;

interface Counts {
  pushed: number;
  pulled: number;
  spared: number;
  mounted: number;
  collected: number;
  deleted: number;
}

function randomBytesOf(random: Random, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 4) bytes.writeUInt32LE(random.integer(0, 0xffffffff), at);
  return bytes;
}

/** As clients do: ask whether it is there, mount it, or send it, in one piece or in two. */
async function pushBlob(
  target: Target,
  random: Random,
  name: string,
  blob: Content,
  counts: Counts,
): Promise<void> {
  const { digest } = blob.descriptor;
  const at = `/v2/${name}/blobs`;
  if ((await insist(target, 'HEAD', `${at}/${digest}`)).status === 200) {
    counts.spared += 1;
    return;
  }
  for (;;) {
    const from = `soak/p${random.integer(0, PUSHERS - 1)}`;
    const mount = random.integer(0, 1) === 0 ? `?mount=${digest}&from=${from}` : '';
    const begun = await insist(target, 'POST', `${at}/uploads/${mount}`);
    if (begun.status === 201) {
      counts.mounted += 1;
      return;
    }
    expect(begun.status, begun.body.toString()).toBe(202);
    let rest = blob.bytes;
    let place = pathOf(begun);
    if (random.integer(0, 1) === 0) {
      const half = blob.bytes.subarray(0, Math.ceil(blob.bytes.length / 2));
      const sent = await exchange(
        target,
        'PATCH',
        place,
        { 'content-type': 'application/octet-stream' },
        half,
      );
      // Killed meanwhile: begun anew.
      if (sent === undefined) continue;
      expect(sent.status, sent.body.toString()).toBe(202);
      place = pathOf(sent);
      rest = blob.bytes.subarray(half.length);
    }
    const done = await exchange(target, 'PUT', `${place}?digest=${digest}`, {}, rest);
    if (done === undefined) continue;
    expect(done.status, done.body.toString()).toBe(201);
    return;
  }
}

async function pushOne(
  target: Target,
  random: Random,
  name: string,
  shared: readonly Content[],
  acknowledged: Acknowledged,
  counts: Counts,
): Promise<void> {
  const own = contentOf(randomBytesOf(random, 4 * random.integer(1, MAX_LAYER_BYTES / 4)), OCI_LAYER);
  const common = Array.from({ length: 3 }, () => random.pick(shared));
  const image = someImage({ layers: [...new Set([own, ...common])] });
  for (const blob of image.blobs) await pushBlob(target, random, name, blob, counts);
  const tag = random.pick(TAGS);
  const key = `${name} ${tag}`;
  acknowledged.set(key, undefined);
  const type = { 'content-type': image.descriptor.mediaType };
  const put = await insist(target, 'PUT', `/v2/${name}/manifests/${tag}`, type, image.bytes);
  // Each of its blobs was acknowledged, whatever happened since.
  expect([put.status, put.body.toString()]).toEqual([201, '']);
  acknowledged.set(key, image.descriptor.digest);
  counts.pushed += 1;
  if (tag !== 'gone') return;
  acknowledged.set(key, undefined);
  const { status } = await insist(target, 'DELETE', `/v2/${name}/manifests/${image.descriptor.digest}`);
  // A deletion that was answered to nobody is not there the second time.
  expect([202, 404]).toContain(status);
  acknowledged.set(key, null);
  counts.deleted += 1;
}

/** @returns whether there was something; whatever a tag leads to is there whole */
async function pullOne(target: Target, name: string, tag: string): Promise<boolean> {
  const manifest = await insist(target, 'GET', `/v2/${name}/manifests/${tag}`);
  if (manifest.status === 404) return false;
  expect(manifest.status).toBe(200);
  expect(digestOf(manifest.body)).toBe(manifest.headers['docker-content-digest']);
  const { config, layers } = JSON.parse(manifest.body.toString());
  for (const { digest, size } of [config, ...layers]) {
    const blob = await insist(target, 'GET', `/v2/${name}/blobs/${digest}`);
    if (blob.status === 404 && tag === 'gone') return false;
    expect([name, tag, digest, blob.status, blob.body.length]).toEqual([name, tag, digest, 200, size]);
    expect(digestOf(blob.body)).toBe(digest);
  }
  return true;
}

it('no acknowledged blob is missing, and no pull is wrong', { timeout: TIMEOUT_MS }, async () => {
  const random = randomOfThisRun('registry soak');
  const place = await createDatastoreFolder();
  const acknowledged: Acknowledged = new Map();
  const counts: Counts = { pushed: 0, pulled: 0, spared: 0, mounted: 0, collected: 0, deleted: 0 };
  const shared = Array.from({ length: LAYERS_SHARED }, () =>
    contentOf(randomBytesOf(random, 4 * random.integer(1, MAX_LAYER_BYTES / 4)), OCI_LAYER),
  );
  const start = (port: number): Promise<LoopbackDatastore> =>
    place.start('--port', String(port), '--registry-trash', '0', '--scrub-interval', '0');
  try {
    let datastore = await start(0);
    const target: Target = { port: datastore.port, serving: Promise.resolve(), isOver: false };
    const loop = async (turn: () => Promise<void>) => {
      while (!target.isOver) await turn();
    };
    const working = Promise.all([
      ...Array.from({ length: PUSHERS }, (_, index) =>
        loop(() => pushOne(target, random, `soak/p${index}`, shared, acknowledged, counts)),
      ),
      ...Array.from({ length: PULLERS }, () =>
        loop(async () => {
          const isThere = await pullOne(target, `soak/p${random.integer(0, PUSHERS - 1)}`, random.pick(TAGS));
          if (isThere) counts.pulled += 1;
          else await wait(1);
        }),
      ),
      loop(async () => {
        const { status, body } = await insist(target, 'POST', '/-/api/v1/registry/gc?apply=true');
        expect(status, body.toString()).toBe(200);
        counts.collected += 1;
      }),
    ]);
    const killing = (async () => {
      for (let kill = 0; kill < KILLS && !target.isOver; kill += 1) {
        await wait(random.integer(BETWEEN_KILLS_MS / 2, BETWEEN_KILLS_MS * 1.5));
        const again = Promise.withResolvers<void>();
        target.serving = again.promise;
        await datastore.kill();
        datastore = await start(target.port);
        again.resolve();
      }
      // A busy machine may have come to little between the kills.
      await expect.poll(() => Object.values(counts)).not.toContain(0);
    })();
    await Promise.race([working, killing]);
    target.isOver = true;
    await Promise.all([working, killing]);

    for (const [key, expected] of acknowledged) {
      const [name = '', tag = ''] = key.split(' ');
      const { status, headers } = await insist(target, 'HEAD', `/v2/${name}/manifests/${tag}`);
      const found = status === 404 ? null : headers['docker-content-digest'];
      if (expected !== undefined) expect([key, found]).toEqual([key, expected]);
      if (found !== null) expect(await pullOne(target, name, tag)).toBe(true);
    }
    const validated = await Promise.all(
      Array.from({ length: PUSHERS }, async (_, index) => {
        const path = `/-/api/v1/registry/repositories/soak%2Fp${index}/validate`;
        const answer = await insist(target, 'POST', path);
        return answer.status === 404 ? [] : JSON.parse(answer.body.toString()).problems;
      }),
    );
    expect(validated.flat()).toEqual([]);
    for (const [what, count] of Object.entries(counts)) expect([what, count > 0]).toEqual([what, true]);
  } finally {
    await place.remove();
  }
});
