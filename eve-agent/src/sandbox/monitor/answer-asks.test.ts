// SPDX-License-Identifier: Apache-2.0
import { openPipe } from '@local-datastore/shared/confinement/system/pipe';
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import { expect, it } from 'vitest';
import { createMemoryTarget } from '../../transfer/memory-target.ts';
import { createAnswerer } from './answer-asks.ts';
import type { DownloadJob } from './net-jobs.ts';

it('leaves no target open whose download was given up while it was opened', async () => {
  const target = createMemoryTarget(10);
  const opening = Promise.withResolvers<void>();
  const job: DownloadJob = {
    ...{ url: 'http://ds.local/a.img', sizeBytes: 10, digest: contentDigest(Buffer.from('a')) },
    ...{ observer: { onEvent() {}, onProgress() {} }, served: null, outlived: null },
    target: {
      async open() {
        await opening.promise;
        return await target.open();
      },
    },
  };
  const jobs = new Map([['a', job]]);
  const unreachable = () => expect.unreachable();
  const answer = createAnswerer(
    {
      ...{ openPipe, connect: unreachable, selectBridges: () => [] },
      sockets: { give: unreachable, close: unreachable },
      jobs: { findDownload: (id) => jobs.get(id), namedHosts: () => new Set() },
    },
    { allowsInternal: false, proxyHost: null, reception: { stallTimeoutMs: 1000 } },
  );
  const asked = answer({ kind: 'target', job: 'a' }, new AbortController().signal);
  jobs.delete('a');
  opening.resolve();
  await expect(asked).rejects.toMatchObject({ verdict: 'NOT_FOUND' });
  expect(job.served).toBeNull();
  // It can be had again.
  await (await target.open()).close();
});
