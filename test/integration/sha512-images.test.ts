// SPDX-License-Identifier: Apache-2.0
/** Images whose blobs are named by sha512: pulled, kept, read again and mended by the agent. */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AgentFolder, createAgentFolder } from '../lab/loopback-agent.ts';
import {
  ADDRESS,
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';
import {
  type Content,
  contentOf,
  createRepositoryClient,
  type Image,
  OCI_LAYER,
  someBlob,
  someImage,
} from './registry-content.ts';

const UUID = '00000000-0000-4000-8000-000000000001';
const DATASTORE = 'fa78153c-e215-4397-bfa7-514264cdf4dd';
const hexOf = ({ descriptor }: Content) => descriptor.digest.split(':')[1] ?? '';
const sha256Of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

let folder: string;
let place: DatastoreFolder;
let datastore: LoopbackDatastore;
let agent: AgentFolder;
let image: Image;
let name: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sha512-images-'));
  place = await createDatastoreFolder();
  datastore = await place.start();
  agent = await createAgentFolder();
  // A large one, a small one, and one by sha256 beside them.
  const layers = [
    someBlob(3_000_000, 'sha512'),
    someBlob(1000, 'sha512'),
    contentOf(Buffer.from('x'), OCI_LAYER),
  ];
  image = someImage({ algorithm: 'sha512', layers });
  const repository = createRepositoryClient(datastore, 'lab/long');
  for (const reference of ['1', image.descriptor.digest]) await repository.pushImage(image, reference);
  name = `${ADDRESS}:${datastore.port}/lab/long`;
});
afterAll(async () => {
  await agent?.remove();
  await place?.remove();
  await rm(folder, { recursive: true, force: true });
});

/** What stands below `blobs`, by the name of its algorithm and its digits. */
async function blobsIn(layout: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const algorithm of ['sha256', 'sha512']) {
    for (const hex of (await readdir(join(layout, 'blobs', algorithm))).filter(
      (each) => !each.startsWith('.'),
    )) {
      const bytes = await readFile(join(layout, 'blobs', algorithm, hex));
      found.set(`${algorithm}:${hex}`, `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`);
    }
  }
  return found;
}
const expected = () =>
  [`sha256:${sha256Of(image.bytes)}`, ...image.blobs.map(({ descriptor }) => descriptor.digest)].sort();

it.each([
  ['its tag', () => `${name}:1`],
  ['its digest', () => `${name}@${image.descriptor.digest}`],
])('comes as a layout by %s, every blob by the digest that its manifest names', async (what, nameOf) => {
  const target = join(folder, what);
  const done = await agent.command('download', `docker://${nameOf()}`, '-o', target, '--json');
  expect(done.exitCode, done.stderr).toBe(0);
  const found = await blobsIn(target);
  expect([...found.keys()].sort()).toEqual(expected());
  for (const [said, is] of found) expect(is).toBe(said);
  const again = await agent.command('download', `docker://${nameOf()}`, '-o', target, '--json');
  expect(JSON.parse(again.stdout)).toMatchObject({ receivedBytes: 0 });
});

it('comes as an archive', async () => {
  const target = join(folder, 'long.tar');
  const done = await agent.command('download', `docker://${name}:1`, '--form', 'oci-archive', '-o', target);
  expect(done.exitCode, done.stderr).toBe(0);
  const archive = await readFile(target);
  for (const { descriptor } of image.blobs)
    expect(archive.includes(`blobs/${descriptor.digest.replace(':', '/').slice(0, 80)}`)).toBe(true);
});

it('comes by a device configuration, and a layer that the disk has damaged comes anew', async () => {
  const tree = {
    uuid: UUID,
    dsIdsList: [DATASTORE],
    URL: 'lab/long:1',
    iformat: 'CONTAINER',
    displayName: 'long',
  };
  await agent.configure({
    datastores: [
      { id: DATASTORE, dType: 'DsContainerRegistry', fqdn: `docker://${ADDRESS}:${datastore.port}` },
    ],
    contentInfo: [tree],
  });
  await agent.start('--scrub-interval', '0');
  await expect.poll(() => agent.statusOf(UUID)).toMatchObject({ State: 'VERIFIED', Error: '' });
  const layout = join(agent.state, 'images', 'long');
  expect([...(await blobsIn(layout)).keys()].sort()).toEqual(expected());
  expect(await agent.end('SIGTERM')).not.toBeNull();
  const [, layer] = image.blobs;
  const file = join(agent.state, 'verified', layer === undefined ? '' : hexOf(layer));
  const damaged = Buffer.from(layer?.bytes ?? '');
  damaged[100] = (damaged[100] ?? 0) ^ 1;
  await rm(file);
  await writeFile(file, damaged, { mode: 0o444 });
  const past = new Date(Date.now() - 48 * 3_600_000);
  await writeFile(join(agent.state, 'scrub.json'), JSON.stringify({ endedAtMs: past.getTime() }));
  await agent.start('--scrub-interval', '1');
  await expect
    .poll(async () => (await readFile(file).catch(() => damaged)).equals(layer?.bytes ?? damaged), {
      timeout: 600_000,
    })
    .toBe(true);
  await expect.poll(() => agent.statusOf(UUID)).toMatchObject({ State: 'VERIFIED' });
  for (const [said, is] of await blobsIn(layout)) expect(is).toBe(said);
});
