// SPDX-License-Identifier: Apache-2.0
import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type DatagramSource, hearDatagrams, MAX_WAITING } from './datagrams.ts';

const FROM = { address: '192.0.2.1', port: 514 };

function create() {
  const ending = new AbortController();
  const sent: unknown[] = [];
  let failure: Error | null = null;
  const socket = Object.assign(new EventEmitter(), {
    send(bytes: Uint8Array, port: number, address: string, done: (error: Error | null) => void) {
      sent.push([Buffer.from(bytes).toString(), address, port]);
      done(failure);
    },
  });
  const datagrams = hearDatagrams(socket as DatagramSource, ending.signal);
  return {
    ...{ ending, sent, socket, datagrams },
    come: (payload: string) => socket.emit('message', Buffer.from(payload), FROM),
    fail: (error: Error) => {
      failure = error;
    },
    async hear(count: number) {
      const heard: string[] = [];
      for await (const { bytes, address } of datagrams) {
        heard.push(`${address} ${bytes}`);
        if (heard.length === count) break;
      }
      return heard;
    },
  };
}

describe('datagrams', () => {
  it('that came before they were asked for are there, in their order', async () => {
    const { come, hear } = create();
    come('a');
    come('b');
    expect(await hear(2)).toEqual(['192.0.2.1 a', '192.0.2.1 b']);
  });

  it('are waited for', async () => {
    const { come, hear } = create();
    const heard = hear(2);
    await Promise.resolve();
    come('a');
    await Promise.resolve();
    come('b');
    expect(await heard).toEqual(['192.0.2.1 a', '192.0.2.1 b']);
  });

  it('that are too many are dropped, and counted', async () => {
    const { come, hear, datagrams } = create();
    for (let index = 0; index < MAX_WAITING + 3; index += 1) come(String(index));
    expect(datagrams.dropped()).toBe(3);
    expect((await hear(MAX_WAITING)).at(-1)).toBe(`192.0.2.1 ${MAX_WAITING - 1}`);
    come('later');
    expect(await hear(1)).toEqual(['192.0.2.1 later']);
  });

  it.each([0, 1])('end when the calf is to end, with %d that wait', async (count) => {
    const { come, hear, ending } = create();
    const heard = hear(2);
    if (count > 0) come('a');
    await Promise.resolve();
    ending.abort();
    expect((await heard).length).toBeLessThanOrEqual(count);
  });

  it('are sent, or it is said why not', async () => {
    const { datagrams, sent, fail, socket } = create();
    await datagrams.send(Buffer.from('x'), FROM);
    expect(sent).toEqual([['x', FROM.address, FROM.port]]);
    fail(new Error('EPERM'));
    await expect(datagrams.send(Buffer.from('x'), FROM)).rejects.toThrow('EPERM');
    expect(socket.emit('error', new Error('ECONNREFUSED'))).toBe(true);
  });
});
