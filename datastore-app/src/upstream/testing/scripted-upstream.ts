// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import type { ManifestDocument } from '@local-datastore/shared/oci/image-archive';
import { OCI_CONFIG, OCI_MANIFEST } from '@local-datastore/shared/oci/media-types';
import type { UpstreamClient } from '../upstream-client.ts';
import { UpstreamError } from '../upstream-error.ts';

export const digestOf = (bytes: Buffer): OciDigest => ({
  algorithm: 'sha256',
  hex: createHash('sha256').update(bytes).digest('hex'),
});
const descriptor = (mediaType: string, bytes: Buffer) => ({
  ...{ mediaType, digest: formatDigest(digestOf(bytes)), size: bytes.length },
});

/** An image of one layer. */
export function imageOf(layer: Buffer): { readonly manifest: ManifestDocument; readonly config: Buffer } {
  const config = Buffer.from(JSON.stringify({ os: 'linux', layer: digestOf(layer).hex }));
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: descriptor(OCI_CONFIG, config),
      layers: [descriptor('application/vnd.oci.image.layer.v1.tar', layer)],
    }),
  );
  return { manifest: { digest: digestOf(bytes), mediaType: OCI_MANIFEST, bytes }, config };
}

/** How an upstream gives a blob, request for request; beyond the last it gives all. */
export type Delivery = (rest: Buffer) => AsyncIterable<Uint8Array> | Promise<never>;

/** A registry that does as the test says. */
export interface ScriptedUpstream {
  readonly client: UpstreamClient;
  readonly tags: Map<string, ManifestDocument>;
  /** By digest as text. */
  readonly contents: Map<string, Buffer>;
  /** Lists by their path, such as `tags/list?n=1000`. */
  readonly documents: Map<string, Buffer>;
  readonly deliveries: Delivery[];
  /** While set, whatever is asked for fails so. */
  failure: UpstreamError | undefined;
  /** What was asked for: `HEAD 1`, `GET sha256:…`, `BLOB sha256:… 0`. */
  readonly requests: string[];
  add(tag: string, layer: Buffer): ManifestDocument;
  /** A manifest that no tag leads to, unless it is one. */
  addManifest(manifest: ManifestDocument, tag?: string): void;
}

export async function* inPieces(bytes: Buffer, pieceBytes = 10_000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

/** As a connection that is cut when the signal aborts. */
async function* unlessAborted(content: AsyncIterable<Uint8Array>, signal: AbortSignal) {
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  aborted.catch(() => {});
  const iterator = content[Symbol.asyncIterator]();
  for (;;) {
    signal.throwIfAborted();
    const next = await Promise.race([iterator.next(), aborted]);
    if (next.done === true) return;
    yield next.value;
  }
}

export function createScriptedUpstream(): ScriptedUpstream {
  const manifests = new Map<string, ManifestDocument>();
  const requireUp = () => {
    if (upstream.failure !== undefined) throw upstream.failure;
  };
  const missing = (what: string) => new UpstreamError('NOT_FOUND', `upstream has no ${what}`);
  const upstream: ScriptedUpstream = {
    tags: new Map(),
    contents: new Map(),
    documents: new Map(),
    deliveries: [],
    failure: undefined,
    requests: [],
    add(tag, layer) {
      const { manifest, config } = imageOf(layer);
      upstream.tags.set(tag, manifest);
      manifests.set(formatDigest(manifest.digest), manifest);
      for (const content of [layer, config]) upstream.contents.set(formatDigest(digestOf(content)), content);
      return manifest;
    },
    addManifest(manifest, tag) {
      if (tag !== undefined) upstream.tags.set(tag, manifest);
      manifests.set(formatDigest(manifest.digest), manifest);
    },
    client: {
      async readManifest(_repository, reference) {
        const text = 'tag' in reference ? reference.tag : formatDigest(reference.digest);
        upstream.requests.push(`GET ${text}`);
        requireUp();
        const found = upstream.tags.get(text) ?? manifests.get(text);
        if (found === undefined) throw missing(text);
        return found;
      },
      async resolveTag(_repository, tag) {
        upstream.requests.push(`HEAD ${tag}`);
        requireUp();
        const found = upstream.tags.get(tag);
        if (found === undefined) throw missing(tag);
        return found.digest;
      },
      async openBlob(_repository, digest, position, signal) {
        const text = formatDigest(digest);
        upstream.requests.push(`BLOB ${text} ${position}`);
        requireUp();
        const content = upstream.contents.get(text);
        if (content === undefined) throw missing(text);
        const deliver = upstream.deliveries.shift() ?? inPieces;
        return { content: unlessAborted(await deliver(content.subarray(position)), signal), position };
      },
      async readDocument(_repository, { path }) {
        upstream.requests.push(`LIST ${path}`);
        requireUp();
        const bytes = upstream.documents.get(path);
        if (bytes !== undefined) return { bytes, link: undefined };
        throw new UpstreamError('NOT_FOUND', `upstream has no ${path}`, { details: { status: 404 } });
      },
      close: async () => {},
    },
  };
  return upstream;
}
