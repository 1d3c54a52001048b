// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { beforeEach, describe, expect, it } from 'vitest';
import { createDirectStoreClient } from '../store/direct-client.ts';
import { createKeyStore, type KeyStore, PRIV } from '../store/key-store.ts';
import { readable } from '../store/rights.ts';
import { toJson } from './ask-messages.ts';
import { splitLong } from './long-value.ts';
import { watchLong } from './watch-long.ts';

const audit = { append() {} };
let store: KeyStore;
let heard: unknown[];

const write = (prefix: readonly string[], value: unknown) => {
  for (const part of splitLong(prefix, toJson(value))) store.write(PRIV, part.path, part.value);
};
async function watch() {
  const client = createDirectStoreClient({ store, audit }, { actor: 'net', rights: [readable('/job/*/*')] });
  const unwatch = await watchLong(client, '/job/*/*', {
    onValue: ([, id], value) => heard.push([id, value]),
    onGone: ([, id]) => heard.push([id, 'gone']),
    onLost: (reason) => heard.push(reason),
  });
  return { client, unwatch };
}

beforeEach(() => {
  store = createKeyStore({ audit, log: silentLog });
  heard = [];
});

describe('values in parts', () => {
  it('are told whole, those that were there and those that come', async () => {
    const long = 'x'.repeat(10_000);
    write(['job', '1'], { text: long });
    await watch();
    write(['job', '2'], [1, 2]);
    expect(heard).toEqual([
      ['1', { text: long }],
      ['2', [1, 2]],
    ]);
  });

  it('are gone once, whole or not, and may come again under their name', async () => {
    await watch();
    write(['job', '1'], 'one');
    store.write(PRIV, ['job', '2', '000'], toJson('half'));
    for (const { path } of store.list('/job/**')) store.delete(PRIV, path);
    write(['job', '1'], 'again');
    expect(heard).toEqual([
      ['1', 'one'],
      ['1', 'gone'],
      ['2', 'gone'],
      ['1', 'again'],
    ]);
  });

  it('that are no JSON are told as nothing', async () => {
    await watch();
    for (const part of splitLong(['job', '1'], Buffer.from('{'))) store.write(PRIV, part.path, part.value);
    expect(heard).toEqual([['1', undefined]]);
  });

  it('are told no more when the watch has ended, and why when the store has', async () => {
    const { unwatch } = await watch();
    unwatch();
    write(['job', '1'], 1);
    expect(heard).toEqual([]);
    const { client } = await watch();
    heard = [];
    client.close();
    expect(heard).toEqual(['closed']);
  });
});
