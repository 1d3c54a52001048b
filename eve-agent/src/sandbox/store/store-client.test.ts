// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { connect as connectSocket, createServer, type Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { systemClock } from '@local-datastore/shared/system-clock';
import { describe, expect, it, vi } from 'vitest';
import { createDirectStoreClient } from './direct-client.ts';
import { frameOf } from './frame-reader.ts';
import { parseKeyPath } from './key-path.ts';
import { serveStore } from './serve-store.ts';
import { MAX_OPEN_REQUESTS, openStoreClient } from './store-client.ts';
import { describeStoreClientContract, type StoreUnderTest } from './store-client-contract.ts';
import { encodeResponse, type Response } from './wire.ts';

/** Two sockets of the kernel that are connected to each other. */
async function socketPair(): Promise<readonly [Socket, Socket]> {
  const server = createServer();
  server.listen({ path: `\0store-test-${process.pid}-${Math.random()}` });
  await once(server, 'listening');
  const ours = connectSocket({ path: String(server.address()) });
  const [theirs] = (await once(server, 'connection')) as [Socket];
  server.close();
  return [ours, theirs];
}

/** The contract is not about pace. */
const FAST = { messagesPerSecond: 100_000 };

function connectOver(pair: () => Promise<readonly [Duplex, Duplex]>) {
  return async ({ store, audit, actor, rights }: StoreUnderTest) => {
    const [privSide, calfSide] = await pair();
    const server = serveStore(
      { store, audit, clock: systemClock },
      { actor, rights, limits: FAST },
      privSide,
    );
    const client = openStoreClient(calfSide);
    return {
      client,
      async stop() {
        client.close();
        await server.closed;
      },
    };
  };
}

describeStoreClientContract('in the same process', async (under) => ({
  client: createDirectStoreClient(under, under),
  stop: async () => {},
}));
describeStoreClientContract(
  'over a stream in memory',
  connectOver(async () => duplexPair()),
);
describeStoreClientContract('over a pair of sockets', connectOver(socketPair));

describe('a calf’s side', () => {
  const refused = (code: string) => expect.objectContaining({ code });
  const ip = parseKeyPath('/ip');

  /** A client, and the store's end of its stream. */
  function create() {
    const [storeSide, calfSide] = duplexPair();
    const client = openStoreClient(calfSide);
    return {
      client,
      storeSide,
      answer: (response: Response) => storeSide.write(frameOf(encodeResponse(response))),
    };
  }
  const EMPTY = Buffer.alloc(0);

  it('has so many open questions and no more', async () => {
    const { client, storeSide } = create();
    const asked = Array.from({ length: MAX_OPEN_REQUESTS }, () => client.read(ip));
    await expect(client.read(ip)).rejects.toEqual(refused('BUSY'));
    storeSide.destroy();
    for (const each of asked) await expect(each).rejects.toEqual(refused('BUSY'));
    expect(await client.closed).toBe('it closed the connection');
  });

  it('tells a watch that is over why, once, and of nothing after it', async () => {
    const { client, answer } = create();
    const told: string[] = [];
    const watching = client.watch(
      '/a',
      () => told.push('change'),
      (reason) => told.push(reason),
    );
    answer({ id: 1, kind: 'ok', value: EMPTY });
    answer({ id: 1, kind: 'event', event: { seq: 1, path: [], kind: 'lost', value: Buffer.from('BUSY') } });
    answer({ id: 1, kind: 'event', event: { seq: 2, path: ['a'], kind: 'deleted' } });
    (await watching)();
    await expect.poll(() => told).toEqual(['BUSY']);
    client.close();
    expect(told).toEqual(['BUSY']);
  });

  it('tells a watch that was refused by its promise alone', async () => {
    const { client, answer } = create();
    const lost = vi.fn();
    const watching = client.watch('/a', () => {}, lost);
    answer({ id: 1, kind: 'error', value: Buffer.from('DENIED') });
    await expect(watching).rejects.toEqual(refused('DENIED'));
    const cut = client.watch('/a', () => {}, lost);
    client.close();
    await expect(cut).rejects.toEqual(refused('BUSY'));
    expect(lost).not.toHaveBeenCalled();
  });

  it.each<[string, Response | Buffer, string]>([
    [
      'what is no message',
      Buffer.from([16, 0, 0, 0, ...Buffer.alloc(16, 255)]),
      'it sent 4294967296 segments',
    ],
    ['what has no length of one', Buffer.alloc(4), 'it sent a message that claims 0 bytes'],
    [
      'an answer that nobody asked for',
      { id: 9, kind: 'ok', value: EMPTY },
      'it answered 9, which was not asked',
    ],
    [
      'an event too early',
      { id: 1, kind: 'event', event: { seq: 2, path: ['a'], kind: 'deleted' } },
      'it sent event 2 after 0',
    ],
  ])('ends after %s', async (_, sent, why) => {
    const { client, storeSide, answer } = create();
    const watching = client.watch('/a', () => {});
    if (Buffer.isBuffer(sent)) storeSide.write(sent);
    else answer(sent);
    expect(await client.closed).toContain(why);
    await expect(watching).rejects.toEqual(refused('BUSY'));
  });

  it('takes a code that it does not know for MALFORMED', async () => {
    const { client, answer } = create();
    const reading = client.read(ip);
    answer({ id: 1, kind: 'error', value: Buffer.from('no such thing') });
    await expect(reading).rejects.toEqual(refused('MALFORMED'));
  });
});
