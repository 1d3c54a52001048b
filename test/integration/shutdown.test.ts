// SPDX-License-Identifier: Apache-2.0
/** How the datastore ends. */
import { once } from 'node:events';
import { open, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADDRESS, createDatastoreFolder, type DatastoreFolder, MODIFIED } from '../lab/loopback-datastore.ts';
import { waitForLog } from '../lab/programs.ts';
import { beginDownload, HUGE_BYTES, readRest } from './followed-downloads.ts';

let place: DatastoreFolder;

beforeAll(async () => {
  place = await createDatastoreFolder();
});

afterAll(() => place.remove());

describe('the end of a datastore', () => {
  it('comes after what is in flight, with exit code 0, and takes nothing new', async () => {
    const content = Buffer.alloc(HUGE_BYTES, 'x');
    await place.put('last.img', content);
    const server = await place.start();
    const download = await beginDownload(server.port, '/last.img');
    const stopping = waitForLog(server.child, '"stopping"');
    const stopped = server.stop();
    await stopping.seen;
    await expect(server.get('/-/livez')).rejects.toThrow(/ECONNREFUSED|ECONNRESET|socket hang up/);
    expect((await readRest(download)).equals(content)).toBe(true);
    expect(await stopped).toBe(0);
  });

  it('does not wait for a connection that is kept alive after its answer', async () => {
    // Much longer than this test may take.
    const server = await place.start('--drain-timeout', '3600');
    const socket = connect(server.port, ADDRESS);
    socket.write(`GET /last.img HTTP/1.1\r\nHost: ${ADDRESS}\r\n\r\n`);
    const [first] = (await once(socket, 'data')) as [Buffer];
    socket.pause();
    const stopping = waitForLog(server.child, '"stopping"');
    const stopped = server.stop();
    await stopping.seen;
    expect(await readRest({ socket, first })).toHaveLength(HUGE_BYTES);
    expect(await stopped).toBe(0);
  });

  it('cuts at the limit who does not read, with exit code 0', async () => {
    const server = await place.start('--drain-timeout', '0');
    const download = await beginDownload(server.port, '/last.img');
    expect(await server.stop()).toBe(0);
    expect((await readRest(download)).length).toBeLessThan(HUGE_BYTES);
  });

  it('comes at once when asked twice', async () => {
    const server = await place.start();
    const { socket } = await beginDownload(server.port, '/last.img');
    const stopping = waitForLog(server.child, '"stopping"');
    const ended = once(server.child, 'exit');
    server.child.kill('SIGTERM');
    await stopping.seen;
    server.child.kill('SIGTERM');
    expect((await ended)[0]).toBe(128 + 15);
    socket.destroy();
  });

  it('may come in the middle of hashing', async () => {
    const sparse = await open(join(place.root, 'sparse.img'), 'w');
    await sparse.truncate(64 * 1024 ** 3);
    await sparse.utimes(MODIFIED, MODIFIED);
    await sparse.close();
    const server = await place.start();
    const hashedBytes = async () => {
      const answer = await server.get('/-/api/v1/images/sparse.img');
      return (JSON.parse(answer.body.toString()) as { hashedBytes: number }).hashedBytes;
    };
    await expect.poll(hashedBytes).toBeGreaterThan(0);
    expect(await server.stop()).toBe(0);
    await rm(join(place.root, 'sparse.img'));
  });
});
