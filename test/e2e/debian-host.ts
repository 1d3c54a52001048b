// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { ContainerRuntimeClient } from 'testcontainers';
import { DEBIAN_RELEASE, findDebianArchive } from '../debian-archive.ts';
import { mustRunProgram } from '../lab/run-program.ts';

/** What a small server has, curl, with which the manual talks to the API, and what VMs are run by. */
const PACKAGES = [
  ...['systemd-sysv', 'dbus', 'init-system-helpers', 'iproute2', 'libstdc++6', 'passwd', 'curl'],
  'qemu-system-x86',
];
const UNREAD = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*'];

/**
 * Makes an image of Debian 12 with systemd, without a registry, from the archive that the machine's apt goes to.
 *
 * @throws Error with what mmdebstrap said, or when none of those archives answers
 */
export async function makeDebianImage(tag: string): Promise<void> {
  const archive = findDebianArchive(DEBIAN_RELEASE);
  if (archive === undefined) throw new Error(`no archive of Debian's ${DEBIAN_RELEASE} answers`);
  const options = [
    '--variant=essential',
    `--include=${PACKAGES.join(',')}`,
    '--dpkgopt=force-unsafe-io',
    ...UNREAD.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
  ];
  const source = [DEBIAN_RELEASE, '-', archive];
  const pipe =
    'image=$1; shift; mmdebstrap "$@" | docker import --change "LABEL local-datastore=debian" - "$image"';
  await mustRunProgram(['bash', '-o', 'pipefail', '-c', pipe, 'bash', tag, ...options, ...source]);
}

/** As far as systemd needs it: with `--privileged` Docker asks for more than a machine in a machine may give. */
const CAPABILITIES = ['SYS_ADMIN', 'NET_ADMIN', 'SYS_PTRACE'];

const TUN = '/dev/net/tun';

const HOST_CONFIG = {
  CapAdd: CAPABILITIES,
  Devices: existsSync(TUN) ? [{ PathOnHost: TUN, PathInContainer: TUN, CgroupPermissions: 'rw' }] : [],
  SecurityOpt: ['seccomp=unconfined', 'apparmor=unconfined'],
  MaskedPaths: [],
  ReadonlyPaths: [],
  CgroupnsMode: 'private',
  Tmpfs: { '/run': '', '/run/lock': '', '/tmp': '' },
};

/**
 * Before systemd is the first process: a hierarchy of control groups that it may write to, of version 2 whatever
 * the machine below has, and a bridge with the address that Docker gave, as a device's network instance has.
 */
const BOOT = `set -e
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
address=$(ip -4 -brief address show dev eth0 | awk '{ print $3 }')
ip link add bn1 type bridge
ip address flush dev eth0
ip link set eth0 master bn1
ip address add "$address" dev bn1
ip link set bn1 up
exec /lib/systemd/systemd`;

export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** A Debian machine whose first process is systemd, with the bridge bn1. */
export interface DebianHost {
  /** Runs a program as root to its end, whatever the exit code. */
  run(...command: string[]): Promise<Ended>;
  /** Runs a program that must succeed; returns its stdout without the last line's end. */
  mustRun(...command: string[]): Promise<string>;
  copy(file: string, target: string): Promise<void>;
  /** Properties of a unit, by name. */
  show(unit: string, ...properties: string[]): Promise<Record<string, string>>;
  /** Shuts down; the exit code of systemd. */
  stop(): Promise<number>;
  /** Shuts down, and boots again. */
  reboot(): Promise<void>;
}

/** Boots an image of `makeDebianImage`, and waits until nothing of the start is left to do. */
export async function bootDebianHost(
  client: ContainerRuntimeClient,
  { image, network, label }: { readonly image: string; readonly network: string; readonly label: string },
): Promise<DebianHost> {
  const container = await client.container.dockerode.createContainer({
    Image: image,
    Hostname: 'device',
    Cmd: ['sh', '-c', BOOT],
    Env: ['container=docker'],
    Labels: Object.fromEntries([label.split('=')]),
    StopSignal: 'SIGRTMIN+3',
    HostConfig: { ...HOST_CONFIG, NetworkMode: network },
  });
  const run = (...command: string[]): Promise<Ended> => client.container.exec(container, command);

  async function mustRun(...command: string[]): Promise<string> {
    const { stdout, stderr, exitCode } = await run(...command);
    if (exitCode !== 0) throw new Error(`${command.join(' ')} ended with ${exitCode}:\n${stdout}${stderr}`);
    return stdout.trimEnd();
  }

  const isBooted = async () => {
    if (!(await container.inspect()).State.Running) {
      throw new Error(`no systemd runs:\n${await container.logs({ stdout: true, stderr: true })}`);
    }
    const { stdout } = await run('systemctl', 'is-system-running');
    if (stdout.trim() === 'degraded') throw new Error(await mustRun('systemctl', '--failed', '--no-pager'));
    return stdout.trim() === 'running';
  };
  async function boot(): Promise<void> {
    await container.start();
    while (!(await isBooted())) await wait(50);
  }
  async function stop(): Promise<number> {
    await container.stop();
    return (await container.inspect()).State.ExitCode;
  }
  await boot();

  return {
    run,
    mustRun,
    async copy(file, target) {
      await mustRunProgram(['docker', 'cp', file, `${container.id}:${target}`]);
    },
    async show(unit, ...properties) {
      const rows = (await mustRun('systemctl', 'show', '--property', properties.join(','), unit)).split('\n');
      return Object.fromEntries(rows.map((row) => [row.split('=', 1)[0], row.slice(row.indexOf('=') + 1)]));
    },
    stop,
    async reboot() {
      await stop();
      await boot();
    },
  };
}
