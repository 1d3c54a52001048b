// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../errors.ts';
import { engineAddressText, parseEngineAddress } from './engine-address.ts';

describe('parseEngineAddress', () => {
  it.each([
    [undefined, '/var/run/docker.sock'],
    ['', '/var/run/docker.sock'],
    ['/run/user/1000/docker.sock', '/run/user/1000/docker.sock'],
    ['unix:///var/run/docker.sock', '/var/run/docker.sock'],
    ['unix:///a%20b/docker.sock', '/a b/docker.sock'],
    ['tcp://127.0.0.1:2375', '127.0.0.1:2375'],
    ['tcp://engine', 'engine:2375'],
    ['http://engine', 'engine:80'],
    ['http://[::1]:2375', '::1:2375'],
  ])('%j is %s', (text, place) => {
    expect(engineAddressText(parseEngineAddress(text))).toBe(place);
  });

  it.each([
    'ssh://host',
    'https://host',
    'npipe:////./pipe/docker',
    'unix://',
    'unix://host/x',
    'docker.sock',
  ])('%j is refused', (text) => {
    expect(() => parseEngineAddress(text)).toThrow(ConfigurationError);
  });
});
