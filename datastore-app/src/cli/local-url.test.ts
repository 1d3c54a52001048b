// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { localUrl } from './local-url.ts';

it.each([
  [undefined, 80, 'http://127.0.0.1/'],
  [undefined, 8080, 'http://127.0.0.1:8080/'],
  ['0.0.0.0', 80, 'http://127.0.0.1/'],
  ['10.1.0.5', 8080, 'http://10.1.0.5:8080/'],
  ['::', 8080, 'http://[::1]:8080/'],
  ['fd00::5', 80, 'http://[fd00::5]/'],
])('a datastore that listens on %s, port %i, is asked at %s', (address, port, url) => {
  expect(localUrl({ address, port }).href).toBe(url);
});
