// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { workspace } from '../program-bundle.ts';
import { runTool } from './run-tool.ts';

/** What the lock file holds of a package. */
interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** Subresource integrity: `sha512-` and base64. */
  readonly integrity: string;
}

/** A folder with files of a package. */
export interface PackageFolder {
  readonly folder: string;
  readonly version: string;
}

async function readLock(name: string): Promise<LockedPackage> {
  const { packages } = JSON.parse(await readFile(join(workspace, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string; integrity: string }>;
  };
  const locked = packages[`node_modules/${name}`];
  if (locked === undefined) throw new Error(`package-lock.json has no ${name}`);
  return { name, ...locked };
}

const isThere = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

/**
 * The digest that npm itself checks when it installs.
 *
 * @throws Error when the archive is not the one of the lock file
 */
export function checkIntegrity(archive: Buffer, { name, integrity }: LockedPackage): void {
  const found = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
  if (found !== integrity) throw new Error(`${name} is ${found}, but package-lock.json says ${integrity}`);
}

/** What npm calls the archive of a package. */
const archiveName = ({ name, version }: LockedPackage) =>
  `${name.replace('@', '').replace('/', '-')}-${version}.tgz`;

/** npm installs no package of another architecture, so it only fetches the archive, once. */
async function fetchPackage(
  locked: LockedPackage,
  members: readonly string[],
  folder: string,
): Promise<void> {
  const incoming = `${folder}.incoming`;
  await rm(incoming, { recursive: true, force: true });
  await mkdir(incoming, { recursive: true });
  process.stdout.write(`fetching ${locked.name} ${locked.version}\n`);
  const spec = `${locked.name}@${locked.version}`;
  runTool(['npm', 'pack', spec, '--silent', '--pack-destination', incoming], { cwd: workspace });
  const archive = join(incoming, archiveName(locked));
  checkIntegrity(await readFile(archive), locked);
  runTool(['tar', '-xzf', archive, '-C', incoming, ...members.map((member) => `package/${member}`)]);
  await rm(folder, { recursive: true, force: true });
  await rename(join(incoming, 'package'), folder);
  await rm(incoming, { recursive: true });
}

/**
 * Files of a package that is another for each architecture, in the version of package-lock.json: as installed, or
 * fetched from npm's registry into `node_modules/.cache`.
 *
 * @param members paths in the package; the first tells whether it is there
 * @throws Error when it cannot be fetched, or is not the one of the lock file
 */
export async function providePackage(
  name: string,
  members: readonly [string, ...string[]],
): Promise<PackageFolder> {
  const locked = await readLock(name);
  const { version } = locked;
  const installed = join(workspace, 'node_modules', name);
  if (await isThere(join(installed, members[0]))) return { folder: installed, version };
  const folder = join(workspace, 'node_modules/.cache', `${name.replace('/', '-')}-${version}`);
  if (!(await isThere(join(folder, members[0])))) await fetchPackage(locked, members, folder);
  return { folder, version };
}
