// SPDX-License-Identifier: Apache-2.0
/** One pull, by this process alone, and by processes without rights: what becomes of an image is the same. */
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { systemClock } from '@local-datastore/shared/system-clock';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TargetError } from '../content/errors.ts';
import type { Origin } from '../discovery/origin.ts';
import { openFlow } from '../network/open-flow.ts';
import { SMALL_BLOB_BYTES } from '../registry/fetch-blobs.ts';
import { parseRegistryImage } from '../registry/image-reference.ts';
import type { ImageRequest, OpenImageWay } from '../registry/image-way.ts';
import { hostPlatform } from '../registry/resolve-image.ts';
import { MAX_LONG_BYTES } from '../sandbox/exchange/long-value.ts';
import { createNetImageWay } from '../sandbox/monitor/net-image-way.ts';
import { type ScriptedNet, startScriptedNet } from '../sandbox/monitor/scripted-net.ts';
import { SOME_ATTEMPTS } from '../transfer/persistence.ts';
import { createDirectImageWay } from './direct-image-way.ts';
import {
  cut,
  type Disturbance,
  type DisturbedRegistry,
  damage,
  refuse,
  sayHalf,
  serveRegistry,
} from './disturbed-registry.ts';
import { createImagePull } from './pull-image.ts';

const WISH = hostPlatform(arch());
const LARGE = Buffer.alloc(2 * SMALL_BLOB_BYTES, 'large layer, ');
const SMALL = Buffer.from('small layer');
const HALF = LARGE.length / 2;
const ATTEMPTS = SOME_ATTEMPTS.retry.maxFailures + 1;
/** Nobody waits. */
const delay = async (_: number, signal: AbortSignal) => signal.throwIfAborted();
const bytesOf = (document: object) => Buffer.from(JSON.stringify(document));

let folder: string;
let net: ScriptedNet;
let registry: DisturbedRegistry;
let large: string;
let manifest: Buffer;
let image: string;
let index: string;

/** @param algorithm of the large layer's digest */
function putImage(algorithm: 'sha256' | 'sha512') {
  const config = bytesOf({ os: 'linux', architecture: WISH.platform.architecture });
  const describe = (bytes: Buffer, mediaType: string, digest: string) => ({
    mediaType,
    digest,
    size: bytes.length,
  });
  const layer = 'application/vnd.oci.image.layer.v1.tar';
  large = registry.put('blobs', LARGE, undefined, algorithm);
  manifest = bytesOf({
    ...{ schemaVersion: 2, mediaType: OCI_MANIFEST },
    config: describe(config, OCI_CONFIG, registry.put('blobs', config)),
    layers: [describe(LARGE, layer, large), describe(SMALL, layer, registry.put('blobs', SMALL))],
  });
  image = registry.put('manifests', manifest, OCI_MANIFEST);
  const other = bytesOf({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: describe(config, OCI_CONFIG, large),
    layers: [],
  });
  index = registry.put(
    'manifests',
    bytesOf({
      ...{ schemaVersion: 2, mediaType: OCI_INDEX },
      manifests: [
        {
          ...describe(other, OCI_MANIFEST, registry.put('manifests', other, OCI_MANIFEST)),
          platform: { os: 'linux', architecture: 'riscv64' },
        },
        { ...describe(manifest, OCI_MANIFEST, image), platform: WISH.platform },
      ],
    }),
    OCI_INDEX,
  );
  registry.tag('one', image);
  registry.tag('several', index);
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pulls-'));
  net = await startScriptedNet({ delay });
  registry = await serveRegistry();
  putImage('sha256');
});
afterEach(async () => {
  await net.stop();
  await registry.close();
  await rm(folder, { recursive: true });
});

const WAYS = {
  'this process': () =>
    createDirectImageWay(
      {
        locate: async (url) => ({ url, address: '127.0.0.1', sourceAddress: null, bridgeName: null }),
        ...{ openFlow, delay, now: Date.now, random: Math.random, clock: systemClock },
      },
      { ...SOME_ATTEMPTS, stallTimeoutMs: 600_000, userAgent: 'eve-agent' },
    ),
  'processes without rights': () => createNetImageWay(net.jobs, { delay, random: Math.random }),
} satisfies Record<string, () => OpenImageWay<Origin | null>>;
type WayName = keyof typeof WAYS;
const NAMES = Object.keys(WAYS) as WayName[];
const byEach = <Case extends readonly unknown[]>(cases: readonly Case[]) =>
  NAMES.flatMap((name) => cases.map((each) => [name, ...each] as const));

