// SPDX-License-Identifier: Apache-2.0
import { copyFile, mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createLab, type Lab } from '../lab/lab.ts';
import { startDatastore } from '../lab/programs.ts';
import { describeWith, type Requirement } from '../requirements.ts';
import { agentJson, type DownloadedDocument } from './agent.ts';

interface ImageList {
  readonly images: readonly {
    readonly path: string;
    readonly sizeBytes: number;
    readonly sha256: string | null;
    readonly state: string;
    readonly format: string;
  }[];
}

const NETBOOT = '/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64';

/** Images that this project did not make, with what marks their format in the file itself. */
const IMAGES = [
  {
    requirement: 'grub-rescue-iso',
    file: '/usr/lib/grub-rescue/grub-rescue-cdrom.iso',
    format: 'iso',
    // ECMA-119 §8.1: the standard identifier of the first volume descriptor, in sector 16.
    signature: { position: 16 * 2048 + 1, bytes: Buffer.from('CD001') },
  },
  {
    requirement: 'debian-netboot',
    file: `${NETBOOT}/initrd.gz`,
    format: 'raw',
    // RFC 1952 §2.3.1: ID1, ID2 and deflate.
    signature: { position: 0, bytes: Buffer.from([0x1f, 0x8b, 8]) },
  },
  {
    requirement: 'debian-netboot',
    file: `${NETBOOT}/linux`,
    format: 'raw',
    // The Linux/x86 boot protocol: the magic number of the setup header.
    signature: { position: 0x202, bytes: Buffer.from('HdrS') },
  },
] satisfies readonly { requirement: Requirement; [key: string]: unknown }[];

async function readAt(file: string, position: number, lengthBytes: number): Promise<Buffer> {
  const handle = await open(file);
  try {
    const bytes = Buffer.alloc(lengthBytes);
    await handle.read(bytes, 0, lengthBytes, position);
    return bytes;
  } finally {
    await handle.close();
  }
}

describeWith(
  ['lab', 'curl', ...IMAGES.map(({ requirement }) => requirement)],
  'images that nobody here made',
  () => {
    let lab: Lab;
    let folder: string;
    const listed = async () =>
      (JSON.parse(await lab.host.mustRun(['curl', '-sSf', 'http://10.1.0.5/-/api/v1/images'])) as ImageList)
        .images;
    const sha256sum = async (file: string) => (await lab.host.mustRun(['sha256sum', file])).split(' ')[0];

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'interop-foreign-'));
      await mkdir(join(folder, 'root/debian'), { recursive: true });
      await mkdir(join(folder, 'out'));
      lab = await createLab();
      await lab.addBridge('bn1', '10.1.0.1/24');
      const app = await lab.addApp({ name: 'ds', bridge: 'bn1', address: '10.1.0.5/24' });
      const folders = ['--root', join(folder, 'root'), '--state', join(folder, 'state')];
      await startDatastore(app, [...folders, '--host-name', 'ds']);
      for (const { file } of IMAGES) await copyFile(file, join(folder, 'root/debian', basename(file)));
      await vi.waitFor(
        async () => {
          const ready = (await listed()).filter(({ state }) => state === 'ready');
          expect(ready).toHaveLength(IMAGES.length);
        },
        { timeout: 600_000, interval: 100 },
      );
    });
    afterAll(async () => {
      await lab?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    test.each(IMAGES)('$file arrives as it was', async ({ file, format, signature }) => {
      const sha256 = await sha256sum(file);
      const path = `debian/${basename(file)}`;
      const entry = (await listed()).find((each) => each.path.replace(/^\//, '') === path);
      expect(entry).toMatchObject({ sha256, format, state: 'ready' });

      const target = join(folder, 'out', basename(file));
      const url = `http://ds.local/${path}`;
      // Without --sha256: it is the datastore that states the digest.
      const result = await agentJson<DownloadedDocument>(lab.host, 'download', url, '-o', target);
      expect(result).toMatchObject({
        resolvedUrl: `http://10.1.0.5/${path}`,
        bridge: 'bn1',
        sourceAddress: '10.1.0.1',
        sizeBytes: entry?.sizeBytes,
        sha256,
        verifiedAgainst: 'datastore',
      });
      await lab.host.mustRun(['cmp', file, target]);
      expect(await sha256sum(target)).toBe(sha256);
      expect(await readAt(target, signature.position, signature.bytes.length)).toEqual(signature.bytes);
    });
  },
);
