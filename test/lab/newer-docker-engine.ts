// SPDX-License-Identifier: Apache-2.0
/**
 * A Docker engine that is newer than Debian 12's, whose store is containerd's: out of the packages of Debian's sid, unpacked
 * into a folder that is the root of a mount namespace of its own. Nothing of it is installed.
 */
import { execFile } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findDebianArchive } from '../debian-archive.ts';
import { type RunningEngine, waitForEngine } from './docker-engine.ts';
import type { Namespace } from './namespace.ts';

const run = promisify(execFile);

const RELEASE = 'sid';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** The shell of the new root; what else they need comes along. */
const PACKAGES = ['docker.io', 'docker-cli', 'busybox-static'];
const MERGED = ['bin', 'sbin', 'lib', 'lib64'];
/** Of the last run; its packages are not asked for again. */
const CACHE = join(tmpdir(), 'local-datastore-newer-docker');

/** Why there is none, as one sentence with the way out; undefined: there is one, or it can be fetched. */
export function whyNoNewerDocker(): string | undefined {
  if (existsSync(CACHE) || findDebianArchive(RELEASE) !== undefined) return undefined;
  return `no archive of Debian's ${RELEASE} answers that apt's sources name: add one, or a way to it`;
}

const configuration = (folder: string) => `Dir::State "${folder}/state";
Dir::State::status "${folder}/state/status";
Dir::Cache "${folder}/cache";
Dir::Etc::sourcelist "${folder}/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferencesparts "-";
Dir::Etc::preferences "-";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
`;

/** Fetches the packages and unpacks them. What comes of it has its name only when it is whole. */
async function unpackPackages(): Promise<void> {
  const archive = findDebianArchive(RELEASE);
  if (archive === undefined) throw new Error(whyNoNewerDocker());
  const folder = await mkdtemp(`${CACHE}-`);
  try {
    const root = join(folder, 'root');
    const packages = join(folder, 'cache', 'archives');
    for (const each of [root, join(packages, 'partial'), join(folder, 'state', 'lists', 'partial')]) {
      await mkdir(each, { recursive: true });
    }
    await writeFile(join(folder, 'state', 'status'), '');
    await writeFile(join(folder, 'sources.list'), `deb [signed-by=${KEYRING}] ${archive} ${RELEASE} main\n`);
    await writeFile(join(folder, 'apt.conf'), configuration(folder));
    const apt = (...args: string[]) =>
      run('apt-get', ['-c', join(folder, 'apt.conf'), ...args], { maxBuffer: 16 * 2 ** 20 });
    await apt('update');
    await apt('install', '--download-only', '--yes', ...PACKAGES);
    for (const name of await readdir(packages)) {
      if (name.endsWith('.deb')) await run('dpkg-deb', ['--extract', join(packages, name), root]);
    }
    // As usrmerge would, which is a script of the package base-files.
    for (const name of MERGED) {
      await rm(join(root, name), { recursive: true, force: true });
      await symlink(`usr/${name}`, join(root, name));
    }
    // Another test may have been faster.
    await rename(root, CACHE).catch((error: NodeJS.ErrnoException) => {
      if (!existsSync(CACHE)) throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Makes a folder the root of this mount namespace, with what the kernel shows, and the folder of the test in its place.
 * pivot_root(2): engines change the root for a moment themselves, which chroot(2) alone does not let them.
 */
const ENTER = `set -e
packages=$1 folder=$2
shift 2
root=$folder/root
mkdir -p "$root" "$folder/upper" "$folder/work"
mount -t overlay -o "lowerdir=$packages,upperdir=$folder/upper,workdir=$folder/work" overlay "$root" ||
  mount --bind "$packages" "$root"
mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/tmp" "$root/etc" "$root/old"
for each in proc sys dev; do mount --rbind "/$each" "$root/$each"; done
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mkdir -p "$root$folder"
mount --rbind "$folder" "$root$folder"
cp /etc/passwd /etc/group "$root/etc/"
# As update-alternatives would, which is in the scripts of the package.
for each in iptables ip6tables; do [ -e "$root/usr/sbin/$each" ] || ln -s "$each-nft" "$root/usr/sbin/$each"; done
cd "$root"
pivot_root . old
exec /bin/busybox sh -c 'cd / && umount -l /old && exec "$@"' sh "$@"
`;

/**
 * Needs the requirements `newer-dockerd` and `root`.
 *
 * @param folder which is there; @param args further options of `dockerd`
 */
export async function startNewerDockerEngine(
  place: Namespace,
  folder: string,
  ...args: readonly string[]
): Promise<RunningEngine> {
  if (!existsSync(CACHE)) await unpackPackages();
  const socket = join(folder, 'docker.sock');
  const child = place.start(
    [
      ...['unshare', '--mount', '--propagation', 'private', 'sh', '-c', ENTER, 'sh', CACHE, folder],
      ...['env', 'PATH=/usr/sbin:/usr/bin', 'dockerd', '--feature', 'containerd-snapshotter=true'],
      ...['--host', `unix://${socket}`, '--data-root', join(folder, 'data')],
      ...['--exec-root', join(folder, 'exec'), '--pidfile', join(folder, 'docker.pid')],
      ...['--bridge', 'none', '--iptables=false', '--ip6tables=false', ...args],
    ],
    { stdio: 'ignore' },
  );
  // Its own client, since newer engines do not speak with that of Debian 12; by its own libraries.
  const [loader = ''] = globSync(join(CACHE, 'usr/lib*/ld-linux-*.so.*'));
  const [libraries = ''] = globSync(join(CACHE, 'usr/lib/*-linux-gnu'));
  const client = [loader, '--library-path', libraries, join(CACHE, 'usr/bin/docker')];
  return waitForEngine(place, child, socket, client);
}
