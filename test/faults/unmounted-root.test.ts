// SPDX-License-Identifier: Apache-2.0
/** A volume of images is taken away while it is served, and comes back. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sha256Of } from '../integration/image-server.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { finish } from '../lab/namespace.ts';
import { datastoreApp, waitForLog } from '../lab/programs.ts';
import { describeWith, type Requirement } from '../requirements.ts';

const TOKEN = 'token-of-the-unmounted-root';
const SMALL = randomBytes(40_000);
const LARGE = randomBytes(12_000_000);

interface ListedImage {
  readonly path: string;
  readonly sha256: string | null;
  /** When it was read: another time after it was read again. */
  readonly verifiedAt: string | null;
}

/** Ways to have a volume, as shell lines with the folder of the test and the mount point as $1 and $2. */
const VOLUMES: readonly {
  readonly name: string;
  readonly needs: readonly Requirement[];
  readonly make: string;
  readonly mount: string;
}[] = [
  {
    name: 'a folder of another file system',
    needs: [],
    make: 'mkdir "$1/other" && mount -t tmpfs tmpfs "$1/other" && mkdir "$1/other/images"',
    mount: 'mount --bind "$1/other/images" "$2"',
  },
  {
    name: 'a disk of its own',
    needs: ['root', 'ext4'],
    make: 'truncate --size 64M "$1/disk" && mkfs.ext4 -q "$1/disk"',
    mount: 'mount -o loop "$1/disk" "$2"',
  },
];

for (const { name, needs, make, mount } of VOLUMES) {
  describeWith(['lab', 'curl', ...needs], `a root that is ${name}`, () => {
    let folder: string;
    let root: string;
    let lab: Lab;
    let url: string;

    const shell = (command: string) => lab.host.mustRun(['sh', '-ec', command, 'sh', folder, root]);
    const mountAgain = () => shell(mount);
    /** Lazily, as where something is still being read from it. */
    const takeAway = () => shell('umount -l "$2"');
    const curl = (...args: readonly string[]) =>
      lab.host.mustRun(['curl', '-sS', '-H', `Authorization: Bearer ${TOKEN}`, ...args]);
    const statusOf = (path: string) => curl('-o', '/dev/null', '-w', '%{http_code}', `${url}/${path}`);
    const images = async () =>
      (JSON.parse(await curl(`${url}/-/api/v1/images`)) as { images: readonly ListedImage[] }).images;
    const paths = async () => (await images()).map(({ path }) => path);

    async function put(path: string, content: Buffer) {
      const child = lab.host.start(
        ['curl', '-fsS', '-H', `Authorization: Bearer ${TOKEN}`, '-T', '-', `${url}/${path}`],
        { stdio: ['pipe', 'pipe', 'pipe'] },
      );
      child.stdin?.end(content);
      expect(await finish(child)).toMatchObject({ exitCode: 0 });
    }

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'unmounted-root-'));
      root = join(folder, 'root');
      await mkdir(root);
      lab = await createLab();
      await shell(make);
      await mountAgain();
      const storage = ['--root', root, '--state', join(folder, 'state'), '--reserve', '0'];
      const network = ['--advertise', 'none', '--address', '127.0.0.1', '--port', '8080', '--tls-port', '0'];
      const child = lab.host.start(datastoreApp('serve', ...storage, ...network), {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, DATASTORE_WRITE_TOKEN: TOKEN },
      });
      await waitForLog(child, '"listening"').seen;
      url = 'http://127.0.0.1:8080';
      await put('large.img', LARGE);
      await put('sub/small.img', SMALL);
    });
    afterEach(async () => {
      await lab.stop();
      await rm(folder, { recursive: true });
    });

    it('is empty meanwhile, and has all of it again afterwards, with nothing read anew', async () => {
      const before = await images();
      expect(before.map(({ path, sha256 }) => [path, sha256])).toEqual([
        ['large.img', sha256Of(LARGE)],
        ['sub/small.img', sha256Of(SMALL)],
      ]);
      await takeAway();
      await expect.poll(paths).toEqual([]);
      expect(await statusOf('sub/small.img')).toBe('404');
      expect(await statusOf('-/livez')).toBe('200');

      await mountAgain();
      await expect.poll(images).toEqual(before);
      expect(await statusOf('sub/small.img')).toBe('200');
      // It is followed again, and written to.
      await put('new.img', SMALL);
      await shell('cp "$2/new.img" "$2/sub/copy.img"');
      await expect.poll(paths).toEqual(['large.img', 'new.img', 'sub/copy.img', 'sub/small.img']);
      // Also where it was gone for a moment only.
      await takeAway();
      await mountAgain();
      await shell('cp "$2/new.img" "$2/sub/last.img"');
      await expect
        .poll(paths)
        .toEqual(['large.img', 'new.img', 'sub/copy.img', 'sub/last.img', 'sub/small.img']);
    });

    it('gives a download that has begun to its end', async () => {
      const target = join(folder, 'got.img');
      const slow = ['curl', '-fsS', '--limit-rate', '2M', '-o', target, `${url}/large.img`];
      const download = lab.host.start(slow);
      const ended = finish(download);
      await expect.poll(() => stat(target).catch(() => null)).not.toBeNull();
      // It waits, however long all of this takes.
      download.kill('SIGSTOP');
      await takeAway();
      await expect.poll(paths).toEqual([]);
      expect((await stat(target)).size).toBeLessThan(LARGE.length);
      download.kill('SIGCONT');
      expect(await ended).toMatchObject({ exitCode: 0 });
      expect(await shell('sha256sum <"$1/got.img"')).toContain(sha256Of(LARGE));
    });

    it('takes the place of what was put below it meanwhile', async () => {
      await takeAway();
      await expect.poll(paths).toEqual([]);
      await put('below.img', SMALL);
      await expect.poll(paths).toEqual(['below.img']);
      await mountAgain();
      await expect.poll(paths).toEqual(['large.img', 'sub/small.img']);
      expect(await statusOf('below.img')).toBe('404');
    });
  });
}
