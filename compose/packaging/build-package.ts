// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ARCHITECTURES, type Architecture } from './architectures.ts';
import { DESCRIPTIONS, type PackageDescription, type Program, versionOf } from './package-description.ts';
import { listMaintainerScripts, listPackageFiles, type PackageFile } from './package-files.ts';
import { runTool } from './run-tool.ts';
import { sourceDate } from './source-date.ts';

/** How dpkg-deb packs: xz is a third smaller and takes half a minute, gzip is for trials. */
export const COMPRESSIONS = ['xz', 'gzip'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

const MAINTAINER = 'local-datastore maintainers <maintainers@local-datastore.invalid>';
const REVISION = 1;

/** 0.2.0-rc.1 comes before 0.2.0, which Debian writes with a tilde. */
export const toDebianVersion = (version: string) => `${version.replace('-', '~')}-${REVISION}`;

/** A program as it is built for an architecture. */
export interface BuiltProgram {
  readonly name: Program;
  readonly architecture: Architecture;
  /** Where the files of the program itself are installed. */
  readonly files: readonly PackageFile[];
  /** The text of all licences of what is in them. */
  readonly licences: string;
  /** The bill of materials. */
  readonly sbom: string;
}

/** deb-control(5). The versions are those of the oldest system that Node 24 is built for. */
const controlOf = (
  { name, synopsis, details }: PackageDescription,
  debianVersion: string,
  architecture: Architecture,
  installedBytes: number,
) =>
  `Package: ${name}
Version: ${debianVersion}
Architecture: ${ARCHITECTURES[architecture].debian}
Maintainer: ${MAINTAINER}
Installed-Size: ${Math.ceil(installedBytes / 1024)}
Depends: libc6 (>= 2.28), libgcc-s1 (>= 3.4), libstdc++6 (>= 9), systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles
Section: net
Priority: optional
Description: ${synopsis}
${details.map((line) => ` ${line}\n`).join('')}`;

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
  description: PackageDescription,
  debianVersion: string,
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
    text('control', controlOf(description, debianVersion, architecture, installedBytes)),
    text('conffiles', conffiles.join('')),
    text('md5sums', sums.join('')),
    ...(await listMaintainerScripts(description)),
  ];
}

/**
 * Makes a Debian package of a program, with `dpkg-deb` alone.
 *
 * @param target a folder; a package there is replaced whole or not at all
 * @returns the package's path, `NAME_VERSION_ARCHITECTURE.deb`
 * @throws Error when dpkg-deb is missing or fails
 */
export async function buildPackage(
  { name, architecture, files: program, licences, sbom }: BuiltProgram,
  target: string,
  compression: Compression,
): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), `${name}-package-`));
  try {
    await chmod(root, 0o755);
    const description = DESCRIPTIONS[name];
    const debianVersion = toDebianVersion(await versionOf(name));
    const date = sourceDate();
    const parts = { program, licences, sbom, debianVersion, maintainer: MAINTAINER, date };
    const files = await listPackageFiles(description, parts);
    await writeTree(root, files);
    await writeTree(
      join(root, 'DEBIAN'),
      await listControlFiles(description, debianVersion, architecture, files),
    );
    runTool(['find', root, '-type', 'd', '-exec', 'chmod', '755', '{}', '+']);
    await mkdir(target, { recursive: true });
    const packageName = `${name}_${debianVersion}_${ARCHITECTURES[architecture].debian}.deb`;
    const incoming = join(target, `${packageName}.incoming`);
    const level = compression === 'gzip' ? '-z1' : '-z6';
    runTool(['dpkg-deb', '--root-owner-group', `-Z${compression}`, level, '--build', root, incoming], {
      env: { ...process.env, SOURCE_DATE_EPOCH: String(Math.floor(date.getTime() / 1000)) },
    });
    const packageFile = join(target, packageName);
    await rename(incoming, packageFile);
    process.stdout.write(`${packageFile}: ${((await stat(packageFile)).size / 1e6).toFixed(1)} MB\n`);
    return packageFile;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
