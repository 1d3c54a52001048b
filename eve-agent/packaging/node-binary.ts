import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { workspace } from '../../compose/program-bundle.ts';
import type { Architecture } from './architectures.ts';
import { runTool } from './run-tool.ts';

/** What the lock file holds of Node for an architecture. */
interface LockedNode {
  readonly name: string;
  readonly version: string;
  /** Subresource integrity: `sha512-` and base64. */
  readonly integrity: string;
}

/** A folder with Node's `bin/node` and `LICENSE`. */
export interface NodeFolder {
  readonly folder: string;
  readonly version: string;
}

async function readLock(architecture: Architecture): Promise<LockedNode> {
  const name = `node-linux-${architecture}`;
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
export function checkIntegrity(archive: Buffer, { name, integrity }: LockedNode): void {
  const found = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
  if (found !== integrity) throw new Error(`${name} is ${found}, but package-lock.json says ${integrity}`);
}

/** npm installs no package of another architecture, so it only fetches the archive, once. */
async function fetchNode(locked: LockedNode, folder: string): Promise<void> {
  const incoming = `${folder}.incoming`;
  await rm(incoming, { recursive: true, force: true });
  await mkdir(incoming, { recursive: true });
  process.stdout.write(`fetching ${locked.name} ${locked.version}\n`);
  const spec = `${locked.name}@${locked.version}`;
  runTool(['npm', 'pack', spec, '--silent', '--pack-destination', incoming], { cwd: workspace });
  const archive = join(incoming, `${locked.name}-${locked.version}.tgz`);
  checkIntegrity(await readFile(archive), locked);
  runTool(['tar', '-xzf', archive, '-C', incoming, 'package/bin/node', 'package/LICENSE']);
  await rm(folder, { recursive: true, force: true });
  await rename(join(incoming, 'package'), folder);
  await rm(incoming, { recursive: true });
}

/**
 * Node for an architecture in the version of package-lock.json: as installed, or fetched from npm's registry
 * into `node_modules/.cache`.
 *
 * @throws Error when it cannot be fetched, or is not the one of the lock file
 */
export async function provideNode(architecture: Architecture): Promise<NodeFolder> {
  const locked = await readLock(architecture);
  const installed = join(workspace, 'node_modules', locked.name);
  const { version } = locked;
  if (await isThere(join(installed, 'bin/node'))) return { folder: installed, version };
  const folder = join(workspace, 'node_modules/.cache', `${locked.name}-${version}`);
  if (!(await isThere(join(folder, 'bin/node')))) await fetchNode(locked, folder);
  return { folder, version };
}
