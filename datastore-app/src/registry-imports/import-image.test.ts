// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock, type ManualClock } from '@local-datastore/shared/manual-clock';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import type { ManifestDocument } from '@local-datastore/shared/oci/image-archive';
import { OCI_INDEX, OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import { parsePlatform } from '@local-datastore/shared/oci/platform';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestRegistry, type TestRegistry } from '../blobs/testing/test-registry.ts';
import { createFlights, type Flights } from '../upstream/flights.ts';
import {
  createScriptedUpstream,
  digestOf,
  imageOf,
  inPieces,
  type ScriptedUpstream,
} from '../upstream/testing/scripted-upstream.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';
import { type ImageWish, importImage } from './import-image.ts';
import { createImportProgress, type ImportProgress } from './import-progress.ts';

const LAYER = randomBytes(200_000);
const OTHER = randomBytes(150_000);

let local: TestRegistry;
let upstream: ScriptedUpstream;
let clock: ManualClock;
let flights: Flights;
let progress: ImportProgress;
beforeEach(async () => {
  local = await createTestRegistry();
  upstream = createScriptedUpstream();
  clock = createManualClock();
  flights = createFlights({
    ...{ log: silentLog, store: local.registry },
    wait: async (_ms, signal) => signal.throwIfAborted(),
  });
  progress = createImportProgress();
});
afterEach(async () => {
  await flights.stop();
  await local.remove();
});

const WISH: ImageWish = {
  ...{ upstreamRepository: 'lab/app', repository: 'app', reference: { tag: '1' }, platforms: [], tag: '1' },
  ...{ by: 'import:registry.example', mayShare: true },
};
function run(changes: Partial<ImageWish> = {}, signal = new AbortController().signal) {
  progress = createImportProgress();
  const deps = { client: upstream.client, flights, store: local.registry, clock, progress };
  return importImage(deps, { ...WISH, ...changes }, signal);
}
const blobRequests = () => upstream.requests.filter((request) => request.startsWith('BLOB'));
const tagsOf = async (repository = 'app') =>
  (await local.registry.listTags(repository, { limit: 99 }))?.names ?? [];
const hasBlob = async (content: Buffer, repository = 'app') =>
  (await local.registry.statBlob(repository, digestOf(content), { isForPush: false })) !== undefined;
const hasManifest = async ({ digest }: ManifestDocument) =>
  (await local.registry.readManifest('app', { digest })) !== undefined;

function documentOf(document: { mediaType: string; [member: string]: unknown }): ManifestDocument {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...document }));
  return { digest: digestOf(bytes), mediaType: document.mediaType, bytes };
}
const descriptorOf = ({ digest, mediaType, bytes }: ManifestDocument, more: object = {}) => ({
  ...{ mediaType, digest: formatDigest(digest), size: bytes.length },
  ...more,
});
const indexOf = (...manifests: object[]) => documentOf({ mediaType: OCI_INDEX, manifests });
const platform = (architecture: string) => ({ platform: { os: 'linux', architecture } });

/** What is about another manifest, with a blob of its own. */
function attachTo(subject: ManifestDocument, content: string): ManifestDocument {
  const blob = Buffer.from(content);
  upstream.contents.set(formatDigest(digestOf(blob)), blob);
  const part = (bytes: Buffer, mediaType: string) => ({
    ...{ mediaType, digest: formatDigest(digestOf(bytes)), size: bytes.length },
  });
  const attached = documentOf({
    ...{ mediaType: OCI_MANIFEST, artifactType: 'application/vnd.example.signature' },
    ...{ config: part(blob, 'application/vnd.oci.empty.v1+json'), layers: [part(blob, 'text/plain')] },
    subject: descriptorOf(subject),
  });
  upstream.addManifest(attached);
  return attached;
}

function addMulti() {
  const amd64 = imageOf(LAYER);
  const arm64 = imageOf(OTHER);
  for (const { manifest } of [amd64, arm64]) upstream.addManifest(manifest);
  for (const content of [LAYER, OTHER, amd64.config, arm64.config]) {
    upstream.contents.set(formatDigest(digestOf(content)), content);
  }
  const attestation = attachTo(arm64.manifest, 'who built it');
  const index = indexOf(
    descriptorOf(amd64.manifest, platform('amd64')),
    descriptorOf(arm64.manifest, platform('arm64')),
    descriptorOf(attestation, {
      ...platform('unknown'),
      ...{ platform: { os: 'unknown', architecture: 'unknown' } },
      annotations: {
        'vnd.docker.reference.type': 'attestation-manifest',
        'vnd.docker.reference.digest': formatDigest(arm64.manifest.digest),
      },
    }),
  );
  upstream.addManifest(index, '1');
  return { amd64, arm64, index, attestation };
}