const target = () => join(folder, 'pulled.tar');
const parts = () => join(net.folder, 'pulls', 'web');
const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
const { signal: forever } = new AbortController();

const requestOf = (reference: string): ImageRequest => ({
  image: parseRegistryImage(`docker://${registry.host}/app${reference}`),
  ...{ wish: WISH, authorization: null, ca: null },
});
interface Pulling {
  readonly signal?: AbortSignal;
  readonly onProgress?: (bytes: number) => void;
}

function pull(name: WayName, reference: string, { signal = forever, onProgress = () => {} }: Pulling = {}) {
  const openWay: OpenImageWay<Origin | null> = WAYS[name]();
  return createImagePull(openWay)(
    {
      ...requestOf(reference),
      ...{ form: 'oci-archive', target: target(), parts: parts() },
    },
    { onEvent() {}, onProgress },
    signal,
  );
}

/** All of the image is in the archive, and nothing of it elsewhere. */
async function expectPulled(): Promise<void> {
  const archive = await readFile(target());
  expect(archive.includes(LARGE) && archive.includes(SMALL)).toBe(true);
  expect(await exists(parts())).toBe(false);
}
const askedFor = (reference: string) => registry.requests.filter((each) => each.startsWith(reference));

describe('an image comes whole', () => {
  it.each(byEach([['one'], ['several']]))('by %s, of the tag %s', async (name, tag) => {
    let position = 0;
    const onProgress = (bytes: number) => {
      position = bytes;
    };
    const pulled = await pull(name, `:${tag}`, { onProgress });
    expect(pulled).toMatchObject({
      ...{ digest: tag === 'one' ? image : index, manifestDigest: image, presentBytes: 0, blobs: 3 },
      ...{ resumedFromBytes: 0, platform: `linux/${WISH.platform.architecture}` },
    });
    expect(position).toBe(pulled.receivedBytes);
    await expectPulled();
  });

  it.each(NAMES)('by %s, of a digest', async (name) => {
    expect(await pull(name, `@${index}`)).toMatchObject({ digest: index, manifestDigest: image });
    await expectPulled();
  });

  it.each(NAMES)('by %s, with a layer that is named by sha512', async (name) => {
    putImage('sha512');
    await pull(name, ':one');
    expect(large).toMatch(/^sha512:/);
    await expectPulled();
  });

  it.each(NAMES)('by %s, from a registry that wants tokens', async (name) => {
    registry.wantTokens();
    await pull(name, ':one');
    await expectPulled();
  });

  it.each(
    byEach<[string, () => string, readonly Disturbance[], string]>([
      ['the manifest is refused for now', () => 'one', [refuse(503), refuse(429)], ''],
      ['a blob is refused for now', () => large, [refuse(503), refuse(500)], ''],
      ['a blob is cut off', () => large, [cut], ` bytes=${HALF}-`],
    ]),
  )('by %s, where %s', async (name, _, reference, disturbances, range) => {
    registry.disturb(reference(), ...disturbances);
    await pull(name, ':one');
    await expectPulled();
    expect(askedFor(reference())).toHaveLength(disturbances.length + 1);
    expect(askedFor(reference()).at(-1)).toBe(`${reference()}${range}`);
  });
});

describe('an image does not come', () => {
  it.each(
    byEach<[string, () => string, Disturbance, string, number]>([
      ['there is no such image', () => 'several', refuse(404), 'IMAGE_NOT_FOUND', 1],
      ['it is not for everybody', () => 'several', refuse(403), 'ACCESS_DENIED', 1],
      ['the manifest is none', () => image, damage, 'DIGEST_MISMATCH', 1],
      ['the manifest is refused for now, for ever', () => 'several', refuse(503), 'HTTP_STATUS', ATTEMPTS],
      ['there is no such blob', () => large, refuse(404), 'HTTP_STATUS', 1],
      ['a blob is another one', () => large, damage, 'DIGEST_MISMATCH', 1],
      ['a blob is refused for now, for ever', () => large, refuse(503), 'HTTP_STATUS', ATTEMPTS],
    ]),
  )('by %s, as %s', async (name, _, reference, disturbance, code, requests) => {
    registry.disturb(reference(), ...Array.from({ length: 2 * ATTEMPTS }, () => disturbance));
    await expect(pull(name, ':several')).rejects.toMatchObject({ code });
    expect(askedFor(reference())).toHaveLength(requests);
    expect(await exists(target())).toBe(false);
  });
});

