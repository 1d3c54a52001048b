// SPDX-License-Identifier: Apache-2.0
/** The real datastore before a registry that does what a test says. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import {
  type Answer,
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';
import {
  type HostileRegistry,
  type Answer as Reply,
  send,
  startHostileRegistry,
} from './hostile-registry.ts';
import {
  type Content,
  createRepositoryClient,
  type RepositoryClient,
  someBlob,
  someImage,
} from './registry-content.ts';

/** An image of which the upstream has all, and the datastore the manifest alone. */
export interface HalfImage {
  readonly repository: RepositoryClient;
  readonly layer: Content;
  /** From now on the upstream gives its layer so; undefined: as it should. */
  giveLayer(reply: Reply | undefined): void;
  /** The ranges in which it was asked for the layer; `all` without one. */
  layerRequests(): readonly string[];
}

export interface UpstreamScene {
  readonly upstream: HostileRegistry;
  readonly place: DatastoreFolder;
  /** The one that runs. */
  datastore(): LoopbackDatastore;
  /** SIGKILL, and another start. */
  killAndStart(): Promise<void>;
  /** A repository of the upstream, as the datastore shows it. */
  repositoryOf(name: string): RepositoryClient;
  createHalfImage(name: string, sizeBytes: number): Promise<HalfImage>;
  /** The upstream is away from now on. */
  turnOff(): void;
  turnOn(): void;
  /** What has come from it since the start. */
  importedBytes(): Promise<number>;
  remove(): Promise<void>;
}

/** Its upstream is asked for a tag each time. */
export async function createUpstreamScene(): Promise<UpstreamScene> {
  const upstream = await startHostileRegistry(1);
  const place = await createDatastoreFolder();
  const file = join(place.folder, 'upstreams.yaml');
  const settings = `url: "http://${upstream.host}", tags: { check: 0s, budget: 5s }`;
  await writeFile(file, `version: 1\nupstreams: [{ prefix: up, ${settings} }]\n`);
  const start = () => place.start('--upstreams', file, '--reserve', '0');
  let datastore = await start();
  const repositoryOf = (name: string) => createRepositoryClient(datastore, `up/${name}`);

  return {
    ...{ upstream, place, repositoryOf },
    datastore: () => datastore,
    async killAndStart() {
      await datastore.kill();
      datastore = await start();
    },
    async createHalfImage(name, sizeBytes) {
      const image = someImage({ layers: [someBlob(sizeBytes)] });
      upstream.serve(name, '1', [image], image.blobs);
      const repository = repositoryOf(name);
      expect((await repository.get('manifests/1')).status).toBe(200);
      const layer = image.blobs.at(-1) ?? image;
      const requests: string[] = [];
      const whole: Reply = (request, response) => send(request, response, layer.bytes);
      const giveLayer = (reply: Reply = whole) =>
        upstream.onPath(`/v2/${name}/blobs/${layer.descriptor.digest}`, (request, response) => {
          requests.push(request.headers.range ?? 'all');
          return reply(request, response);
        });
      giveLayer();
      return { repository, layer, giveLayer, layerRequests: () => requests };
    },
    turnOff() {
      upstream.onRequest((request) => {
        request.socket.destroy();
        return true;
      });
    },
    turnOn: () => upstream.onRequest(() => false),
    async importedBytes() {
      const metrics = (await datastore.request('GET', '/-/metrics')).body.toString();
      return Number(/^datastore_registry_imported_bytes_total (\d+)$/m.exec(metrics)?.[1]);
    },
    async remove() {
      await place.remove();
      await upstream.close();
    },
  };
}

/** The status of an answer; undefined: the connection was cut before its end. */
export async function statusOrCut(answer: Promise<Answer>): Promise<number | undefined> {
  try {
    const { status, headers, body } = await answer;
    return Number(headers['content-length']) === body.length ? status : undefined;
  } catch {
    return undefined;
  }
}
