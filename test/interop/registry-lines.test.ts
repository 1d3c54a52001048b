// SPDX-License-Identifier: Apache-2.0
/** The lines that the manual gives to clients of the registry, taken from there and tried with them. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readManuals } from '../integration/manuals.ts';
import { createRepositoryClient, type Image, someImage } from '../integration/registry-content.ts';
import {
  ADDRESS,
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
} from '../lab/loopback-datastore.ts';
import { mustRunProgram, runProgram } from '../lab/run-program.ts';
import { describeWith } from '../requirements.ts';

const PAGE = 'datastore-app/docs/registry.md';
const manual = (await readManuals()).find(({ path }) => path === PAGE);

/** The block of the manual that has a line, with another registry in the place of `ds.local`. */
function linesWith(line: string, registry: string): string {
  const found = manual?.blocks.filter(({ language, text }) => language === 'toml' && text.includes(line));
  expect(found).toHaveLength(1);
  return (found?.[0]?.text ?? '').replaceAll('ds.local', registry);
}

describeWith(['root', 'skopeo', 'containerd'], 'the lines of the manual', () => {
  let folder: string;
  let place: DatastoreFolder;
  let datastore: LoopbackDatastore;
  let image: Image;
  let name: string;
  let registry: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'registry-lines-'));
    place = await createDatastoreFolder();
    datastore = await place.start('--tls', 'authority');
    image = someImage();
    await createRepositoryClient(datastore, 'lab/app').pushImage(image, '1');
    registry = `${ADDRESS}:${datastore.port}`;
    name = `${registry}/lab/app:1`;
  });
  afterAll(async () => {
    await place?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  test('tell podman, buildah and skopeo of http, which they do not speak without', async () => {
    const settings = join(folder, 'registries.conf');
    const inspect = ['skopeo', '--registries-conf', settings, 'inspect', '--raw', `docker://${name}`];
    await writeFile(settings, '');
    expect((await runProgram(inspect)).stderr).toContain('HTTP response to HTTPS client');
    await writeFile(settings, linesWith('insecure = true', registry));
    expect(await mustRunProgram(inspect)).toBe(image.bytes.toString());
  });

  describe('containerd', () => {
    let socket: string;
    let stop: () => void;
    beforeAll(async () => {
      socket = join(folder, 'containerd.sock');
      const places = ['--root', join(folder, 'root'), '--state', join(folder, 'state'), '--address', socket];
      const settings = join(folder, 'containerd.toml');
      await writeFile(settings, 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n');
      const child = spawn('containerd', ['--config', settings, ...places], { stdio: 'ignore' });
      stop = () => child.kill('SIGTERM');
      await vi.waitFor(() => mustRunProgram(['ctr', '--address', socket, 'version']), { timeout: 600_000 });
    });
    afterAll(() => stop?.());

    test.each(['http', 'https'])('pulls over %s', async (scheme) => {
      const isPlain = scheme === 'http';
      const where = isPlain ? registry : `${ADDRESS}:${datastore.tlsPort}`;
      const hosts = join(folder, `hosts-${scheme}`);
      await mkdir(join(hosts, where), { recursive: true });
      const lines = isPlain
        ? linesWith('capabilities', where)
        : linesWith('ca = ', where).replace('/path/to/ca.pem', join(place.state, 'tls/ca.pem'));
      await writeFile(join(hosts, where, 'hosts.toml'), lines);
      const ctr = (...args: readonly string[]) => mustRunProgram(['ctr', '--address', socket, ...args]);
      await ctr('content', 'fetch', '--hosts-dir', hosts, `${where}/lab/app:1`);
      expect(await ctr('content', 'get', image.descriptor.digest)).toBe(image.bytes.toString());
    });
  });
});
