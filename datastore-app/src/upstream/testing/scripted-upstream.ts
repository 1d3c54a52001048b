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
  readonly deliveries: Delivery[];
  /** While set, whatever is asked for fails so. */
  failure: UpstreamError | undefined;
  /** What was asked for: `HEAD 1`, `GET sha256:…`, `BLOB sha256:… 0`. */
  readonly requests: string[];
  add(tag: string, layer: Buffer): ManifestDocument;
}

export async function* inPieces(bytes: Buffer, pieceBytes = 10_000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
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
      async openBlob(_repository, digest, position) {
        const text = formatDigest(digest);
        upstream.requests.push(`BLOB ${text} ${position}`);
        requireUp();
        const content = upstream.contents.get(text);
        if (content === undefined) throw missing(text);
        const deliver = upstream.deliveries.shift() ?? inPieces;
        return { content: await deliver(content.subarray(position)), position };
      },
      close: async () => {},
    },
  };
  return upstream;
}
