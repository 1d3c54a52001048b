// SPDX-License-Identifier: Apache-2.0
/** Files that change, and clients that go away, while they are sent. */
import { randomBytes } from 'node:crypto';
import { open, readdir, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';
import { beginDownload, entityTagAt, HUGE_BYTES, readRest } from './followed-downloads.ts';

const LARGE = randomBytes(3 * 1024 * 1024 + 17);

let place: DatastoreFolder;
let server: LoopbackDatastore;

beforeAll(async () => {
  place = await createDatastoreFolder();
  await place.put('images/large.img', LARGE);
  server = await place.start();
});

afterAll(() => place.remove());

describe('a file that changes while it is sent', () => {
  const old = Buffer.alloc(HUGE_BYTES, 'o');

  it('is sent to its end as it was when it is replaced', async () => {
    await place.put('moving.img', old);
    const download = await beginDownload(server.port, '/moving.img');
    await place.put('moving.img', Buffer.alloc(HUGE_BYTES, 'n'));
    expect((await readRest(download)).equals(old)).toBe(true);
    expect((await server.get('/moving.img', { range: 'bytes=0-0' })).body.toString()).toBe('n');
  });

  it('is sent to its end when it is removed', async () => {
    await place.put('gone.img', old);
    const download = await beginDownload(server.port, '/gone.img');
    await rm(join(place.root, 'gone.img'));
    expect((await readRest(download)).equals(old)).toBe(true);
    expect((await server.get('/gone.img')).status).toBe(404);
  });

  it.each([
    ['overwritten in place', (file: string) => overwrite(file)],
    ['cut short', async (file: string) => (await open(file, 'r+').then(truncateAndClose)) as undefined],
  ])('is cut off, never mixed, when it is %s', async (_title, change) => {
    await place.put('written.img', old);
    const download = await beginDownload(server.port, '/written.img');
    await change(join(place.root, 'written.img'));
    const body = await readRest(download);
    expect(body.length).toBeLessThan(HUGE_BYTES);
    expect(body.includes('n')).toBe(false);
    expect((await server.get('/-/livez')).status).toBe(200);
  });
});

it('gives back what clients that go away have used', async () => {
  const file = join(place.root, 'huge.img');
  /** How often the server has the image open. */
  const countOpen = async () => {
    const descriptors = `/proc/${server.child.pid}/fd`;
    const targets = (await readdir(descriptors)).map((name) =>
      readlink(join(descriptors, name)).catch(() => undefined),
    );
    return (await Promise.all(targets)).filter((target) => target === file).length;
  };
  await place.put('huge.img', Buffer.alloc(HUGE_BYTES));
  await expect.poll(() => entityTagAt(server, '/huge.img')).toContain('sha256:');
  await expect.poll(countOpen).toBe(0);
  const downloads = await Promise.all(
    Array.from({ length: 30 }, () => beginDownload(server.port, '/huge.img')),
  );
  expect(await countOpen()).toBe(30);
  for (const { socket } of downloads) socket.destroy();
  await expect.poll(countOpen).toBe(0);
  expect((await server.get('/images/large.img')).body.equals(LARGE)).toBe(true);
});

async function overwrite(file: string): Promise<undefined> {
  const handle = await open(file, 'r+');
  // Behind what was read ahead by now.
  await handle.write(Buffer.alloc(1024 * 1024, 'n'), 0, 1024 * 1024, HUGE_BYTES - 2 * 1024 * 1024);
  await handle.close();
}

async function truncateAndClose(handle: Awaited<ReturnType<typeof open>>): Promise<undefined> {
  await handle.truncate(HUGE_BYTES - 1024 * 1024);
  await handle.close();
}
