// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { formatDigest } from '@local-datastore/shared/oci/digest';
import type { ManifestDocument } from '@local-datastore/shared/oci/image-archive';
import { createScriptedUpstream, digestOf, imageOf } from './testing/scripted-upstream.ts';
import { createUpstreamClient } from './upstream-client.ts';
import { describeUpstreamClientContract } from './upstream-client-contract.ts';

describeUpstreamClientContract('that does as a test says', async () => {
  const { client, add } = createScriptedUpstream();
  return { client, add: (_repository, tag, layer) => add(tag, layer), close: client.close };
});

describeUpstreamClientContract('that speaks HTTP', async () => {
  const manifests = new Map<string, ManifestDocument>();
  const blobs = new Map<string, Buffer>();
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    const manifest = manifests.get(path);
    const blob = blobs.get(path);
    if (manifest !== undefined) {
      response.setHeader('Content-Type', manifest.mediaType);
      response.setHeader('Docker-Content-Digest', formatDigest(manifest.digest));
      response.end(manifest.bytes);
    } else if (blob !== undefined) {
      const first = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      if (first > 0) {
        response.statusCode = 206;
        response.setHeader('Content-Range', `bytes ${first}-${blob.length - 1}/${blob.length}`);
      }
      response.end(blob.subarray(first));
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const client = createUpstreamClient({ url }, async () => undefined);
  return {
    client,
    add(repository, tag, layer) {
      const { manifest, config } = imageOf(layer);
      const at = `/v2/${repository}`;
      for (const reference of [tag, formatDigest(manifest.digest)]) {
        manifests.set(`${at}/manifests/${reference}`, manifest);
      }
      for (const bytes of [layer, config]) blobs.set(`${at}/blobs/${formatDigest(digestOf(bytes))}`, bytes);
      return manifest;
    },
    async close() {
      await client.close();
      server.close();
      server.closeAllConnections();
    },
  };
});
