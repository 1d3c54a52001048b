// SPDX-License-Identifier: Apache-2.0
/** Images and what stands in them, as small as can be, and the requests that push them. */
import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { Answer, LoopbackDatastore } from '../lab/loopback-datastore.ts';

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json';

export type Algorithm = 'sha256' | 'sha512';

export const digestOf = (bytes: Buffer, algorithm: Algorithm = 'sha256') =>
  `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;

export interface Described {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** Content with what manifests say of it. */
export interface Content {
  readonly bytes: Buffer;
  readonly descriptor: Described;
}

export function contentOf(bytes: Buffer, mediaType: string, algorithm: Algorithm = 'sha256'): Content {
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes, algorithm), size: bytes.length } };
}

export const someBlob = (sizeBytes = 1000, algorithm: Algorithm = 'sha256') =>
  contentOf(randomBytes(sizeBytes), OCI_LAYER, algorithm);

/** An image with its blobs. */
export interface Image extends Content {
  readonly blobs: readonly Content[];
}

export interface ImageOptions {
  readonly layers?: readonly Content[];
  readonly mediaType?: string;
  readonly algorithm?: Algorithm;
  /** Further members of the manifest. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** The text of manifests is indented: nobody who writes JSON anew would come to the same bytes. */
const textOf = (document: unknown) => Buffer.from(`${JSON.stringify(document, null, 3)}\n`);

export function someImage(options: ImageOptions = {}): Image {
  const { algorithm = 'sha256', mediaType = OCI_MANIFEST, more = {} } = options;
  const layers = options.layers ?? [someBlob(1000, algorithm)];
  const configType = mediaType === DOCKER_MANIFEST ? DOCKER_CONFIG : OCI_CONFIG;
  const unique = { created: new Date().toISOString(), author: randomBytes(8).toString('hex') };
  const config = contentOf(
    textOf({ architecture: 'amd64', os: 'linux', ...unique, rootfs: { type: 'layers', diff_ids: [] } }),
    configType,
    algorithm,
  );
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    ...more,
  };
  return { ...contentOf(textOf(manifest), mediaType, algorithm), blobs: [config, ...layers] };
}

export function indexOf(
  children: readonly Content[],
  { mediaType = OCI_INDEX, more = {} }: Pick<ImageOptions, 'mediaType' | 'more'> = {},
): Content {
  const platform = { architecture: 'amd64', os: 'linux' };
  const manifests = children.map(({ descriptor }) => ({ ...descriptor, platform }));
  return contentOf(textOf({ schemaVersion: 2, mediaType, manifests, ...more }), mediaType);
}

/** The status of a refusal and the codes in its body, which is of the form that the specification says. */
export function refusalOf({ status, headers, body }: Answer): [number, ...string[]] {
  expect(headers['content-type']).toBe('application/json');
  const { errors } = JSON.parse(body.toString()) as { errors: { code: string; message: string }[] };
  for (const { message } of errors) expect(message).toMatch(/\S/);
  return [status, ...errors.map(({ code }) => code)];
}

/** One repository of a running datastore, with the write token. */
export function createRepositoryClient({ request }: Pick<LoopbackDatastore, 'request'>, name: string) {
  const at = (path: string) => `/v2/${name}/${path}`;

  async function beginUpload(query = ''): Promise<string> {
    const answer = await request('POST', at(`blobs/uploads/${query}`));
    expect(answer.status).toBe(202);
    return answer.headers.location ?? '';
  }
  const putManifest = (
    { bytes, descriptor }: Content,
    reference: string,
    headers: Record<string, string> = { 'content-type': descriptor.mediaType },
  ) => request('PUT', at(`manifests/${reference}`), { body: bytes, headers });

  async function pushBlob({ bytes, descriptor: { digest } }: Content): Promise<void> {
    const location = await beginUpload();
    const answer = await request('PUT', `${location}?digest=${digest}`, { body: bytes });
    expect([answer.status, answer.headers.location]).toEqual([201, at(`blobs/${digest}`)]);
  }

  return {
    at,
    request,
    beginUpload,
    pushBlob,
    putManifest,
    async pushImage(image: Image, reference = image.descriptor.digest): Promise<void> {
      for (const blob of image.blobs) await pushBlob(blob);
      const answer = await putManifest(image, reference);
      expect([answer.status, answer.body.toString()]).toEqual([201, '']);
    },
    get: (path: string, headers: Record<string, string> = {}, method = 'GET') =>
      request(method, at(path), { headers }),
    head: (path: string) => request('HEAD', at(path)),
    delete: (path: string) => request('DELETE', at(path)),
  };
}
export type RepositoryClient = ReturnType<typeof createRepositoryClient>;
