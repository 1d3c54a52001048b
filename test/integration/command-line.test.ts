// SPDX-License-Identifier: Apache-2.0
/** The datastore's command line, on the real program. */
import { once } from 'node:events';
import { copyFile, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { qcow2 } from '../../datastore-app/src/formats/testing/headers.ts';
import { ADDRESS, createDatastoreFolder, type DatastoreFolder, MODIFIED } from '../lab/loopback-datastore.ts';
import { entityTagAt, entityTagOf, sha256Of } from './followed-downloads.ts';
import { rot } from './rotten-image.ts';

let place: DatastoreFolder;

beforeAll(async () => {
  place = await createDatastoreFolder();
});

afterAll(() => place.remove());

it.each([
  [['serve', '--port', 'many'], "'--port <number>' argument 'many'"],
  [['serve', '--port', '65536'], 'from 0 to 65535'],
  [['serve', '--host-name', 'a.b'], 'host name "a.b"'],
  [['serve', '--advertise', 'ftp'], 'workstation, http, https, none'],
  [['serve', '--nonsense'], "unknown option '--nonsense'"],
  [['serve', '--tls-key', 'key.pem'], '--tls-certificate'],
  [['serve', '--config', '/absent.yaml'], '/absent.yaml'],
  [['nonsense'], "unknown command 'nonsense'"],
  [['images', 'add'], "missing required argument 'file'"],
])('refuses %j with exit code 2', async (args, message) => {
  const { stdout, stderr, exitCode } = await place.runPlain(...args);
  expect(stderr).toContain(message);
  expect([exitCode, stdout]).toEqual([2, '']);
});

it('refuses a state directory that would be served', async () => {
  const inside = join(place.root, 'state');
  const { stderr, exitCode } = await place.runPlain(
    'serve',
    '--root',
    place.root,
    '--state',
    inside,
    '--port',
    '0',
  );
  expect(stderr).toContain(`--state ${inside} lies in --root ${place.root}`);
  expect(exitCode).toBe(2);
  await rm(inside, { recursive: true, force: true });
});

it('says that a port is taken', async () => {
  const other = createServer().listen(0, ADDRESS);
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const { stderr, exitCode } = await place.run(
    'serve',
    '--advertise',
    'none',
    '--address',
    ADDRESS,
    '--port',
    String(port),
  );
  expect(stderr).toContain(`port ${port} cannot be used: another program listens there`);
  expect(exitCode).toBe(2);
  other.close();
});

it('adds images, lists them with what is known, and finds what rotted', async () => {
  const [ownRoot, ownState] = [join(place.folder, 'own', 'root'), join(place.folder, 'own', 'state')];
  const storage = ['--root', ownRoot, '--state', ownState];
  const source = join(place.folder, 'disk.qcow2');
  const content = Buffer.concat([qcow2(8 * 1024 ** 3), Buffer.alloc(70_000, 'x')]).subarray(0, 300_000);
  await writeFile(source, content);

  expect(await place.runPlain('images', 'add', source, ...storage)).toMatchObject({
    stdout: expect.stringMatching(/^[0-9a-f]{64} {2}300000 {2}\/disk\.qcow2\n$/),
    exitCode: 0,
  });
  expect((await readdir(ownRoot)).filter((name) => !name.startsWith('.'))).toEqual(['disk.qcow2']);
  const hidden = join(place.folder, '.hidden');
  await copyFile(source, hidden);
  expect(await place.runPlain('images', 'add', hidden, ...storage)).toMatchObject({ exitCode: 2 });
  expect(await place.runPlain('images', 'add', place.folder, ...storage)).toMatchObject({ exitCode: 2 });

  const list = async () => JSON.parse((await place.runPlain('images', 'list', '--json', ...storage)).stdout);
  const listed = {
    path: 'disk.qcow2',
    sizeBytes: 300_000,
    format: 'qcow2',
    content: 'qcow2',
    virtualSizeBytes: 8 * 1024 ** 3,
    warnings: [],
  };
  expect(await list()).toEqual({ images: [{ ...listed, sha256: null }] });
  await writeFile(join(ownRoot, 'page.qcow2'), '<!DOCTYPE html><title>404</title>');
  expect(await place.runPlain('images', 'list', ...storage)).toMatchObject({
    stdout: expect.stringMatching(/ {2}qcow2 {6}300000 {2}disk\.qcow2\n.* {2}html {7}33 {2}page\.qcow2\n$/),
    stderr: expect.stringContaining('page.qcow2: It is a web page (HTML), no image'),
  });
  await rm(join(ownRoot, 'page.qcow2'));

  const file = join(ownRoot, 'disk.qcow2');
  await utimes(file, MODIFIED, MODIFIED);
  const server = await place.start(...storage);
  await expect.poll(() => entityTagAt(server, '/disk.qcow2')).toBe(entityTagOf(content));
  expect(await server.stop()).toBe(0);
  const sha256 = sha256Of(content).toString('hex');
  expect(await list()).toEqual({ images: [{ ...listed, sha256 }] });
  expect(await place.runPlain('images', 'verify', ...storage)).toMatchObject({
    stdout: `${sha256}  disk.qcow2: ok\n`,
    exitCode: 0,
  });

  await rot({ root: ownRoot, state: ownState }, 'disk.qcow2', 'y', 290_000);
  const verified = await place.runPlain('images', 'verify', ...storage);
  expect(verified.stdout).toContain('disk.qcow2: CORRUPT');
  expect(verified.exitCode).toBe(5);
  expect((await readFile(file)).length).toBe(300_000);
});
