// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test, vi } from 'vitest';
import type { DatastoreLocation } from './find-datastore.ts';
import { createLocator, parseImageUrl } from './locate.ts';
import { addressUrl, originOf } from './origin.ts';

const BN1 = { name: 'bn1', address: '10.1.0.1', cidr: '10.1.0.1/24' };
const FOUND: DatastoreLocation = {
  host: 'ds.local',
  address: '10.1.0.5',
  bridge: BN1,
  sourceAddress: '10.1.0.1',
  responder: '10.1.0.5',
  elapsedMs: 1,
  service: null,
  alternatives: [],
  packets: { received: 1, malformed: 0, rejected: 0 },
};

function setUp() {
  const findDatastore = vi.fn(async () => FOUND);
  const selectBridges = vi.fn(() => [BN1]);
  const locate = createLocator({ findDatastore, selectBridges });
  const { signal } = new AbortController();
  return {
    findDatastore,
    selectBridges,
    locate: (url: string) => locate(new URL(url), { bridges: ['bn1'], timeoutMs: 1000, signal }),
  };
}

describe('a host on .local', () => {
  test.each([
    ['http://ds.local/a/b.qcow2?v=1', 'http://ds.local/a/b.qcow2?v=1', 'http://10.1.0.5/a/b.qcow2?v=1'],
    ['https://DS.Local.:8443/a%20b', 'https://ds.local:8443/a%20b', 'https://10.1.0.5:8443/a%20b'],
    ['http://ds.local', 'http://ds.local/', 'http://10.1.0.5/'],
  ])('%s is spoken to as %s, and stands at %s', async (url, named, addressed) => {
    const { locate, findDatastore, selectBridges } = setUp();
    const located = await locate(url);
    expect(located).toMatchObject({ kind: 'local', location: FOUND });
    const origin = originOf(located);
    expect(origin).toMatchObject({ address: '10.1.0.5', sourceAddress: '10.1.0.1', bridgeName: 'bn1' });
    expect(origin.url.href).toBe(named);
    expect(addressUrl(origin).href).toBe(addressed);
    expect(selectBridges).toHaveBeenCalledWith(['bn1']);
    expect(findDatastore).toHaveBeenCalledWith(
      expect.objectContaining({ host: 'ds.local', bridges: [BN1], timeoutMs: 1000 }),
    );
  });
  test('of another script is asked for in UTF-8', async () => {
    const { locate, findDatastore } = setUp();
    await locate('http://büro.local/');
    expect(findDatastore).toHaveBeenCalledWith(expect.objectContaining({ host: 'büro.local' }));
  });
  test('with an empty label is refused', async () => {
    const { locate } = setUp();
    await expect(locate('http://ds..local/')).rejects.toMatchObject({ code: 'URL_INVALID' });
  });
});

test.each([
  'http://example.org/a',
  'http://localhost:8080/a',
  'http://local/a',
  'http://10.1.0.5/a',
  'https://[fd00::5]:8443/a',
  'http://ds.local.example/a',
])('%s is left to ordinary resolution', async (url) => {
  const { locate, findDatastore, selectBridges } = setUp();
  const located = await locate(url);
  expect(located.kind).toBe('ordinary');
  expect(located.url.href).toBe(url);
  expect(findDatastore).not.toHaveBeenCalled();
  expect(selectBridges).not.toHaveBeenCalled();
});

describe('a URL that is refused', () => {
  test.each([
    ['ds.local/a', '"ds.local/a" is not a URL'],
    ['', '"" is not a URL'],
    ['\u001b[2J', '"\\027[2J" is not a URL'],
    ['ftp://ds.local/a', 'the scheme must be http or https, not ftp'],
    ['file:///etc/passwd', 'the scheme must be http or https, not file'],
    ['http://user:geheim@ds.local/', 'use --auth'],
    ['ftp://user:geheim@ds.local/', 'use --auth'],
  ])('%j: %s', (url, message) => {
    expect(() => parseImageUrl(url)).toThrow(
      expect.objectContaining({ code: 'URL_INVALID', message: expect.stringContaining(message) }),
    );
    expect(() => parseImageUrl(url)).not.toThrow('geheim');
  });
});
