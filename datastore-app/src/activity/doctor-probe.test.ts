// SPDX-License-Identifier: Apache-2.0
import { EventEmitter } from 'node:events';
import { DOCTOR_PRODUCT } from '@local-datastore/shared/http/products';
import { expect, it } from 'vitest';
import { createDownloadLog } from './downloads.ts';
import { createMetrics } from './metrics.ts';

it.each([
  [DOCTOR_PRODUCT, false, 'probe', 0],
  [`UnityNetworkReporter/ (linux amd64) ${DOCTOR_PRODUCT}`, false, 'probe', 0],
  [DOCTOR_PRODUCT, true, 'done', 0],
  ['UnityNetworkReporter/ (linux amd64)', false, 'broken', 1],
  [undefined, false, 'broken', 1],
  ['curl/8', true, 'done', 0],
])('takes %j, whole: %j, for %s', async (userAgent, isComplete, state, broken) => {
  const downloads = createDownloadLog();
  const socket = { bytesWritten: 0, remoteAddress: '10.0.0.9' };
  const request = { method: 'GET', socket, headers: { 'user-agent': userAgent } };
  const response = Object.assign(new EventEmitter(), {
    ...{ statusCode: 200, writableFinished: isComplete },
    getHeader: () => 20,
  });
  downloads.begin(request as never, response as never, 'a.img');
  response.emit('close');
  expect(downloads.list()).toEqual([expect.objectContaining({ state })]);

  const metrics = createMetrics();
  const counts = { sentBytes: 1, receivedBytes: 1, durationMs: 1, status: 200 };
  const about = { method: 'GET', path: '/a.img', kind: 'image', client: '10.0.0.9' } as const;
  metrics.noteRequest({ ...counts, ...about, userAgent, isComplete });
  const line = `datastore_http_broken_responses_total{kind="image"} ${broken}`;
  expect(await metrics.text()).toContain(line);
});
