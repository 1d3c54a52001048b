// SPDX-License-Identifier: Apache-2.0
/** The Debian packages: what is in them, and their way through dpkg in a root of its own. */
import { execFileSync, spawnSync } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { contentTreeSchema } from '@local-datastore/shared/eve/content-tree';
import { datastoreConfigSchema } from '@local-datastore/shared/eve/datastore-config';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildPackage, COMPRESSIONS } from '../../compose/packaging/build-package.ts';
import type { Program } from '../../compose/packaging/package-description.ts';
import datastoreJson from '../../datastore-app/package.json' with { type: 'json' };
import agentJson from '../../eve-agent/package.json' with { type: 'json' };
import { describeWith } from '../requirements.ts';
import { ARCHITECTURE, type Built, buildPackaging } from './packaging-build.ts';

/** What is each package's own. */
interface Expected {
  readonly name: Program;
  readonly version: string;
  /** Options of the command line of the service. */
  readonly options: readonly string[];
  readonly files: readonly string[];
  /** Whose licences are in it, among others. */
  readonly licences: readonly string[];
  /** What is in it by its bill of materials, and what is not, although its manifest or a file of it names that. */
  readonly materials: readonly string[];
  readonly noMaterials: readonly string[];
  /** A setting, as an administrator writes it. */
  readonly setting: string;
  /** What people or the program have put somewhere, and whether a purge leaves it. */
  readonly data: readonly { readonly path: string; readonly isKept: boolean }[];
}

const PACKAGES: readonly Expected[] = [
  {
    name: 'eve-agent',
    version: agentJson.version,
    options: ['--config', '--state'],
    files: [
      '-rwxr-xr-x ./usr/bin/eve-agent',
      `-rw-r--r-- ./usr/lib/eve-agent/koffi-${ARCHITECTURE}.node`,
      '-rw-r--r-- ./usr/share/doc/eve-agent/examples/vms.conf',
    ],
    licences: ['Node.js', 'undici', 'zod', 'pino', 'commander', 'dns-packet', 'koffi', 'OpenSSL'],
    materials: ['node', 'undici', 'zod', 'koffi', 'multicast-dns'],
    noMaterials: ['express', 'esbuild', 'postject'],
    setting: 'EVE_AGENT_BRIDGE=bn1\n',
    data: [
      { path: 'var/lib/eve-agent/image', isKept: false },
      { path: 'etc/eve-agent/device.d/device.json', isKept: false },
    ],
  },
  {
    name: 'datastore-app',
    version: datastoreJson.version,
    options: ['--root', '--state'],
    files: [
      '-rwxr-xr-x ./usr/bin/datastore-app',
      '-rwxr-xr-x ./usr/lib/datastore-app/node',
      '-rw-r--r-- ./usr/lib/datastore-app/main.js',
      '-rw-r--r-- ./usr/lib/datastore-app/web/index.html',
      '-rw-r--r-- ./usr/lib/datastore-app/manual/index.html',
      `-rw-r--r-- ./usr/lib/datastore-app/koffi-${ARCHITECTURE}.node`,
    ],
    // The last two are in the page alone.
    licences: [
      'Node.js',
      'express',
      '@homebridge/ciao',
      'zod',
      'koffi',
      'OpenSSL',
      'preact',
      'tus-js-client',
    ],
    materials: ['node', 'express', '@homebridge/ciao', 'prom-client', 'koffi', 'preact', 'tus-js-client'],
    noMaterials: ['undici', 'esbuild', 'vitest'],
    setting: 'DATASTORE_HOST_NAME=ds\n',
    data: [
      { path: 'var/lib/datastore/images/disk.qcow2', isKept: true },
      { path: 'var/lib/datastore/state/write-token', isKept: false },
    ],
  },
];

/** How a package's program is run where it was unpacked; the datastore's command names its Node by the whole path. */
const commandIn = (root: string, name: Program): [string, ...string[]] =>
  name === 'eve-agent'
    ? [join(root, 'usr/bin/eve-agent')]
    : [join(root, 'usr/lib/datastore-app/node'), join(root, 'usr/lib/datastore-app/main.js')];

const unitOf = (name: Program) => `${name}/packaging/debian/${name}.service`;

const run = (program: string, ...args: string[]) =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const isThere = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

