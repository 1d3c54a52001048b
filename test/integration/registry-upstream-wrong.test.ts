// SPDX-License-Identifier: Apache-2.0
/**
 * The real datastore before upstreams that give something else, or cannot prove who they are: what was reported of
 * other registries ("Reports of other registries" in test/README.md).
 */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { issueAuthority, issueLeaf } from '@local-datastore/shared/tls/issue-certificates';
import type { TlsIdentity } from '@local-datastore/shared/tls/tls-identity';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ADDRESS, createDatastoreFolder, type DatastoreFolder } from '../lab/loopback-datastore.ts';
import {
  type HostileRegistry,
  type Answer as Reply,
  send,
  sendStart,
  startHostileRegistry,
} from './hostile-registry.ts';
import {
  createRepositoryClient,
  type Image,
  OCI_MANIFEST,
  refusalOf,
  someImage,
} from './registry-content.ts';
import { createUpstreamScene, statusOrCut, type UpstreamScene } from './upstream-scene.ts';

// harbor #23600, distribution PR #4872: a proxy keeps what it has not verified, and an empty answer of 200.
describe('of content that is wrong nobody has the whole, and nothing is kept:', () => {
  let scene: UpstreamScene;
  beforeAll(async () => {
    scene = await createUpstreamScene();
  });
  afterAll(() => scene?.remove());
  afterEach(() => scene.turnOn());

  const storedBlobs = async () =>
    (await readdir(join(scene.place.root, '.oci/blobs'), { recursive: true }).catch(() => [])).join();
  const flipped = (bytes: Buffer) => {
    const wrong = Buffer.from(bytes);
    wrong[1000] = (wrong[1000] ?? 0) ^ 1;
    return wrong;
  };
  const empty: Reply = (_request, response) => response.writeHead(200, { 'content-length': 0 }).end();

  it.concurrent.each<[string, (layer: Buffer) => Reply]>([
    ['a flipped bit', (layer) => (request, response) => send(request, response, flipped(layer))],
    ['a body too short', (layer) => (request, response) => send(request, response, layer.subarray(0, -1))],
    [
      'a body too long',
      (layer) => (request, response) => send(request, response, Buffer.concat([layer, layer])),
    ],
    ['an empty body', () => empty],
    [
      'a body without length that ends early',
      (layer) => (_request, response) => response.writeHead(200).end(layer.subarray(0, layer.length / 2)),
    ],
    [
      'other bytes than those that were asked for',
      (layer) => async (request, response) => {
        if (request.headers.range === undefined) {
          await sendStart(request, response, layer, layer.length / 2);
          response.destroy();
        } else {
          response.writeHead(206, { 'content-range': `bytes 7-${layer.length - 1}/${layer.length}` });
          response.end(layer.subarray(7));
        }
      },
    ],
  ])(
    '%s',
    async (title, replyWith) => {
      const name = `wrong/${title.replaceAll(/[^a-z]+/g, '-')}`;
      // One that fits into what is withheld, and one that is sent on while it comes.
      const tried = [20_000, 700_000].map(async (sizeBytes) => {
        const { repository, layer, giveLayer } = await scene.createHalfImage(
          `${name}-${sizeBytes}`,
          sizeBytes,
        );
        const { digest } = layer.descriptor;
        giveLayer(replyWith(layer.bytes));
        expect([undefined, 502]).toContain(await statusOrCut(repository.get(`blobs/${digest}`)));
        expect(await storedBlobs()).not.toContain(digest.slice('sha256:'.length));
        giveLayer(undefined);
        // What failed before its first byte was sent on is not asked for again for half a minute.
        const pull = async () => {
          const { status, body } = await repository.get(`blobs/${digest}`);
          expect([status, body.equals(layer.bytes)]).toEqual([200, true]);
        };
        await vi.waitFor(pull, { timeout: 600_000, interval: 500 });
      });
      await Promise.all(tried);
    },
    120_000,
  );

  it.each<[string, (image: Image) => Reply]>([
    ['empty', () => empty],
    ['another one', () => (request, response) => send(request, response, someImage().bytes, OCI_MANIFEST)],
    [
      'changed in one letter',
      ({ bytes }) =>
        (request, response) =>
          send(request, response, Buffer.from(bytes.toString().replace('amd', 'bmd')), OCI_MANIFEST),
    ],
  ])('a manifest that is %s', async (title, replyWith) => {
    const name = `manifest/${title.replaceAll(' ', '-')}`;
    const repository = scene.repositoryOf(name);
    const image = someImage({ more: { annotations: { word: 'amd' } } });
    const { digest } = image.descriptor;
    for (const reference of ['1', digest]) {
      scene.upstream.onPath(`/v2/${name}/manifests/${reference}`, (request, response) => {
        response.setHeader('docker-content-digest', digest);
        return replyWith(image)(request, response);
      });
      const got = await repository.get(`manifests/${reference}`);
      expect([reference, ...refusalOf(got)]).toEqual([reference, 502, 'UNKNOWN']);
    }
    scene.turnOff();
    expect((await repository.get('tags/list')).status).toBe(404);
    expect(await storedBlobs()).not.toContain(digest.slice('sha256:'.length));
  });
});

