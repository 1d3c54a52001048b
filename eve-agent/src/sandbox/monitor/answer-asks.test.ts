// SPDX-License-Identifier: Apache-2.0
import { openPipe } from '@local-datastore/shared/confinement/system/pipe';
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import { expect, it, vi } from 'vitest';
import { createAnswerer } from './answer-asks.ts';
import type { DownloadJob } from './net-jobs.ts';
import type { VerifiedTarget } from './verified-target.ts';

it('leaves no target open whose download was given up while it was opened', async () => {
  const opened = Promise.withResolvers<VerifiedTarget>();
  const close = vi.fn(async () => {});
  const job: DownloadJob = {
    ...{
      url: 'http://ds.local/a.img',
      path: '/pending/a',
      sizeBytes: 10,
      digest: contentDigest(Buffer.from('a')),
    },
    ...{ observer: { onEvent() {}, onProgress() {} }, served: null, outlived: null },
  };
  const jobs = new Map([['a', job]]);
  const unreachable = () => expect.unreachable();
  const answer = createAnswerer(
    {
      ...{ openPipe, connect: unreachable, selectBridges: () => [], openTarget: () => opened.promise },
      sockets: { give: unreachable, close: unreachable },
      jobs: { failDownload() {}, findDownload: (id) => jobs.get(id), namedHosts: () => new Set() },
    },
    { allowsInternal: false, proxyHost: null },
  );
  const asked = answer({ kind: 'target', job: 'a' }, new AbortController().signal);
  jobs.delete('a');
  opened.resolve({ stored: null, close } as unknown as VerifiedTarget);
  await expect(asked).rejects.toMatchObject({ verdict: 'NOT_FOUND' });
  expect(job.served).toBeNull();
  expect(close).toHaveBeenCalledOnce();
});