/** Says half of a blob, and holds the rest until it is told to go on. */
function hold() {
  const held = Promise.withResolvers<void>();
  const isFree = Promise.withResolvers<boolean>();
  const disturbance = sayHalf(() => {
    held.resolve();
    return isFree.promise;
  });
  return { disturbance, held: held.promise, goOn: () => isFree.resolve(true) };
}
/** Begins a pull, and waits until half of the large blob has come. */
async function pullHalf(name: WayName, options: Pulling = {}) {
  const { disturbance, held, goOn } = hold();
  registry.disturb(large, disturbance);
  const half = Promise.withResolvers<void>();
  const pulling = pull(name, ':one', {
    ...options,
    onProgress: (bytes) => bytes >= HALF && half.resolve(),
  });
  pulling.catch(() => {});
  await Promise.all([held, half.promise]);
  return { pulling, goOn };
}

describe('what has come of a pull that ends stays', () => {
  it.each(NAMES)('by %s, and the next one goes on from there', async (name) => {
    const stop = new AbortController();
    const { pulling } = await pullHalf(name, { signal: stop.signal });
    stop.abort(new Error('nobody waits'));
    await expect(pulling).rejects.toThrow('nobody waits');
    expect(await exists(target())).toBe(false);
    const pulled = await pull(name, ':one');
    expect(pulled).toMatchObject({ resumedFromBytes: HALF });
    expect(pulled.presentBytes + pulled.receivedBytes).toBeGreaterThan(HALF);
    await expectPulled();
  });

  it('by one way, and the other one goes on from there', async () => {
    for (const [first, second] of [NAMES, NAMES.toReversed()] as [WayName, WayName][]) {
      const stop = new AbortController();
      const { pulling } = await pullHalf(first, { signal: stop.signal });
      stop.abort(new Error('nobody waits'));
      await expect(pulling).rejects.toThrow('nobody waits');
      expect(await pull(second, ':one')).toMatchObject({ resumedFromBytes: HALF });
      await expectPulled();
    }
  });
});

describe('processes without rights', () => {
  const name = 'processes without rights';

  it('that speaks to the registry ends in the middle: no byte comes twice', async () => {
    const { pulling, goOn } = await pullHalf(name);
    await net.replaceCalf();
    goOn();
    await pulling;
    await expectPulled();
    expect(askedFor(large)).toEqual([large, `${large} bytes=${LARGE.length}-`]);
  });

  it('that writes ends in the middle: the blob is asked for once more', async () => {
    const { pulling } = await pullHalf(name);
    await net.replaceVerifier();
    await pulling;
    await expectPulled();
    expect(askedFor(large)).toHaveLength(2);
  });

  it('that writes ends each time: the pull ends, too', async () => {
    const downloadTo = vi.fn<ScriptedNet['jobs']['downloadTo']>(async () => {
      throw new TargetError('TARGET_BUSY', 'the verifier has ended', { retryable: true });
    });
    const way = await createNetImageWay({ ...net.jobs, downloadTo }, { delay, random: Math.random })(
      requestOf(':one'),
      forever,
    );
    const blob = { mediaType: OCI_CONFIG, digest: contentDigest(SMALL), sizeBytes: SMALL.length };
    const file = { path: target(), isSmall: true };
    const fetching = way.fetchBlob(blob, file, { onEvent() {}, onProgress() {} }, forever);
    await expect(fetching).rejects.toMatchObject({ code: 'TARGET_BUSY' });
    expect(downloadTo).toHaveBeenCalledTimes(ATTEMPTS);
  });

  it('tell of no manifest that is longer than what crosses between them', async () => {
    const document = JSON.parse(manifest.toString());
    const long = { ...document, annotations: { long: 'a'.repeat(MAX_LONG_BYTES) } };
    registry.tag('long', registry.put('manifests', bytesOf(long), OCI_MANIFEST));
    const message = expect.stringContaining(`at most ${MAX_LONG_BYTES}`);
    await expect(pull(name, ':long')).rejects.toMatchObject({ code: 'RESPONSE_INVALID', message });
  });

  it('fill no file of content that is wanted by the configuration, too', async () => {
    const { pulling, goOn } = await pullHalf(name);
    await net.download(new URL(`http://${registry.host}/v2/app/blobs/${large}`), LARGE);
    expect((await net.published(LARGE))?.equals(LARGE)).toBe(true);
    goOn();
    await pulling;
    await expectPulled();
  });
});
