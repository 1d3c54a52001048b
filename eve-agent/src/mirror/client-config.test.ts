// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { CLIENTS, clientConfig } from './client-config.ts';

it.each(CLIENTS)('the lines for %s name the place, and are whole lines', (client) => {
  const text = clientConfig(client, '127.0.0.1:5055');
  expect(text).toContain('127.0.0.1:5055');
  expect(text).toMatch(/[^\n]\n$/);
});

it('those for k3s are YAML as it reads it', () => {
  expect(parse(clientConfig('k3s', '127.0.0.1:5055'))).toEqual({
    mirrors: { '*': { endpoint: ['http://127.0.0.1:5055'] } },
  });
});
