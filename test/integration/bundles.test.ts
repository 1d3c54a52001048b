// SPDX-License-Identifier: Apache-2.0
/** Bundles: tars of images with SHA256SUMS, by GNU tar and sha256sum as well as by the datastore itself. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createDatastoreFolder,
  type DatastoreFolder,
  type LoopbackDatastore,
  problemOf,
} from '../lab/loopback-datastore.ts';

const IMPORT = '/-/api/v1/import';
const EXPORT = '/-/api/v1/export';
const A = randomBytes(1_500_000);
const B = randomBytes(70_000);
const LONG_NAME = `${'folder-with-a-long-name/'.repeat(6)}${'ä'.repeat(60)}.img`;
const sha256Of = (content: Buffer) => createHash('sha256').update(content).digest('hex');

let folders: DatastoreFolder;
let stick: string;
beforeEach(async () => {
  folders = await createDatastoreFolder();
  stick = await mkdtemp(join(tmpdir(), 'stick-'));
  await mkdir(join(stick, 'debian'));
  await writeFile(join(stick, 'a.img'), A);
  await writeFile(join(stick, 'debian', 'b.qcow2'), B);
});
afterEach(async () => {
  await folders.remove();
  await rm(stick, { recursive: true });
});

const inStick = (program: string, ...args: string[]) =>
  execFileSync(program, args, { cwd: stick, maxBuffer: 1e9 });

/** Writes SHA256SUMS as `sha256sum` does. */
async function sum(...names: string[]): Promise<void> {
  await writeFile(join(stick, 'SHA256SUMS'), inStick('sha256sum', ...names));
}

/** A tar with a list of these names. */
async function bundleOf(listed: readonly string[], ...args: string[]): Promise<Buffer> {
  await sum(...listed);
  return tar(...args);
}

