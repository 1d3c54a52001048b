// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { beforeEach, describe, expect, test } from 'vitest';
import type { NtpServer } from './ntp-sockets.ts';
import { type OpenServers, openServers } from './open-servers.ts';

let clock: ReturnType<typeof createManualClock>;
let opened: (NtpServer & { hear: (bytes: Uint8Array) => void; isClosed: boolean })[];
let sent: string[];
let refusals: number;
let changes: string[];
let heard: string[];
let servers: OpenServers;

beforeEach(() => {
  clock = createManualClock();
  [opened, sent, changes, heard, refusals] = [[], [], [], [], 0];
  servers = openServers(
    {
      clock,
      log: silentLog,
      sockets: {
        async open(server, hear) {
          if (refusals > 0) {
            refusals -= 1;
            throw new Error('ENETUNREACH');
          }
          const place = { ...server, hear, isClosed: false };
          opened.push(place);
          return {
            send: () => sent.push(server.address),
            close: () => {
              place.isClosed = true;
            },
          };
        },
      },
    },
    {
      onDatagram: (id, bytes) => heard.push(`${id}:${bytes.length}`),
      onChange: (ids) => changes.push(ids.join(',')),
    },
  );
});
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

test('servers are there once they have a socket', async () => {
  servers.set('001', '10.0.0.1');
  servers.set('002', '10.0.0.2');
  servers.send('001', new Uint8Array(1));
  expect([changes, sent]).toEqual([[], []]);
  await settle();
  expect(changes.at(-1)).toBe('001,002');
  servers.send('002', new Uint8Array(1));
  servers.send('003', new Uint8Array(1));
  expect(sent).toEqual(['10.0.0.2']);
  opened[0]?.hear(new Uint8Array(48));
  expect(heard).toEqual(['001:48']);
});

test('a server at another address is another, and what comes to its old socket is not heard', async () => {
  servers.set('001', '10.0.0.1');
  await settle();
  servers.set('001', '10.0.0.1');
  await settle();
  expect(opened).toHaveLength(1);
  servers.set('001', '10.0.0.9');
  expect(changes.at(-1)).toBe('');
  await settle();
  expect(changes.at(-1)).toBe('001');
  expect(opened.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  opened[0]?.hear(new Uint8Array(48));
  expect(heard).toEqual([]);
});

describe('a server to which there is no way', () => {
  test('is tried again after 2, 4 … 64 s', async () => {
    refusals = 8;
    servers.set('001', '10.0.0.1');
    await settle();
    for (const seconds of [2, 4, 8, 16, 32, 64, 64, 64]) {
      expect(clock.pendingTimers()).toBe(1);
      clock.advance(seconds * 1000 - 1);
      await settle();
      expect(opened).toHaveLength(0);
      clock.advance(1);
      await settle();
    }
    expect(opened).toHaveLength(1);
    expect(changes).toEqual(['001']);
  });

  test('is not tried again once it is not wanted', async () => {
    refusals = 1;
    servers.set('001', '10.0.0.1');
    await settle();
    servers.set('001', null);
    expect(clock.pendingTimers()).toBe(0);
    expect(changes).toEqual([]);
  });
});

test('a socket that opens too late is closed', async () => {
  servers.set('001', '10.0.0.1');
  servers.set('001', null);
  await settle();
  expect(opened[0]?.isClosed).toBe(true);
  expect(changes).toEqual([]);
  servers.set('002', '10.0.0.2');
  servers.close();
  await settle();
  expect(opened[1]?.isClosed).toBe(true);
});

test('there are sixteen at most', async () => {
  for (let index = 0; index < 20; index += 1) servers.set(String(index), `10.0.0.${index}`);
  await settle();
  expect(opened).toHaveLength(16);
  servers.close();
  expect(opened.every(({ isClosed }) => isClosed)).toBe(true);
});
