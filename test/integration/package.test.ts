/** The Debian package: what is in it, and its way through dpkg in a root of its own. */
import { execFileSync, spawnSync } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contentTreeSchema } from '@local-datastore/shared/eve/content-tree';
import { datastoreConfigSchema } from '@local-datastore/shared/eve/datastore-config';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import packageJson from '../../eve-agent/package.json' with { type: 'json' };
import { buildPackage, COMPRESSIONS } from '../../eve-agent/packaging/build-package.ts';
import { describeWith } from '../requirements.ts';
import { ARCHITECTURE, type Built, buildPackaging } from './packaging-build.ts';

const VERSION = `${packageJson.version}-1`;
const UNIT = 'eve-agent/packaging/debian/eve-agent.service';

const run = (program: string, ...args: string[]) =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const isThere = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

describeWith(['dpkg-deb'], 'the package', () => {
  let built: Built;
  let file: string;
  beforeAll(async () => {
    built = await buildPackaging('package', ARCHITECTURE);
    const name = (await readdir(built.folder)).find((entry) => entry.endsWith('.deb'));
    file = join(built.folder, name ?? '');
  });
  afterAll(() => built.remove());

  it('starts the service with options that the executable knows', async () => {
    const [, command = ''] =
      /^ExecStart=\/usr\/bin\/eve-agent (.*)$/m.exec(await readFile(UNIT, 'utf8')) ?? [];
    const [name = '', ...rest] = command.split(' ');
    const help = run(built.executable(ARCHITECTURE), name, '--help');
    const options = rest.filter((word) => word.startsWith('--'));
    expect(options).toEqual(['--config', '--state']);
    for (const option of options) expect(help).toContain(`${option} <`);
  });

  it('names itself, its architecture and what it needs', () => {
    const architecture = { x64: 'amd64', arm64: 'arm64' }[ARCHITECTURE as string];
    expect(file).toMatch(new RegExp(`/eve-agent_${VERSION}_${architecture}\\.deb$`));
    const field = (name: string) => run('dpkg-deb', '--field', file, name).trim();
    expect([field('Package'), field('Version'), field('Architecture')]).toEqual([
      'eve-agent',
      VERSION,
      architecture,
    ]);
    expect(field('Depends')).toMatch(/^libc6 \(>= 2\.28\), /);
  });

  it('is packed as xz where nothing else is asked for', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'eve-agent-xz-'));
    try {
      const small = { file: UNIT, koffi: UNIT, licences: 'none' };
      const packed = await buildPackage('arm64', small, folder, COMPRESSIONS[0]);
      expect((await readFile(packed)).includes('data.tar.xz')).toBe(true);
      expect(run('dpkg-deb', '--field', packed, 'Architecture')).toBe('arm64\n');
      run('dpkg-deb', '--extract', packed, join(folder, 'root'));
      expect(await readFile(join(folder, 'root/usr/bin/eve-agent'), 'utf8')).toBe(
        await readFile(UNIT, 'utf8'),
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("holds root's files, of which the settings alone are the administrator's", () => {
    const rows = run('dpkg-deb', '--contents', file).trim().split('\n');
    const entries = rows.map((row) => row.split(/ +/));
    expect(new Set(entries.map(([, owner]) => owner))).toEqual(new Set(['root/root']));
    const files = entries
      .filter(([mode]) => !mode?.startsWith('d'))
      .map(([mode, , , , , path]) => `${mode} ${path}`);
    expect(files).toEqual(
      expect.arrayContaining([
        '-rwxr-xr-x ./usr/bin/eve-agent',
        '-rw-r--r-- ./usr/lib/systemd/system/eve-agent.service',
        `-rw-r--r-- ./usr/lib/eve-agent/koffi-${ARCHITECTURE}.node`,
        '-rw-r--r-- ./etc/eve-agent/eve-agent.env',
        '-rw-r--r-- ./usr/share/doc/eve-agent/copyright',
        '-rw-r--r-- ./usr/share/man/man1/eve-agent.1.gz',
        '-rw-r--r-- ./usr/share/bash-completion/completions/eve-agent',
        '-rw-r--r-- ./usr/share/zsh/vendor-completions/_eve-agent',
        '-rw-r--r-- ./usr/share/fish/vendor_completions.d/eve-agent.fish',
        '-rw-r--r-- ./usr/share/doc/eve-agent/LICENSE.gz',
        '-rw-r--r-- ./usr/share/doc/eve-agent/changelog.gz',
        '-rw-r--r-- ./usr/share/doc/eve-agent/examples/vms.conf',
      ]),
    );
    expect(run('dpkg-deb', '--info', file, 'conffiles')).toBe('/etc/eve-agent/eve-agent.env\n');
  });

  it('has the licences of what is in the executable, and an example that is one', async () => {
    const target = await mkdtemp(join(tmpdir(), 'eve-agent-contents-'));
    try {
      run('dpkg-deb', '--extract', file, target);
      const doc = join(target, 'usr/share/doc/eve-agent');
      const licences = run('gzip', '-dc', join(doc, 'THIRD-PARTY-LICENSES.gz'));
      for (const name of [
        'Node.js',
        'undici',
        'zod',
        'pino',
        'commander',
        'dns-packet',
        'koffi',
        'OpenSSL',
      ]) {
        expect(licences).toContain(name);
      }
      const example = JSON.parse(await readFile(join(doc, 'examples/device.json'), 'utf8'));
      const [datastore] = example.datastores.map((entry: unknown) => datastoreConfigSchema.parse(entry));
      const [tree] = example.contentInfo.map((entry: unknown) => contentTreeSchema.parse(entry));
      expect(tree.dsIdsList).toEqual([datastore.id]);
    } finally {
      await rm(target, { recursive: true });
    }
  });

  describeWith(['lintian'], 'to lintian', () => {
    // It unpacks and reads some hundred MiB, on one processor that others have too.
    it('shows no error and no warning', { timeout: 900_000 }, () => {
      const { stdout, status } = spawnSync('lintian', ['--allow-root', '--fail-on', 'error,warning', file], {
        encoding: 'utf8',
      });
      expect([stdout, status]).toEqual(['', 0]);
    });
  });

  describeWith(['root', 'systemd', 'deb-systemd-helper'], 'in a root of its own', () => {
    let root: string;
    beforeEach(async () => {
      root = await mkdtemp(join(tmpdir(), 'root-'));
      await mkdir(join(root, 'etc'));
      for (const folder of ['info', 'updates']) {
        await mkdir(join(root, 'var/lib/dpkg', folder), { recursive: true });
      }
      await writeFile(join(root, 'var/lib/dpkg/status'), '');
      await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
      await writeFile(join(root, 'etc/group'), 'root:x:0:\n');
    });
    afterEach(() => rm(root, { recursive: true }));

    const inRoot = (path: string) => join(root, path);
    // The libraries are this machine's: the root has nothing but the package.
    const dpkg = (...args: string[]) =>
      run(
        'dpkg',
        `--root=${root}`,
        '--log=/dev/null',
        '--force-script-chrootless',
        '--force-depends',
        ...args,
      );
    const isEnabled = () =>
      spawnSync('systemctl', [`--root=${root}`, 'is-enabled', 'eve-agent'], {
        encoding: 'utf8',
      }).stdout.trim();
    const idOf = async (path: string, name = 'eve-agent') =>
      Number((await readFile(inRoot(path), 'utf8')).match(new RegExp(`^${name}:x:(\\d+):`, 'm'))?.[1]);

    it('installs without enabling anything, and runs', async () => {
      dpkg('--install', file);
      expect(run(inRoot('usr/bin/eve-agent'), '--version')).toBe(`${packageJson.version}\n`);
      expect(isEnabled()).toBe('disabled');
      const device = await stat(inRoot('etc/eve-agent/device.d'));
      // Setgid: a configuration that root puts there is for that group to read, and for nobody else.
      const configGroup = await idOf('etc/group', 'eve-agent-config');
      expect([device.mode & 0o7777, device.uid, device.gid]).toEqual([0o2750, 0, configGroup]);
      expect(await readFile(inRoot('etc/group'), 'utf8')).toMatch(/^eve-agent-config:x:\d+:eve-agent$/m);
      expect(await readFile(inRoot('etc/group'), 'utf8')).toMatch(/^eve-agent:x:\d+:$/m);
      expect(await idOf('etc/passwd')).toBeGreaterThan(0);
    });

    it("keeps the administrator's choices over an upgrade and a removal", async () => {
      dpkg('--install', file);
      run('systemctl', '--quiet', `--root=${root}`, 'enable', 'eve-agent');
      await writeFile(inRoot('etc/eve-agent/eve-agent.env'), 'EVE_AGENT_BRIDGE=bn1\n');
      await writeFile(inRoot('etc/eve-agent/device.d/device.json'), '{}');
      dpkg('--install', file);
      expect(isEnabled()).toBe('enabled');
      dpkg('--remove', 'eve-agent');
      expect(await isThere(inRoot('usr/bin/eve-agent'))).toBe(false);
      expect(await readFile(inRoot('etc/eve-agent/eve-agent.env'), 'utf8')).toBe('EVE_AGENT_BRIDGE=bn1\n');
      expect(await readFile(inRoot('etc/eve-agent/device.d/device.json'), 'utf8')).toBe('{}');
    });

    it('leaves nothing but its user after a purge', async () => {
      dpkg('--install', file);
      run('systemctl', '--quiet', `--root=${root}`, 'enable', 'eve-agent');
      await mkdir(inRoot('var/lib/eve-agent'));
      await writeFile(inRoot('var/lib/eve-agent/image'), 'bytes');
      dpkg('--purge', 'eve-agent');
      const left = await readdir(root, { recursive: true });
      expect(left.filter((path) => path.includes('eve-agent'))).toEqual([]);
      expect(await idOf('etc/passwd')).toBeGreaterThan(0);
    });
  });
});

describeWith(['systemd'], 'the unit', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unit-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is understood by systemd, without a remark', async () => {
    const file = join(folder, 'eve-agent.service');
    // The program need not be installed where the unit is looked at.
    await writeFile(file, (await readFile(UNIT, 'utf8')).replace('/usr/bin/eve-agent', '/bin/true'));
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], {
      encoding: 'utf8',
    });
    expect([status, stdout, stderr]).toEqual([0, '', '']);
  });

  it('is exposed by less than 2 of 10, as systemd counts', () => {
    const args = ['security', '--offline=true', '--threshold=20', UNIT];
    const { status, stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, expect.stringContaining('Overall exposure level')]);
  });
});
