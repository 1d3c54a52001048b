// SPDX-License-Identifier: Apache-2.0
/** Names that would act on a terminal, or turn the line around them: never raw in what the datastore's program writes. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDatastoreFolder, type DatastoreFolder } from '../lab/loopback-datastore.ts';

const ACTING = ['\u009b31m', '\u202egpj', '\u2066', '\u061c', '\ufeff', '\u{e0041}'];
const NAMES = ACTING.map((text) => `disk${text}.img`);
const RAW = /[\u0080-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\udb40[\udc00-\udc7f]/;

let place: DatastoreFolder;

beforeEach(async () => {
  place = await createDatastoreFolder();
  await mkdir(place.root);
  for (const name of NAMES) await writeFile(join(place.root, name), name);
});
afterEach(() => place.remove());

it.each([
  [['images', 'list']],
  [['images', 'verify']],
  [['images', 'add', 'FILE', '--to', 'folder\u202e']],
  [['images', 'add', 'absent\u009b']],
  [['images', 'export', 'OUT']],
  [['images', 'list', '--root', 'EMPTY']],
  [['serve', '--print-config', '--read-user', 'a\u202eb']],
  [['check', '--advertise', 'none', '--host-name', 'a\u009b']],
])('%j', async (args) => {
  const file = join(place.folder, NAMES[0] ?? '');
  await writeFile(file, 'content');
  const [out, empty] = [join(place.folder, `out\u202e.tar`), join(place.folder, `empty\u009b`)];
  await mkdir(empty);
  const paths: Readonly<Record<string, string>> = { FILE: file, OUT: out, EMPTY: empty };
  const words = args.map((arg) => paths[arg] ?? arg);
  const storage = args.includes('EMPTY')
    ? ['--state', place.state]
    : ['--root', place.root, '--state', place.state];
  const { stdout, stderr } = await place.runPlain(...words, ...storage);
  expect(stdout + stderr).not.toMatch(RAW);
  expect(stdout + stderr).toContain('\\');
});

it('JSON says the very same names', async () => {
  const { stdout } = await place.run('images', 'list', '--json');
  expect(stdout).not.toMatch(RAW);
  const { images } = JSON.parse(stdout) as { images: { path: string }[] };
  expect(images.map(({ path }) => path).sort()).toEqual([...NAMES].sort());
});

it('the log of a running datastore', async () => {
  const datastore = await place.start();
  const target = `/${encodeURIComponent(NAMES[0] ?? '')}`;
  await datastore.get(target, { 'User-Agent': 'a\u009bb' });
  await datastore.request('PUT', '/new%E2%80%AE.img', { body: 'x' });
  await expect.poll(datastore.log).toContain('an image was uploaded');
  expect(datastore.log()).not.toMatch(RAW);
});