describe('an image', () => {
  it('comes as a whole with its tag', async () => {
    const manifest = upstream.add('1', LAYER);
    expect(await run()).toEqual(manifest.digest);
    expect(await tagsOf()).toEqual(['1']);
    expect(await local.registry.readManifest('app', { tag: '1' })).toEqual(manifest);
    expect(await hasBlob(LAYER)).toBe(true);
    expect(progress.hereBytes()).toBe(progress.sizeBytes());
    expect(progress.fetchedBytes).toBe(progress.sizeBytes());
    expect(progress.notes).toEqual([]);
    expect(local.registry.recordOf('app')?.tags.get('1')?.by).toBe('import:registry.example');
  });

  it('costs a look where it is here already', async () => {
    upstream.add('1', LAYER);
    await run();
    upstream.requests.length = 0;
    await run();
    expect(progress.fetchedBytes).toBe(0);
    expect(upstream.requests.filter((request) => !/^(?:HEAD|LIST)|GET sha256-/.test(request))).toEqual([]);
  });

  it('that moved upstream is the next version, and the one before stays', async () => {
    const before = upstream.add('1', LAYER);
    await run();
    const now = upstream.add('1', OTHER);
    await run();
    expect(await local.registry.readManifest('app', { tag: '1' })).toEqual(now);
    expect(await hasManifest(before)).toBe(true);
    expect(local.registry.recordOf('app')?.versions.map(({ digest }) => digest)).toEqual(
      [before, now].map(({ digest }) => formatDigest(digest)),
    );
  });

  it('by its digest has no tag', async () => {
    const { digest } = upstream.add('1', LAYER);
    await run({ reference: { digest }, tag: undefined });
    expect(await tagsOf()).toEqual([]);
    expect(await local.registry.readManifest('app', { digest })).toBeDefined();
  });

  it('takes what another repository has from there, for who may read all', async () => {
    upstream.add('1', LAYER);
    await run({ repository: 'first' });
    const before = blobRequests().length;
    await run();
    expect(blobRequests()).toHaveLength(before);
    expect(await hasBlob(LAYER)).toBe(true);
  });

  it('does not, for who may not: a stranger names no blob of others', async () => {
    await local.push('private', 'secret content');
    const secret = Buffer.from('secret content');
    upstream.add('1', secret);
    upstream.contents.delete(formatDigest(digestOf(secret)));
    await expect(run({ mayShare: false })).rejects.toThrow('upstream has no');
    expect(await hasBlob(secret)).toBe(false);
    expect(await tagsOf()).toEqual([]);
  });

  it('of one empty layer comes, too', async () => {
    upstream.add('1', Buffer.alloc(0));
    await run();
    expect(await tagsOf()).toEqual(['1']);
    expect(await hasBlob(Buffer.alloc(0))).toBe(true);
  });
});

describe('an index', () => {
  it('comes with all of its images, and their attestations', async () => {
    const { amd64, arm64, index, attestation } = addMulti();
    expect(await run()).toEqual(index.digest);
    for (const each of [amd64.manifest, arm64.manifest, attestation])
      expect(await hasManifest(each)).toBe(true);
    expect(await hasBlob(LAYER)).toBe(true);
    expect(await hasBlob(OTHER)).toBe(true);
  });

  it('comes sparse with the platforms that are wanted, and what attests them', async () => {
    const { amd64, arm64, attestation } = addMulti();
    await run({ platforms: [parsePlatform('linux/arm64') ?? expect.fail()] });
    expect(await hasManifest(arm64.manifest)).toBe(true);
    expect(await hasManifest(attestation)).toBe(true);
    expect(await hasManifest(amd64.manifest)).toBe(false);
    expect(await hasBlob(LAYER)).toBe(false);
  });

  it('says which platforms there are', async () => {
    addMulti();
    await expect(run({ platforms: [parsePlatform('linux/s390x') ?? expect.fail()] })).rejects.toThrow(
      'no image for linux/s390x; there are: linux/amd64, linux/arm64',
    );
    expect(await tagsOf()).toEqual([]);
  });

  it('that is sparse upstream is so here, and that is told', async () => {
    const manifest = upstream.add('a', LAYER);
    const missing = imageOf(OTHER).manifest;
    const index = indexOf(
      descriptorOf(manifest, platform('amd64')),
      descriptorOf(missing, platform('s390x')),
    );
    upstream.addManifest(index, '1');
    await run();
    expect(await tagsOf()).toEqual(['1']);
    expect(progress.notes).toEqual(['The index names linux/s390x, which the registry does not have.']);
  });

  it('is refused where indexes lie too deep in each other', async () => {
    let inner = upstream.add('a', LAYER);
    for (let depth = 0; depth < 6; depth += 1) {
      const outer = indexOf(descriptorOf(inner));
      upstream.addManifest(outer, '1');
      inner = outer;
    }
    await expect(run()).rejects.toThrow('deep in each other');
    expect(await tagsOf()).toEqual([]);
  });

  it('is refused where its manifests are too large together', async () => {
    const padding = 'x'.repeat(3_900_000);
    const images = Array.from({ length: 6 }, (_, index) => {
      const image = indexOf();
      const large = documentOf({
        ...JSON.parse(image.bytes.toString()),
        annotations: { padding, at: `${index}` },
      });
      upstream.addManifest(large);
      return large;
    });
    upstream.addManifest(indexOf(...images.map((each) => descriptorOf(each))), '1');
    await expect(run()).rejects.toThrow('too large together');
  });
});

