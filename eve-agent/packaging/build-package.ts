import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { ARCHITECTURES, type Architecture } from './architectures.ts';
import type { Executable } from './build-executable.ts';
import { koffiName } from './koffi-binary.ts';
import { listMaintainerScripts, listPackageFiles, type PackageFile } from './package-files.ts';
import { runTool } from './run-tool.ts';

/** How dpkg-deb packs: xz is a third smaller and takes half a minute, gzip is for trials. */
export const COMPRESSIONS = ['xz', 'gzip'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

const MAINTAINER = 'local-datastore maintainers <maintainers@local-datastore.invalid>';
const REVISION = 1;

/** 0.2.0-rc.1 comes before 0.2.0, which Debian writes with a tilde. */
export const toDebianVersion = (version: string) => `${version.replace('-', '~')}-${REVISION}`;

/**
 * The time that all files of the package get: `SOURCE_DATE_EPOCH` (seconds), as reproducible-builds.org
 * defines it, else now.
 */
function buildDate(): Date {
  const seconds = process.env.SOURCE_DATE_EPOCH;
  if (seconds === undefined) return new Date();
  if (!/^\d{1,11}$/.test(seconds)) throw new Error(`SOURCE_DATE_EPOCH is "${seconds}": seconds expected`);
  return new Date(Number(seconds) * 1000);
}

/** deb-control(5). The versions are those of the oldest system that Node 24 is built for. */
const controlOf = (architecture: Architecture, installedBytes: number) =>
  `Package: eve-agent
Version: ${toDebianVersion(packageJson.version)}
Architecture: ${ARCHITECTURES[architecture].debian}
Maintainer: ${MAINTAINER}
Installed-Size: ${Math.ceil(installedBytes / 1024)}
Depends: libc6 (>= 2.28), libgcc-s1 (>= 3.4), libstdc++6 (>= 9), systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles
Section: net
Priority: optional
Description: finds EVE datastores by multicast DNS, downloads and verifies
 Runs on a host that owns the bridges of EVE applications and does what the
 downloader of EVE-OS does: takes a device configuration, finds the datastore on
 the bridges, downloads its images, and verifies them.
 .
 One executable, which needs no Node.js, and a systemd service, which is not
 enabled by the installation.
`;

async function writeTree(root: string, files: readonly PackageFile[]): Promise<void> {
  for (const { path, content, mode } of files) {
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    await chmod(file, mode); // whatever the umask
  }
}

const md5 = (content: Buffer) => createHash('md5').update(content).digest('hex');

/** Files in /etc are the administrator's: dpkg keeps what was changed in them. */
const isConffile = ({ path }: PackageFile) => path.startsWith('etc/');

async function listControlFiles(
  architecture: Architecture,
  files: readonly PackageFile[],
): Promise<PackageFile[]> {
  const text = (path: string, content: string): PackageFile => ({
    path,
    content: Buffer.from(content),
    mode: 0o644,
  });
  const conffiles = files.filter(isConffile).map(({ path }) => `/${path}\n`);
  const sums = files
    .filter((file) => !isConffile(file))
    .map(({ path, content }) => `${md5(content)}  ${path}\n`);
  const installedBytes = files.reduce((sum, { content }) => sum + content.length, 0);
  return [
    text('control', controlOf(architecture, installedBytes)),
    text('conffiles', conffiles.join('')),
    text('md5sums', sums.join('')),
    ...(await listMaintainerScripts()),
  ];
}

/**
 * Makes a Debian package of an executable, with `dpkg-deb` alone.
 *
 * @param target a folder; a package there is replaced whole or not at all
 * @returns the package's path, `eve-agent_VERSION_ARCHITECTURE.deb`
 * @throws Error when dpkg-deb is missing or fails
 */
export async function buildPackage(
  architecture: Architecture,
  { file, koffi, licences }: Executable,
  target: string,
  compression: Compression,
): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'eve-agent-package-'));
  try {
    await chmod(root, 0o755);
    const debianVersion = toDebianVersion(packageJson.version);
    const date = buildDate();
    const executable = await readFile(file);
    const files = await listPackageFiles({
      executable,
      koffi: { name: koffiName(architecture), content: await readFile(koffi) },
      licences,
      debianVersion,
      maintainer: MAINTAINER,
      date,
    });
    await writeTree(root, files);
    await writeTree(join(root, 'DEBIAN'), await listControlFiles(architecture, files));
    runTool(['find', root, '-type', 'd', '-exec', 'chmod', '755', '{}', '+']);
    const name = `eve-agent_${debianVersion}_${ARCHITECTURES[architecture].debian}.deb`;
    const incoming = join(target, `${name}.incoming`);
    const level = compression === 'gzip' ? '-z1' : '-z6';
    runTool(['dpkg-deb', '--root-owner-group', `-Z${compression}`, level, '--build', root, incoming], {
      env: { ...process.env, SOURCE_DATE_EPOCH: String(Math.floor(date.getTime() / 1000)) },
    });
    const packageFile = join(target, name);
    await rename(incoming, packageFile);
    process.stdout.write(`${packageFile}: ${((await stat(packageFile)).size / 1e6).toFixed(1)} MB\n`);
    return packageFile;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
