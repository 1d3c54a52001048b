import { silentLog } from '@local-datastore/shared/log';
import { beforeEach, describe, expect, test } from 'vitest';
import { createDirectStoreClient, type DirectStoreClient } from './direct-store-client.ts';
import { keyPathText, parseKeyPath } from './key-path.ts';
import { createKeyStore, type KeyStore } from './key-store.ts';

const RIGHTS = [
  { pattern: '/server/*', mayRead: true, mayWrite: false },
  { pattern: '/offset', mayRead: false, mayWrite: true },
];
const bytes = (text: string) => Buffer.from(text);
let store: KeyStore;
let client: DirectStoreClient;
beforeEach(() => {
  store = createKeyStore({ log: silentLog });
  client = createDirectStoreClient(store, 'ntp', RIGHTS);
});

test('does what its rights let it', async () => {
  store.write('priv', ['server', '1'], bytes('a'));
  expect(await client.read(['server', '1'])).toEqual(new Uint8Array(bytes('a')));
  expect(await client.read(['server', '2'])).toBeNull();
  await client.write(['offset'], bytes('1'));
  expect(store.read(['offset'])).toEqual(new Uint8Array(bytes('1')));
  await client.delete(['offset']);
  expect(store.read(['offset'])).toBeUndefined();
  await expect(client.delete(['offset'])).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

describe('what its rights do not let it', () => {
  test.each<[string, () => Promise<unknown>]>([
    ['writing what is to be read', () => client.write(['server', '1'], bytes('x'))],
    ['reading what is to be written', () => client.read(['offset'])],
    ['deleting what is to be read', () => client.delete(['server', '1'])],
    ['watching all', () => client.watch('/**', () => {})],
    ['what nobody named', () => client.write(['else'], bytes('x'))],
  ])('%s is denied', async (_, act) => {
    await expect(act()).rejects.toMatchObject({ code: 'DENIED' });
  });
});

test('watches what is there, and what comes, until it stops', async () => {
  store.write('priv', parseKeyPath('/server/1'), bytes('a'));
  const seen: string[] = [];
  const stop = await client.watch('/server/*', ({ path, value }) => {
    seen.push(`${keyPathText(path)}=${value === null ? '-' : Buffer.from(value)}`);
  });
  store.write('priv', parseKeyPath('/server/2'), bytes('b'));
  store.delete('priv', parseKeyPath('/server/1'));
  stop();
  store.write('priv', parseKeyPath('/server/3'), bytes('c'));
  expect(seen).toEqual(['/server/1=a', '/server/2=b', '/server/1=-']);
});