describe('an upstream that drips', () => {
  let scene: UpstreamScene;
  beforeAll(async () => {
    scene = await createUpstreamScene();
  });
  afterAll(() => scene?.remove());

  it('holds nobody else up, is asked once, and has what it gives stored once that is whole', async () => {
    const sizeBytes = 700_000;
    const steps = [1, 2, 3].map((number) => ({ upTo: number * 200_000, ...Promise.withResolvers<void>() }));
    const slow = await scene.createHalfImage('slow', sizeBytes);
    const { digest } = slow.layer.descriptor;
    const all = Promise.withResolvers<void>();
    slow.giveLayer(async (request, response) => {
      await sendStart(request, response, slow.layer.bytes, 1);
      let from = 1;
      for (const { upTo, promise } of steps) {
        await promise;
        response.write(slow.layer.bytes.subarray(from, upTo));
        from = upTo;
      }
      await all.promise;
      response.end(slow.layer.bytes.subarray(from));
    });
    const clients = [slow.repository.get(`blobs/${digest}`), slow.repository.get(`blobs/${digest}`)];
    const imports = async () => (await scene.datastore().json('/-/api/v1/registry/upstreams')).imports;
    await expect.poll(imports).toMatchObject([{ repository: 'up/slow', receivedBytes: 1 }]);
    for (const { upTo, resolve } of steps) {
      resolve();
      await expect.poll(imports).toMatchObject([{ repository: 'up/slow', receivedBytes: upTo }]);
      const other = await scene.createHalfImage(`beside-${upTo}`, sizeBytes);
      const { status, body } = await other.repository.get(`blobs/${other.layer.descriptor.digest}`);
      expect([status, body.equals(other.layer.bytes)]).toEqual([200, true]);
      const stored = await readdir(join(scene.place.root, '.oci/blobs'), { recursive: true });
      expect(stored.join()).not.toContain(digest.slice('sha256:'.length));
    }
    all.resolve();
    for (const { status, body } of await Promise.all(clients)) {
      expect([status, body.equals(slow.layer.bytes)]).toEqual([200, true]);
    }
    expect(slow.layerRequests()).toEqual(['all']);
    scene.turnOff();
    expect((await slow.repository.get(`blobs/${digest}`)).body.equals(slow.layer.bytes)).toBe(true);
  });
});

// zot #4352 and #4353: where TLS fails, clients are told that there is no such manifest.
describe('an upstream that cannot prove who it is', () => {
  const SECRET = 'the-password-of-this-test';
  const validity = { notBefore: new Date(0), notAfter: new Date('2090-01-01') };
  let place: DatastoreFolder;
  let authority: TlsIdentity;
  let server: HostileRegistry;

  async function startServer(port: number, issuer: TlsIdentity, name: string): Promise<void> {
    const leaf = await issueLeaf(issuer, { ...validity, commonName: name, alternativeNames: [name] });
    server = await startHostileRegistry(1, { port, tls: { cert: leaf.certificate, key: leaf.key } });
  }
  beforeAll(async () => {
    place = await createDatastoreFolder();
    authority = await issueAuthority('upstreams', validity);
    await startServer(0, authority, ADDRESS);
    await writeFile(join(place.folder, 'ca.pem'), authority.certificate);
    await writeFile(join(place.folder, 'password'), SECRET, { mode: 0o600 });
    const access = 'credentials: { user: puller, passwordFile: password }, tags: { check: 0s }';
    await writeFile(
      join(place.folder, 'upstreams.yaml'),
      `version: 1\nupstreams: [{ prefix: up, url: "https://${server.host}", ca: ca.pem, ${access} }]\n`,
    );
  });
  afterAll(async () => {
    await place?.remove();
    await server?.close();
  });

  it('is said to be that, without its address or the password; what is here is served', async () => {
    const datastore = await place.start('--upstreams', join(place.folder, 'upstreams.yaml'));
    const repository = createRepositoryClient(datastore, 'up/a');
    const known = await repository.get('manifests/1');
    expect(known.status).toBe(200);
    const port = Number(server.host.split(':')[1]);
    const stranger = await issueAuthority('strangers', validity);
    for (const [issuer, name, cause] of [
      [stranger, ADDRESS, 'its authority is not known here'],
      [authority, 'other.example', 'its certificate is for another name'],
    ] as const) {
      await server.close();
      await startServer(port, issuer, name);
      const here = await repository.get('manifests/1');
      expect([here.status, here.body.equals(known.body)]).toEqual([200, true]);
      const unseen = await repository.get(`manifests/${name.replaceAll('.', '-')}`);
      expect(refusalOf(unseen)).toEqual([502, 'UNKNOWN']);
      expect(unseen.body.toString()).toContain(cause);
      for (const text of [unseen.body.toString(), datastore.log()]) {
        for (const secret of [SECRET, 'puller', `https://${server.host}`]) expect(text).not.toContain(secret);
      }
    }
  });
});
