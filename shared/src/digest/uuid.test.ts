// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { uuidOfUrl } from './uuid.ts';

// Python: uuid.uuid5(uuid.NAMESPACE_URL, url)
it.each([
  ['http://ds.local', 'fa78153c-e215-5397-bfa7-514264cdf4dd'],
  ['http://ds.local/linux/base%20disk.qcow2', 'e39708c5-c2e4-5724-be6a-5b1fd09b4bd3'],
])('%s has the version 5 UUID that others compute', (url, uuid) => {
  expect(uuidOfUrl(url)).toBe(uuid);
});