const tar = (...args: string[]) => inStick('tar', '-cf', '-', ...args);
const images = async () =>
  (await readdir(folders.root, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.parentPath.endsWith('.incoming'))
    .map(({ name }) => name)
    .sort();

describe('by HTTP', () => {
  let datastore: LoopbackDatastore;
  beforeEach(async () => {
    datastore = await folders.start('--quota', '100M');
  });

  const post = (bundle: Buffer, query = '') =>
    datastore.request('POST', `${IMPORT}${query}`, { body: bundle });

  it.each([
    ['the list first', ['SHA256SUMS', 'a.img', 'debian']],
    ['the list last', ['a.img', 'debian', 'SHA256SUMS']],
    ['everything below a dot', ['.']],
    ["GNU's own format", ['--format=gnu', '.']],
    ['the POSIX format', ['--format=posix', '.']],
    ['the old USTAR format', ['--format=ustar', '.']],
  ])('imports what GNU tar packed: %s', async (_what, args) => {
    await sum('a.img', './debian/b.qcow2');
    const answer = await post(tar(...args));
    expect(answer.status).toBe(200);
    const { images: imported } = JSON.parse(answer.body.toString());
    expect(imported.sort((x: { path: string }, y: { path: string }) => (x.path < y.path ? -1 : 1))).toEqual([
      { path: 'a.img', sizeBytes: A.length, sha256: sha256Of(A), outcome: 'new' },
      { path: 'debian/b.qcow2', sizeBytes: B.length, sha256: sha256Of(B), outcome: 'new' },
    ]);
    const { headers, body } = await datastore.request('GET', '/debian/b.qcow2');
    expect([headers.etag, body.equals(B)]).toEqual([`"sha256:${sha256Of(B)}"`, true]);
    expect(await folders.incoming()).toEqual([]);
  });

  it.each<[string, () => Promise<void> | void, string[]]>([
    [
      'a folder around it all',
      () => sum('a.img', 'debian/b.qcow2'),
      ['--transform', 's,^,stick/,', 'SHA256SUMS', 'a.img', 'debian'],
    ],
    [
      'a folder, the list last',
      () => sum('a.img', 'debian/b.qcow2'),
      ['--transform', 's,^,x/stick/,', 'a.img', 'debian', 'SHA256SUMS'],
    ],
    [
      'a list that names the folder',
      async () => {
        await sum('a.img', 'debian/b.qcow2');
        inStick('sed', '-i', 's,  ,  stick/,', 'SHA256SUMS');
      },
      ['--transform', 's,^,stick/,', 'SHA256SUMS', 'a.img', 'debian'],
    ],
    [
      'a list with a line of its own',
      () => void inStick('sh', '-c', 'sha256sum a.img debian/b.qcow2 SHA256SUMS > LIST; mv LIST SHA256SUMS'),
      ['SHA256SUMS', 'a.img', 'debian'],
    ],
    [
      'what macOS leaves',
      async () => {
        inStick(
          'sh',
          '-c',
          'mkdir __MACOSX; echo x | tee ._a.img .DS_Store debian/._b.qcow2 __MACOSX/._a.img',
        );
        await sum('a.img', 'debian/b.qcow2', '._a.img', '.DS_Store');
      },
      ['.'],
    ],
    [
      'what Windows leaves',
      async () => {
        inStick('sh', '-c', 'echo x | tee Thumbs.db debian/desktop.ini');
        await sum('a.img', 'debian/b.qcow2', 'Thumbs.db');
        inStick('sed', '-i', 's/$/\\r/', 'SHA256SUMS');
      },
      ['.'],
    ],
    [
      'what is said of all files',
      () => sum('a.img', 'debian/b.qcow2'),
      [
        '--format=posix',
        `--pax-option=${Array.from({ length: 600 }, (_, i) => `A.${i}=x`).join(',')}`,
        ...['SHA256SUMS', 'a.img', 'debian'],
      ],
    ],
    [
      'other lists and signatures',
      async () => {
        inStick('sh', '-c', 'echo x | tee SHA512SUMS SHA256SUMS.gpg MD5SUMS');
        await sum('a.img', 'debian/b.qcow2');
      },
      ['.'],
    ],
  ])('takes what is harmless: %s', async (_what, prepare, args) => {
    await writeFile(join(stick, 'SHA256SUMS'), '');
    await prepare();
    const answer = await post(tar(...args));
    expect([answer.status, answer.body.toString()]).toEqual([200, expect.stringContaining('debian/b.qcow2')]);
    expect((await readFile(join(folders.root, 'debian/b.qcow2'))).equals(B)).toBe(true);
    expect((await images()).sort()).toEqual(['a.img', 'b.qcow2']);
    expect(await folders.incoming()).toEqual([]);
  });

  it.each([
    ['before the list, as an export has it', ['debian', 'a.img', 'SHA256SUMS']],
    ['behind the list', ['SHA256SUMS', 'debian', 'a.img']],
  ])('a file that has the name of the list, in a folder, is an image: %s', async (_what, args) => {
    await writeFile(join(stick, 'debian/SHA256SUMS'), 'of somebody else');
    await sum('a.img', 'debian/b.qcow2', 'debian/SHA256SUMS');
    expect((await post(tar(...args))).status).toBe(200);
    expect(await readFile(join(folders.root, 'debian/SHA256SUMS'), 'utf8')).toBe('of somebody else');
    const exported = (await datastore.request('GET', '/-/api/v1/export')).body;
    const again = await post(exported);
    expect([again.status, again.body.toString()]).toEqual([200, expect.stringContaining('unchanged')]);
    expect(await folders.incoming()).toEqual([]);
  });

  it('replaces other images only when told to, and all or none', async () => {
    await writeFile(join(folders.root, 'a.img'), 'another');
    await sum('a.img', 'debian/b.qcow2');
    const bundle = tar('SHA256SUMS', 'debian', 'a.img');
    const refused = await post(bundle);
    expect([refused.status, problemOf(refused)]).toEqual([412, 'IMAGE_EXISTS']);
    expect(JSON.parse(refused.body.toString()).detail).toContain('"a.img"');
    expect(await images()).toEqual(['a.img']);
    const outcomes = async (query: string) =>
      JSON.parse((await post(bundle, query)).body.toString()).images.map(
        ({ path, outcome }: { path: string; outcome: string }) => `${path} ${outcome}`,
      );
    expect(await outcomes('?replace=true')).toEqual(['debian/b.qcow2 new', 'a.img replaced']);
    expect(await outcomes('')).toEqual(['debian/b.qcow2 unchanged', 'a.img unchanged']);
    expect((await readFile(join(folders.root, 'a.img'))).equals(A)).toBe(true);
    expect(await folders.incoming()).toEqual([]);
  });

  it('publishes nothing when anything is wrong, and says what', async () => {
    const cases: [string, () => Promise<Buffer>, string, string][] = [
      ['no list', async () => tar('a.img'), 'BUNDLE_INVALID', 'SHA256SUMS'],
      [
        'unlisted, found early',
        () => bundleOf(['a.img'], 'SHA256SUMS', 'a.img', 'debian'),
        'BUNDLE_INVALID',
        '"debian/b.qcow2" is not in',
      ],
      [
        'unlisted, found late',
        () => bundleOf(['a.img'], 'a.img', 'debian', 'SHA256SUMS'),
        'BUNDLE_INVALID',
        '"debian/b.qcow2" is not in',
      ],
      [
        'missing',
        () => bundleOf(['a.img', 'debian/b.qcow2'], 'a.img', 'SHA256SUMS'),
        'BUNDLE_INVALID',
        '"debian/b.qcow2" is in SHA256SUMS, but not',
      ],
      [
        'damaged, found early',
        async () => {
          await writeFile(join(stick, 'SHA256SUMS'), `${'0'.repeat(64)}  a.img\n`);
          return tar('SHA256SUMS', 'a.img');
        },
        'DIGEST_MISMATCH',
        '"a.img"',
      ],
      [
        'damaged, found late',
        async () => {
          await writeFile(join(stick, 'SHA256SUMS'), `${'0'.repeat(64)} *a.img\n`);
          return tar('a.img', 'SHA256SUMS');
        },
        'DIGEST_MISMATCH',
        '"a.img"',
      ],
      [
        'a list with an escape',
        async () => {
          await writeFile(join(stick, 'SHA256SUMS'), `\\${'0'.repeat(64)}  a\\nb\n`);
          return tar('SHA256SUMS', 'a.img');
        },
        'BUNDLE_INVALID',
        'line 1',
      ],
      [
        'a list of another kind',
        async () => {
          await writeFile(join(stick, 'SHA256SUMS'), `SHA256 (a.img) = ${'0'.repeat(64)}\n`);
          return tar('SHA256SUMS', 'a.img');
        },
        'BUNDLE_INVALID',
        'line 1',
      ],
      [
        'twice',
        () => bundleOf(['a.img'], 'a.img', 'SHA256SUMS', 'a.img', '--hard-dereference'),
        'BUNDLE_INVALID',
        '"a.img" is there twice',
      ],
      [
        'a symbolic link',
        async () => {
          await symlink('a.img', join(stick, 'link.img'));
          await sum('a.img');
          return tar('SHA256SUMS', 'a.img', 'link.img');
        },
        'BUNDLE_INVALID',
        '"link.img" is a symlink',
      ],
      [
        'a hard link',
        async () => {
          inStick('ln', 'a.img', 'hard.img');
          await sum('a.img', 'hard.img');
          return tar('SHA256SUMS', 'a.img', 'hard.img');
        },
        'BUNDLE_INVALID',
        '--hard-dereference',
      ],
      [
        'a FIFO',
        async () => {
          inStick('mkfifo', 'pipe');
          return tar('pipe');
        },
        'BUNDLE_INVALID',
        '"pipe" is a fifo',
      ],
      ['an absolute name', async () => tar('-P', join(stick, 'a.img')), 'BUNDLE_INVALID', 'absolute name'],
      ['a way out', async () => tar('--transform', 's,^,../,', '-P', 'a.img'), 'NAME_INVALID', '"../a.img"'],
      ['a hidden name', async () => tar('--transform', 's,^,.,', 'a.img'), 'NAME_INVALID', '".a.img"'],
      [
        'sparse',
        async () => {
          await writeFile(join(stick, 'sparse.img'), '');
          await truncate(join(stick, 'sparse.img'), 1_000_000);
          return tar('--format=posix', '-S', 'sparse.img');
        },
        'BUNDLE_INVALID',
        '--sparse',
      ],
      [
        'sparse, as GNU tar stored it before',
        async () => {
          await writeFile(join(stick, 'sparse.img'), '');
          await truncate(join(stick, 'sparse.img'), 1_000_000);
          return tar('--format=gnu', '-S', 'sparse.img');
        },
        'BUNDLE_INVALID',
        '--sparse',
      ],
      [
        'outside of the folder',
        async () => {
          await sum('a.img');
          return tar('--transform', 's,^SHA,stick/SHA,', 'SHA256SUMS', 'a.img');
        },
        'BUNDLE_INVALID',
        '"a.img" stands outside of the folder',
      ],
      [
        'attributes without end',
        async () => {
          await sum('a.img');
          const attributes = Array.from({ length: 600 }, (_, i) => `A.${i}:=x`).join(',');
          return tar('--format=posix', `--pax-option=${attributes}`, 'SHA256SUMS', 'a.img');
        },
        'BUNDLE_INVALID',
        '--no-xattrs',
      ],
      [
        'cut off',
        async () => (await bundleOf(['a.img'], 'SHA256SUMS', 'a.img')).subarray(0, 800_000),
        'BUNDLE_INVALID',
        'not complete',
      ],
      ['compressed', () => bundleOf(['a.img'], '-z', 'SHA256SUMS', 'a.img'), 'BUNDLE_INVALID', 'by gzip'],
      ['no tar', async () => randomBytes(5000), 'BUNDLE_INVALID', 'tar'],
      ['nothing', async () => Buffer.alloc(0), 'BUNDLE_INVALID', 'tar'],
    ];
    for (const [what, make, code, detail] of cases) {
      const answer = await post(await make());
      const problem = JSON.parse(answer.body.toString());
      expect([what, problem.code, problem.detail]).toEqual([what, code, expect.stringContaining(detail)]);
      expect([what, await images(), await folders.incoming()]).toEqual([what, [], []]);
    }
  });

  it('judges room by the size that the tar tells, beyond 8 GiB too', async () => {
    await writeFile(join(stick, 'huge.img'), '');
    await truncate(join(stick, 'huge.img'), 9 * 1024 ** 3);
    for (const format of ['gnu', 'posix']) {
      const { stdout } = spawnSync('sh', ['-c', `tar --format=${format} -cf - huge.img | head -c 20000`], {
        cwd: stick,
      });
      const answer = await post(stdout);
      expect([answer.status, problemOf(answer)]).toEqual([507, 'QUOTA_EXCEEDED']);
    }
    // The quota holds for all of a bundle together.
    await writeFile(join(stick, 'c.img'), Buffer.alloc(60_000_000));
    await writeFile(join(stick, 'd.img'), Buffer.alloc(60_000_000));
    await sum('c.img', 'd.img');
    const answer = await post(tar('SHA256SUMS', 'c.img', 'd.img'));
    expect([answer.status, problemOf(answer)]).toEqual([507, 'QUOTA_EXCEEDED']);
    expect(await folders.incoming()).toEqual([]);
  });

  it('exports what GNU tar and sha256sum understand, and imports it again', async () => {
    await mkdir(join(folders.root, LONG_NAME, '..'), { recursive: true });
    await writeFile(join(folders.root, LONG_NAME), A);
    await mkdir(join(folders.root, 'debian'));
    await writeFile(join(folders.root, 'debian', 'b.qcow2'), B);
    await writeFile(join(folders.root, 'empty.img'), '');
    const all = ['debian/b.qcow2', 'empty.img', LONG_NAME];
    await expect
      .poll(async () => ((await datastore.json('/-/api/v1/images')).images as unknown[]).length)
      .toBe(all.length);
    const { status, headers, body } = await datastore.request('GET', EXPORT, { withToken: false });
    expect([status, headers['content-type']]).toEqual([200, 'application/x-tar']);
    const target = join(folders.folder, 'extracted');
    await mkdir(target);
    execFileSync('tar', ['-xf', '-', '-C', target], { input: body });
    const checked = execFileSync('sha256sum', ['--strict', '-c', 'SHA256SUMS'], { cwd: target });
    expect(checked.toString().trim().split('\n').sort()).toEqual(all.map((path) => `${path}: OK`).sort());

    const part = await datastore.request('GET', `${EXPORT}?path=/debian&path=empty.img`);
    const listed = execFileSync('tar', ['-tf', '-'], { input: part.body }).toString();
    expect(listed).toBe('debian/b.qcow2\nempty.img\nSHA256SUMS\n');
    expect((await datastore.request('GET', `${EXPORT}?path=nothing`)).status).toBe(404);

    for (const path of all) {
      const url = `/${path.split('/').map(encodeURIComponent).join('/')}`;
      expect((await datastore.request('DELETE', url)).status).toBe(204);
    }
    expect(await images()).toEqual([]);
    expect((await post(body)).status).toBe(200);
    expect((await readFile(join(folders.root, LONG_NAME))).equals(A)).toBe(true);
  });

  it('asks for the write token to import', async () => {
    const answer = await datastore.request('POST', IMPORT, { body: 'x', withToken: false });
    expect(answer.status).toBe(401);
    expect((await datastore.request('GET', IMPORT)).status).toBe(405);
  });
});

describe('on the command line', () => {
  it('imports and exports, while the datastore runs or not', async () => {
    await sum('a.img', 'debian/b.qcow2');
    const bundle = join(folders.folder, 'stick.tar');
    await writeFile(bundle, tar('.'));
    const imported = await folders.run('images', 'import', bundle);
    expect(imported).toMatchObject({ stderr: '', exitCode: 0 });
    expect(imported.stdout.split('\n').sort().slice(1)).toEqual(
      [`${sha256Of(A)}  /a.img: new`, `${sha256Of(B)}  /debian/b.qcow2: new`].sort(),
    );
    const exported = join(folders.folder, 'out.tar');
    expect(await folders.run('images', 'export', exported, 'debian')).toMatchObject({ exitCode: 0 });
    expect(execFileSync('tar', ['-tf', exported]).toString()).toBe('debian/b.qcow2\nSHA256SUMS\n');
    expect(await folders.run('images', 'export', exported, 'absent')).toMatchObject({
      stderr: 'datastore-app: There is no image at "absent".\n',
      exitCode: 2,
    });
    const datastore = await folders.start();
    await rm(join(folders.root, 'a.img'));
    expect((await folders.run('images', 'import', bundle)).exitCode).toBe(0);
    await expect.poll(async () => (await datastore.request('GET', '/a.img')).status).toBe(200);
  });

  it.each([
    [['images', 'import', '/absent.tar'], 'cannot be read', 2],
    [['images', 'import', '/dev/null'], 'That is no tar.', 5],
    [['images', 'export', '/absent/out.tar'], 'cannot be written', 2],
  ])('says what is wrong with %j', async (args, message, code) => {
    await mkdir(folders.root, { recursive: true });
    const { stderr, exitCode } = await folders.run(...args);
    expect(stderr).toContain(message);
    expect(exitCode).toBe(code);
  });
});