describe('what is attached', () => {
  it('comes along by the referrers API, and what is attached to that', async () => {
    const manifest = upstream.add('1', LAYER);
    const sbom = attachTo(manifest, 'an SBOM');
    const signature = attachTo(sbom, 'a signature of the SBOM');
    const list = (subject: ManifestDocument, ...referrers: ManifestDocument[]) =>
      upstream.documents.set(
        `referrers/${formatDigest(subject.digest)}`,
        indexOf(...referrers.map((each) => descriptorOf(each))).bytes,
      );
    list(manifest, sbom);
    list(sbom, signature);
    await run();
    expect(await local.registry.listReferrers('app', manifest.digest)).toMatchObject([
      { digest: sbom.digest },
    ]);
    expect(await local.registry.listReferrers('app', sbom.digest)).toMatchObject([
      { digest: signature.digest },
    ]);
    expect(await hasBlob(Buffer.from('a signature of the SBOM'))).toBe(true);
  });

  it('comes along by the fallback tag', async () => {
    const manifest = upstream.add('1', LAYER);
    const signature = attachTo(manifest, 'a signature');
    upstream.addManifest(indexOf(descriptorOf(signature)), `sha256-${manifest.digest.hex}`);
    await run();
    expect(await local.registry.listReferrers('app', manifest.digest)).toHaveLength(1);
    expect(await tagsOf()).toEqual(['1']);
  });

  it.each(['sig', 'att', 'sbom'])("comes along by cosign's tag .%s", async (suffix) => {
    const manifest = upstream.add('1', LAYER);
    const tag = `sha256-${manifest.digest.hex}.${suffix}`;
    const signature = upstream.add(tag, Buffer.from('what cosign wrote'));
    await run();
    expect(await tagsOf()).toEqual(['1', tag]);
    expect(await local.registry.readManifest('app', { tag })).toEqual(signature);
  });

  it('of an image of an index comes along, too', async () => {
    const { arm64 } = addMulti();
    const tag = `sha256-${arm64.manifest.digest.hex}.sig`;
    upstream.add(tag, Buffer.from('what cosign wrote'));
    await run();
    expect(await tagsOf()).toContain(tag);
  });

  it('stops nothing where it cannot be had, or is about something else', async () => {
    const manifest = upstream.add('1', LAYER);
    const stranger = attachTo(imageOf(OTHER).manifest, 'about another image');
    const missing = indexOf();
    upstream.documents.set(
      `referrers/${formatDigest(manifest.digest)}`,
      indexOf(descriptorOf(missing), descriptorOf(stranger)).bytes,
    );
    await run();
    expect(await tagsOf()).toEqual(['1']);
    expect(progress.notes).toEqual([
      expect.stringContaining(`${formatDigest(missing.digest)} is attached, and cannot be had`),
      expect.stringContaining('refers to something else'),
    ]);
    expect(await hasManifest(stranger)).toBe(false);
  });

  it('of itself again and again comes once', async () => {
    const manifest = upstream.add('1', LAYER);
    const signature = attachTo(manifest, 'a signature');
    const list = indexOf(descriptorOf(signature)).bytes;
    upstream.documents.set(`referrers/${formatDigest(manifest.digest)}`, list);
    upstream.documents.set(`referrers/${formatDigest(signature.digest)}`, list);
    await run();
    expect(await local.registry.listReferrers('app', manifest.digest)).toHaveLength(1);
  });
});

