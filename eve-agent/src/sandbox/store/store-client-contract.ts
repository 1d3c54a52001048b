// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditEntry, AuditSink } from '../audit/audit-entry.ts';
import { keyPathText, parseKeyPath } from './key-path.ts';
import { createKeyStore, type KeyStore } from './key-store.ts';
import type { KeyRight } from './rights.ts';
import type { SeenChange, StoreClient } from './store-client.ts';

/** What a client under test is made of. */
export interface StoreUnderTest {
  readonly store: KeyStore;
  readonly audit: AuditSink;
  readonly actor: string;
  readonly rights: readonly KeyRight[];
}

const RIGHTS: readonly KeyRight[] = [
  { pattern: '/bridges/*', mayRead: true, mayWrite: false },
  { pattern: '/resolved/*/ip', mayRead: false, mayWrite: true },
  { pattern: '/both/**', mayRead: true, mayWrite: true },
];
const path = parseKeyPath;
const bytes = (text: string) => Buffer.from(text);
const textOf = (value: Uint8Array | null) => (value === null ? null : Buffer.from(value).toString());
const refused = (code: string) => expect.objectContaining({ code });

/** What a calf may expect of the store, however it is connected to it. */
export function describeStoreClientContract(
  name: string,
  connect: (under: StoreUnderTest) => Promise<{ readonly client: StoreClient; stop(): Promise<void> }>,
): void {
  describe(`the store ${name}`, () => {
    let store: KeyStore;
    let client: StoreClient;
    let stop: () => Promise<void>;
    const audited: AuditEntry[] = [];
    const seen: string[] = [];
    const see = ({ path: changed, value }: SeenChange) =>
      seen.push(`${keyPathText(changed)} ${textOf(value)}`);
    const refusals = () =>
      audited
        .filter(({ verdict }) => verdict !== 'ok')
        .map(({ op, path: asked, verdict }) => `${op} ${asked} ${verdict}`);

    beforeEach(async () => {
      audited.length = 0;
      seen.length = 0;
      const audit = { append: (entry: AuditEntry) => void audited.push(entry) };
      store = createKeyStore({ audit, log: silentLog }, { keys: 100, bytes: 100_000 });
      ({ client, stop } = await connect({ store, audit, actor: 'net', rights: RIGHTS }));
    });
    afterEach(() => stop());

    it('is read, written and deleted', async () => {
      store.write('priv', path('/bridges/bn1'), bytes('10.1.0.1/24'));
      expect(textOf(await client.read(path('/bridges/bn1')))).toBe('10.1.0.1/24');
      expect(await client.read(path('/bridges/bn2'))).toBeNull();
      await client.write(path('/resolved/ds.local/ip'), bytes('10.1.0.5'));
      expect(textOf(store.read(path('/resolved/ds.local/ip')) ?? null)).toBe('10.1.0.5');
      await client.delete(path('/resolved/ds.local/ip'));
      expect(store.read(path('/resolved/ds.local/ip'))).toBeUndefined();
      await expect(client.delete(path('/resolved/ds.local/ip'))).rejects.toEqual(refused('NOT_FOUND'));
      expect(audited.map(({ actor, op, verdict }) => `${actor} ${op} ${verdict}`)).toEqual([
        'priv write ok',
        'net write ok',
        'net delete ok',
      ]);
    });

    it('holds values of any bytes', async () => {
      for (const value of [bytes(''), Buffer.from([0]), Buffer.from([255, 0, 128]), Buffer.alloc(4096, 7)]) {
        await client.write(path('/both/x'), value);
        expect(Buffer.from((await client.read(path('/both/x'))) ?? []).equals(value)).toBe(true);
      }
    });

    it('does what it is asked for in that order', async () => {
      const asked = Array.from({ length: 200 }, (_, i) => client.write(path('/both/x'), bytes(String(i))));
      expect(textOf(await client.read(path('/both/x')))).toBe('199');
      await Promise.all(asked);
    });

    it('refuses by a code, and tells the log, without the value', async () => {
      await expect(client.read(path('/resolved/ds.local/ip'))).rejects.toEqual(refused('DENIED'));
      await expect(client.write(path('/bridges/bn1'), bytes('secret'))).rejects.toEqual(refused('DENIED'));
      await expect(client.delete(path('/bridges/bn1'))).rejects.toEqual(refused('DENIED'));
      await expect(client.watch('/**', see)).rejects.toEqual(refused('DENIED'));
      await expect(client.write(path('/both/x'), Buffer.alloc(4097))).rejects.toEqual(refused('TOO_LARGE'));
      expect(refusals()).toEqual([
        'read /resolved/ds.local/ip DENIED',
        'write /bridges/bn1 DENIED',
        'delete /bridges/bn1 DENIED',
        'watch /** DENIED',
        'write /both/x TOO_LARGE',
      ]);
    });

    it('refuses more than the actor may have', async () => {
      const writes = Array.from({ length: 101 }, (_, i) => client.write(path(`/both/${i}`), bytes('')));
      const results = await Promise.allSettled(writes);
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(100);
      await expect(writes[100]).rejects.toEqual(refused('QUOTA'));
      const watches = Array.from({ length: 65 }, () => client.watch('/bridges/*', see));
      expect((await Promise.allSettled(watches)).map(({ status }) => status)).toEqual([
        ...Array.from({ length: 64 }, () => 'fulfilled'),
        'rejected',
      ]);
      await expect(watches[64]).rejects.toEqual(refused('QUOTA'));
      ((await watches[0]) ?? (() => {}))();
      await client.watch('/bridges/*', see);
    });

    it('refuses what is no path or pattern', async () => {
      await expect(client.read(['..'])).rejects.toEqual(refused('MALFORMED'));
      await expect(client.write(['*'], bytes(''))).rejects.toEqual(refused('MALFORMED'));
      await expect(client.delete([])).rejects.toEqual(refused('MALFORMED'));
      await expect(client.watch('/a//b', see)).rejects.toEqual(refused('MALFORMED'));
      expect(await client.read(path('/both/x'))).toBeNull();
    });

    it('tells a watch what is there, then what changes, until it is ended', async () => {
      store.write('priv', path('/bridges/bn1'), bytes('1'));
      store.write('priv', path('/bridges/bn2'), bytes('2'));
      store.write('priv', path('/other'), bytes('3'));
      const end = await client.watch('/bridges/*', see);
      expect(seen).toEqual(['/bridges/bn1 1', '/bridges/bn2 2']);
      store.write('priv', path('/bridges/bn3'), bytes('4'));
      store.delete('priv', path('/bridges/bn1'));
      store.write('priv', path('/other'), bytes('5'));
      await expect.poll(() => seen.slice(2)).toEqual(['/bridges/bn3 4', '/bridges/bn1 null']);
      end();
      end();
      store.write('priv', path('/bridges/bn2'), bytes('6'));
      expect(await client.read(path('/bridges/bn2'))).toEqual(expect.anything());
      expect(seen).toHaveLength(4);
    });

    it('has several watches, of the same keys too, each told for itself', async () => {
      const others: string[] = [];
      const endFirst = await client.watch('/both/**', see);
      await client.watch('/both/x', ({ value }) => others.push(`x ${textOf(value)}`));
      await client.watch('/both/x', ({ value }) => others.push(`again ${textOf(value)}`));
      await client.write(path('/both/x'), bytes('1'));
      await expect.poll(() => [...seen, ...others]).toEqual(['/both/x 1', 'x 1', 'again 1']);
      endFirst();
      await client.write(path('/both/x'), bytes('2'));
      await expect.poll(() => others.slice(2)).toEqual(['x 2', 'again 2']);
      expect(seen).toHaveLength(1);
    });

    it('tells the last value of a key to whoever watches it, and deletion', async () => {
      await client.watch('/bridges/*', see);
      for (let i = 0; i < 1000; i += 1) store.write('priv', path('/bridges/bn1'), bytes(String(i)));
      await expect.poll(() => seen.at(-1)).toBe('/bridges/bn1 999');
      store.delete('priv', path('/bridges/bn1'));
      await expect.poll(() => seen.at(-1)).toBe('/bridges/bn1 null');
    });

    it('ends', async () => {
      const lost: string[] = [];
      await client.watch('/bridges/*', see, (reason) => lost.push(reason));
      client.close();
      client.close();
      expect(await client.closed).toBe('closed');
      expect(lost).toEqual(['closed']);
      for (const call of [
        client.read(path('/bridges/bn1')),
        client.write(path('/both/x'), bytes('')),
        client.delete(path('/both/x')),
        client.watch('/bridges/*', see),
      ])
        await expect(call).rejects.toEqual(refused('BUSY'));
      store.write('priv', path('/bridges/bn1'), bytes('1'));
      expect(seen).toEqual([]);
    });
  });
}
