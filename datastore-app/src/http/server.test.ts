import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { silentLog } from '@local-datastore/shared/log';
import { expect, it } from 'vitest';
import { listen } from './server.ts';

const HEAD = 'PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n';

it('lets a request take any time as long as something comes, and cuts it when nothing does', async () => {
  let receivedBytes = 0;
  const listener = await listen(
    { log: silentLog },
    (request, response) => {
      request.on('data', (piece: Buffer) => {
        receivedBytes += piece.length;
      });
      request.on('end', () => response.end('done'));
    },
    {
      ...{ address: '127.0.0.1', port: 0, tls: undefined },
      limits: { maxConnections: 10, headerTimeoutMs: 200, idleTimeoutMs: 400 },
    },
  );
  const begin = () => {
    const socket = connect(listener.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(HEAD);
    return socket;
  };
  const slow = begin();
  const answered = once(slow, 'data');
  // Several times as long as any of the limits; each piece well within them.
  for (let piece = 0; piece < 20; piece += 1) {
    await delay(50);
    slow.write(Buffer.alloc(50));
  }
  expect(String((await answered)[0])).toContain('done');
  expect(receivedBytes).toBe(1000);
  slow.destroy();

  const stalled = begin();
  stalled.write('x');
  await once(stalled, 'close');
  expect(receivedBytes).toBe(1001);
  await listener.drain(0);
});