describe('a registry that fails', () => {
  const corrupt = (rest: Buffer) => {
    const wrong = Buffer.from(rest);
    wrong[wrong.length - 1] = (wrong[wrong.length - 1] ?? 0) ^ 1;
    return inPieces(wrong);
  };
  it.each([
    ['a flipped bit', corrupt, /other content/],
    ['more than there is', (rest: Buffer) => inPieces(Buffer.concat([rest, rest])), /more than its/],
  ])('gives %s: nothing of it is kept', async (_title, delivery, message) => {
    upstream.add('1', LAYER);
    for (let index = 0; index < 3; index += 1) upstream.deliveries.push(delivery);
    await expect(run()).rejects.toThrow(message);
    expect(await tagsOf()).toEqual([]);
    expect(await hasBlob(LAYER)).toBe(false);
    upstream.deliveries.length = 0;
    await run();
    expect(await tagsOf()).toEqual(['1']);
  });

  it('cuts: it goes on from where it was', async () => {
    upstream.add('1', LAYER);
    const cut = (rest: Buffer) => inPieces(rest.subarray(0, 90_000));
    // The config is the other one: which of them comes first is not said.
    upstream.deliveries.push(cut, cut);
    await run();
    expect(await hasBlob(LAYER)).toBe(true);
    expect(progress.fetchedBytes).toBe(progress.sizeBytes());
  });

  it('says nothing for long: what is waited for ends', async () => {
    upstream.add('1', LAYER);
    upstream.deliveries.push(
      () => endless(),
      () => endless(),
    );
    const running = run();
    running.catch(() => {});
    await expect.poll(() => flights.list().length).toBeGreaterThan(0);
    await expect.poll(() => clock.pendingTimers()).toBeGreaterThan(0);
    clock.advance(120_000);
    await expect(running).rejects.toThrow('came in a minute');
    expect(flights.list()).toEqual([]);
  });

  it('takes days: what is here already is kept meanwhile', async () => {
    upstream.add('1', LAYER);
    let letGo = () => {};
    const slow = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const { bytes } = upstream.tags.get('1') ?? expect.fail();
    const { config } = JSON.parse(bytes.toString()) as { config: { digest: string } };
    const content = upstream.contents.get(formatDigest(digestOf(LAYER))) ?? expect.fail();
    async function* late() {
      await slow;
      yield content;
    }
    const openBlob = upstream.client.openBlob.bind(upstream.client);
    const client = {
      ...upstream.client,
      openBlob: async (...args: Parameters<typeof openBlob>) =>
        formatDigest(args[1]) === config.digest ? openBlob(...args) : { content: late(), position: 0 },
    };
    progress = createImportProgress();
    const renewed: string[] = [];
    const store = {
      ...local.registry,
      statBlob: (...args: Parameters<typeof local.registry.statBlob>) => {
        if (args[2].isForPush) renewed.push(formatDigest(args[1]));
        return local.registry.statBlob(...args);
      },
    };
    // Of its own: what stalls is no matter here.
    const hours = createManualClock();
    const patient = {
      ...hours,
      after: (ms: number, callback: () => void) => (ms > 100_000 ? hours.after(ms, callback) : () => {}),
    };
    const running = importImage(
      { client, flights, store, clock: patient, progress },
      WISH,
      new AbortController().signal,
    );
    await expect.poll(() => [...progress.blobs()].filter(({ state }) => state === 'here').length).toBe(1);
    renewed.length = 0;
    hours.advance(7 * 3_600_000);
    expect(renewed).toContain(config.digest);
    letGo();
    await running;
    expect(await tagsOf()).toEqual(['1']);
    expect(hours.pendingTimers()).toBe(0);
  });

  it('is left when the import is aborted, and gone on with another time', async () => {
    upstream.add('1', LAYER);
    const aborting = new AbortController();
    upstream.deliveries.push(() => endless(), endless);
    const running = run({}, aborting.signal);
    running.catch(() => {});
    await expect.poll(() => flights.list().length).toBeGreaterThan(0);
    aborting.abort(new UpstreamError('UNREACHABLE', 'the datastore is stopping'));
    await expect(running).rejects.toThrow('the datastore is stopping');
    expect(flights.list()).toEqual([]);
    await run();
    expect(await tagsOf()).toEqual(['1']);
  });

  it('names no size that there is room for: nothing is left of it', async () => {
    await local.remove();
    local = await createTestRegistry({ quotaBytes: 100_000 });
    flights = createFlights({
      ...{ log: silentLog, store: local.registry },
      wait: async (_ms, signal) => signal.throwIfAborted(),
    });
    upstream.add('1', LAYER);
    await expect(run()).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
    expect(local.registry.findImport('app', digestOf(LAYER))).toBeUndefined();
  });
});

/** A connection on which nothing comes. */
async function* endless(): AsyncGenerator<Buffer> {
  await new Promise(() => {});
  yield Buffer.alloc(0);
}
