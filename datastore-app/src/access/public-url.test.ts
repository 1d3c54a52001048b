// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { parsePublicUrl } from './public-url.ts';

it.each([
  ['https://images.example', 'https://images.example'],
  ['https://Images.Example/', 'https://images.example'],
  ['https://images.example:443', 'https://images.example'],
  ['http://10.1.0.5:8080', 'http://10.1.0.5:8080'],
  ['https://[fd00::1]:8443', 'https://[fd00::1]:8443'],
  ['http://ds.local:8080/', 'http://ds.local:8080'],
])('%s is %s', (text, origin) => {
  expect(parsePublicUrl(text).origin).toBe(origin);
});

it.each([
  ['images.example', 'a URL such as'],
  ['images.example:8443', 'a URL such as'],
  ['//images.example', 'a URL such as'],
  ['ftp://images.example', 'a URL such as'],
  ['https://user:secret@images.example', 'a URL such as'],
  ['https://', 'a URL such as'],
  ['https://images.example/registry', 'without a path'],
  ['https://images.example/?a=b', 'without a path'],
  ['https://images.example/#x', 'without a path'],
])('%s is refused', (text, message) => {
  expect(() => parsePublicUrl(text)).toThrow(message);
  expect(() => parsePublicUrl(text)).not.toThrow('secret');
});