describeWith(['dpkg-deb'], 'Debian packages', () => {
  let built: Built;
  beforeAll(async () => {
    built = await buildPackaging('package', ARCHITECTURE);
  });
  afterAll(() => built.remove());

  describeWith(['lintian'], 'to lintian', () => {
    // It unpacks and reads some hundred MiB of each, on one processor that others have too.
    it('show no error and no warning', { timeout: 1_800_000 }, () => {
      const files = PACKAGES.map(({ name }) => built.package(name));
      const { stdout, status } = spawnSync(
        'lintian',
        ['--allow-root', '--fail-on', 'error,warning', ...files],
        { encoding: 'utf8' },
      );
      expect([stdout, status]).toEqual(['', 0]);
    });
  });

  describe.each(PACKAGES)('$name', ({ name, version, ...expected }) => {
    const { options, files, licences, setting, data } = expected;
    const settingsFile = `etc/${name}/${name}.env`;
    let file: string;
    beforeAll(() => {
      file = built.package(name);
    });

    it('names itself, its architecture and what it needs', () => {
      const architecture = { x64: 'amd64', arm64: 'arm64' }[ARCHITECTURE as string];
      expect(basename(file)).toBe(`${name}_${version}-1_${architecture}.deb`);
      const field = (each: string) => run('dpkg-deb', '--field', file, each).trim();
      expect([field('Package'), field('Version'), field('Architecture')]).toEqual([
        name,
        `${version}-1`,
        architecture,
      ]);
      expect(field('Depends')).toMatch(/^libc6 \(>= 2\.28\), /);
    });

    it("holds root's files, of which the settings alone are the administrator's", () => {
      const rows = run('dpkg-deb', '--contents', file).trim().split('\n');
      const entries = rows.map((row) => row.split(/ +/));
      expect(new Set(entries.map(([, owner]) => owner))).toEqual(new Set(['root/root']));
      const found = entries
        .filter(([mode]) => !mode?.startsWith('d'))
        .map(([mode, , , , , path]) => `${mode} ${path}`);
      expect(found).toEqual(
        expect.arrayContaining([
          ...files,
          `-rw-r--r-- ./usr/lib/systemd/system/${name}.service`,
          `-rw-r--r-- ./${settingsFile}`,
          `-rw-r--r-- ./usr/share/man/man1/${name}.1.gz`,
          `-rw-r--r-- ./usr/share/bash-completion/completions/${name}`,
          `-rw-r--r-- ./usr/share/zsh/vendor-completions/_${name}`,
          `-rw-r--r-- ./usr/share/fish/vendor_completions.d/${name}.fish`,
          ...['copyright', 'LICENSE.gz', 'changelog.gz'].map(
            (each) => `-rw-r--r-- ./usr/share/doc/${name}/${each}`,
          ),
        ]),
      );
      expect(run('dpkg-deb', '--info', file, 'conffiles')).toBe(`/${settingsFile}\n`);
    });

    describe('unpacked', () => {
      let target: string;
      beforeAll(async () => {
        target = await mkdtemp(join(tmpdir(), `${name}-contents-`));
        run('dpkg-deb', '--extract', file, target);
      });
      afterAll(() => rm(target, { recursive: true }));

      it('starts the service with options that the program knows', async () => {
        const unit = await readFile(unitOf(name), 'utf8');
        const [, command = ''] = new RegExp(`^ExecStart=/usr/bin/${name} (.*)$`, 'm').exec(unit) ?? [];
        const [subcommand = '', ...rest] = command.split(' ');
        const help = run(...commandIn(target, name), subcommand, '--help');
        expect(rest.filter((word) => word.startsWith('--'))).toEqual(options);
        for (const option of options) expect(help).toContain(`${option} <`);
      });

      it('has the licences of what is in it', () => {
        const text = run('gzip', '-dc', join(target, `usr/share/doc/${name}/THIRD-PARTY-LICENSES.gz`));
        for (const each of licences) expect(text).toContain(each);
      });

      it('has a bill of materials that names what is in it and nothing else', async () => {
        const bill = JSON.parse(await readFile(join(target, `usr/share/doc/${name}/sbom.cdx.json`), 'utf8'));
        expect([bill.bomFormat, bill.specVersion]).toEqual(['CycloneDX', '1.6']);
        expect(bill.metadata.component).toMatchObject({ name, version });
        const names = bill.components.map((component: { name: string }) => component.name);
        expect(names).toEqual(expect.arrayContaining([...expected.materials]));
        expect(names.filter((each: string) => expected.noMaterials.includes(each))).toEqual([]);
      });

      it('proposes settings that there are', async () => {
        const lines = (await readFile(join(target, settingsFile), 'utf8')).split('\n');
        const names = lines.flatMap((line) => /^#?([A-Z_]+)=/.exec(line)?.[1] ?? []);
        expect(names).not.toEqual([]);
        const help = run(...commandIn(target, name), name === 'eve-agent' ? 'run' : 'serve', '--help');
        for (const each of names) expect(help).toContain(each);
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
        spawnSync('systemctl', [`--root=${root}`, 'is-enabled', name], { encoding: 'utf8' }).stdout.trim();
      const enable = () => run('systemctl', '--quiet', `--root=${root}`, 'enable', name);
      const idOf = async (path: string, user: string = name) =>
        Number((await readFile(inRoot(path), 'utf8')).match(new RegExp(`^${user}:x:(\\d+):`, 'm'))?.[1]);
      const accessOf = async (path: string) => {
        const { mode, uid, gid } = await stat(inRoot(path));
        return [mode & 0o7777, uid, gid];
      };
      async function putData(): Promise<void> {
        for (const { path } of data) {
          await mkdir(dirname(inRoot(path)), { recursive: true });
          await writeFile(inRoot(path), 'bytes');
        }
      }

      it('installs without enabling anything, and runs', async () => {
        dpkg('--install', file);
        expect(run(...commandIn(root, name), '--version')).toBe(`${version}\n`);
        expect(isEnabled()).toBe('disabled');
        const [uid, gid] = [await idOf('etc/passwd'), await idOf('etc/group')];
        expect(uid).toBeGreaterThan(0);
        expect(await readFile(inRoot('etc/group'), 'utf8')).toMatch(new RegExp(`^${name}:x:\\d+:$`, 'm'));
        if (name === 'eve-agent') {
          // Setgid: a configuration that root puts there is for that group to read, and for nobody else.
          const configGroup = await idOf('etc/group', 'eve-agent-config');
          expect(await accessOf('etc/eve-agent/device.d')).toEqual([0o2750, 0, configGroup]);
          expect(await readFile(inRoot('etc/group'), 'utf8')).toMatch(/^eve-agent-config:x:\d+:eve-agent$/m);
        } else {
          expect(await accessOf('var/lib/datastore/images')).toEqual([0o2775, uid, gid]);
          expect(await accessOf('var/lib/datastore/state')).toEqual([0o700, uid, gid]);
        }
      });

      it("keeps the administrator's choices and the data over an upgrade and a removal", async () => {
        dpkg('--install', file);
        enable();
        await writeFile(inRoot(settingsFile), setting);
        await putData();
        dpkg('--install', file);
        expect(isEnabled()).toBe('enabled');
        dpkg('--remove', name);
        expect(await isThere(inRoot(`usr/bin/${name}`))).toBe(false);
        expect(await readFile(inRoot(settingsFile), 'utf8')).toBe(setting);
        for (const { path } of data) expect(await readFile(inRoot(path), 'utf8')).toBe('bytes');
      });

      it('leaves nothing but its user and what people brought after a purge', async () => {
        dpkg('--install', file);
        enable();
        await putData();
        dpkg('--purge', name);
        const left = await readdir(root, { recursive: true });
        expect(left.filter((path) => path.includes(name))).toEqual([]);
        for (const { path, isKept } of data) expect(await isThere(inRoot(path))).toBe(isKept);
        expect(await idOf('etc/passwd')).toBeGreaterThan(0);
      });

      it('leaves no folder after a purge where nobody put anything', async () => {
        dpkg('--install', file);
        dpkg('--purge', name);
        for (const { path } of data) expect(await isThere(dirname(inRoot(path)))).toBe(false);
      });
    });
  });

  it('are packed as xz where nothing else is asked for', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'xz-'));
    try {
      const path = 'usr/bin/eve-agent';
      const small = { path, content: Buffer.from('small'), mode: 0o755 } as const;
      const parts = { name: 'eve-agent', architecture: 'arm64', licences: 'none', sbom: '{}' } as const;
      const packed = await buildPackage({ ...parts, files: [small] }, folder, COMPRESSIONS[0]);
      const again = await buildPackage({ ...parts, files: [small] }, join(folder, 'again'), COMPRESSIONS[0]);
      const content = await readFile(packed);
      expect(content.includes('data.tar.xz')).toBe(true);
      expect(run('dpkg-deb', '--field', packed, 'Architecture')).toBe('arm64\n');
      run('dpkg-deb', '--extract', packed, join(folder, 'root'));
      expect(await readFile(join(folder, 'root', path), 'utf8')).toBe('small');
      // The same sources make the same package, whenever and wherever.
      expect(content.equals(await readFile(again))).toBe(true);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('have an example of a device configuration that is one', async () => {
    const example = JSON.parse(await readFile('eve-agent/packaging/debian/device.json', 'utf8'));
    const [datastore] = example.datastores.map((entry: unknown) => datastoreConfigSchema.parse(entry));
    const [tree] = example.contentInfo.map((entry: unknown) => contentTreeSchema.parse(entry));
    expect(tree.dsIdsList).toEqual([datastore.id]);
  });
});

describeWith(['systemd'], 'the unit', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unit-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it.each(PACKAGES)('of $name is understood by systemd, without a remark', async ({ name }) => {
    const file = join(folder, `${name}.service`);
    // The program need not be installed where the unit is looked at.
    await writeFile(file, (await readFile(unitOf(name), 'utf8')).replace(`/usr/bin/${name}`, '/bin/true'));
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], {
      encoding: 'utf8',
    });
    expect([status, stdout, stderr]).toEqual([0, '', '']);
  });

  it.each(PACKAGES)('of $name is exposed by less than 2 of 10, as systemd counts', ({ name }) => {
    const args = ['security', '--offline=true', '--threshold=20', unitOf(name)];
    const { status, stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, expect.stringContaining('Overall exposure level')]);
  });
});
