// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createNamespace, type Namespace } from './namespace.ts';
import { killMembers } from './namespace-members.ts';

export interface AppOptions {
  readonly name: string;
  readonly bridge: string;
  /** With the prefix length; absent: the interface is up without an address. */
  readonly address?: string;
  readonly mac?: string;
}

/** An emulated app: a namespace of its own with `eth0` on a bridge and no route to anywhere. */
export interface App extends Namespace {
  /** Gives `eth0` another address, as a lease after a reboot would. */
  setAddress(address: string): Promise<void>;
}

export interface BridgeOptions {
  /**
   * Whether its MAC address is said, as EVE's is, and not the least of what is attached, which is another with the next
   * container: neighbours would send to the one before for half a minute. Without ports such a bridge has no carrier.
   */
  readonly keepsMac?: boolean;
}

/** An emulated device: a host that owns bridges, and apps on them. Nothing in it reaches the outside. */
export interface Lab {
  readonly host: Namespace;
  addBridge(name: string, address: string, options?: BridgeOptions): Promise<void>;
  addApp(options: AppOptions): Promise<App>;
  /** Kills every process of the lab and lets the kernel take its namespaces down. Idempotent. */
  stop(): Promise<void>;
  /** As `stop`, and kills as well what outlives whoever started it, such as virtual machines. Idempotent. */
  stopWithAll(): Promise<void>;
}

const isRoot = process.getuid?.() === 0;
/** Without root the lab lives in a user namespace, in which the caller is root. */
const UNSHARE = ['unshare', ...(isRoot ? [] : ['--user', '--map-root-user']), '--net', '--mount'];

/**
 * Why no lab can be built on this machine, as one sentence with the way out; undefined when it can.
 */
export function whyNoLab(): string | undefined {
  for (const program of ['ip', 'nsenter', 'setpriv', 'unshare']) {
    if (spawnSync(program, ['--version']).error !== undefined) {
      return `The program "${program}" is missing: install the packages iproute2 and util-linux.`;
    }
  }
  const [program = '', ...rest] = [...UNSHARE, 'sh', '-c', 'mount -t tmpfs tmpfs /run && ip netns add probe'];
  const { status, stderr } = spawnSync(program, rest, { encoding: 'utf8' });
  if (status === 0) return undefined;
  return (
    'This kernel lets neither root nor a user namespace create network namespaces ' +
    `(${stderr.trim().split('\n')[0]}): run as root, or allow user namespaces with ` +
    '"sysctl -w user.max_user_namespaces=10000 kernel.unprivileged_userns_clone=1 ' +
    'kernel.apparmor_restrict_unprivileged_userns=0" (those of the settings that exist).'
  );
}

/** A MAC address for a bridge, of its IPv4 address. */
function macOf(address: string): string {
  const bytes = (address.split('/')[0] ?? '').split('.').map(Number);
  return [0x02, 0x00, ...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** Builds an empty device: loopback alone. `/run` is its own, so that daemons do not meet the machine's. */
export async function createLab(): Promise<Lab> {
  const [program = '', ...rest] = [
    ...UNSHARE,
    'sh',
    '-c',
    // The shell holds the namespaces and ends when its standard input does, even if we are killed.
    'mount -t tmpfs tmpfs /run && mkdir /run/netns && ip link set lo up && echo ready && cat >/dev/null',
  ];
  // In a group of its own: Ctrl-C is for whoever built the lab, who has something to take down in it.
  const holder = spawn(program, rest, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const [line] = await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit')]);
  if (String(line).trim() !== 'ready') throw new Error(whyNoLab() ?? 'the namespaces could not be made');

  const children = new Set<ChildProcess>();
  const track = (child: ChildProcess) => {
    children.add(child);
    child.once('close', () => children.delete(child));
  };
  const enterHost = [
    'nsenter',
    `--target=${holder.pid}`,
    ...(isRoot ? [] : ['--user', '--preserve-credentials']),
    '--net',
    '--mount',
    `--wd=${process.cwd()}`,
  ];
  const host = createNamespace('host', enterHost, track);

  async function addApp({ name, bridge, address, mac }: AppOptions): Promise<App> {
    const ip = (...args: string[]) => host.mustRun(['ip', ...args]);
    await ip('netns', 'add', name);
    const hostEnd = `veth-${name}`.slice(0, 15);
    await ip('link', 'add', hostEnd, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    await ip('link', 'set', hostEnd, 'master', bridge, 'up');
    const namespace = createNamespace(name, [...enterHost, 'nsenter', `--net=/run/netns/${name}`], track);
    await namespace.mustRun(['ip', 'link', 'set', 'lo', 'up']);
    if (mac !== undefined) await namespace.mustRun(['ip', 'link', 'set', 'eth0', 'address', mac]);
    await namespace.mustRun(['ip', 'link', 'set', 'eth0', 'up']);
    const setAddress = async (next: string) => {
      await namespace.mustRun(['ip', '-4', 'address', 'flush', 'dev', 'eth0']);
      await namespace.mustRun(['ip', 'address', 'add', next, 'brd', '+', 'dev', 'eth0']);
    };
    if (address !== undefined) await setAddress(address);
    return { ...namespace, setAddress };
  }

  async function stop(): Promise<void> {
    const running = [...children].filter(
      ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
    );
    // Not 'close': what a child left behind may keep its pipes open until the namespaces go.
    const ended = running.map((child) => once(child, 'exit'));
    for (const child of running) child.kill('SIGKILL');
    await Promise.all(ended);
    for (const child of children) for (const pipe of child.stdio) pipe?.destroy();
    if (holder.exitCode !== null || holder.signalCode !== null) return;
    const holderEnded = once(holder, 'exit');
    holder.stdin.end();
    await holderEnded;
  }

  let stoppedWithAll: Promise<void> | undefined;
  async function stopWithAll(): Promise<void> {
    const isHeld = holder.exitCode === null && holder.signalCode === null;
    // All of the lab, its apps too, share the mount namespace of the host.
    if (isHeld && holder.pid !== undefined) await killMembers(holder.pid);
    await stop();
  }

  return {
    host,
    async addBridge(name, address, { keepsMac = false } = {}) {
      // A bridge forwards multicast from its first moment: no listening delay, no snooping without a querier.
      const options = ['type', 'bridge', 'forward_delay', '0', 'stp_state', '0', 'mcast_snooping', '0'];
      await host.mustRun([
        'ip',
        'link',
        'add',
        name,
        ...(keepsMac ? ['address', macOf(address)] : []),
        ...options,
      ]);
      await host.mustRun(['ip', 'address', 'add', address, 'brd', '+', 'dev', name]);
      await host.mustRun(['ip', 'link', 'set', name, 'up']);
    },
    addApp,
    stop,
    stopWithAll() {
      stoppedWithAll ??= stopWithAll();
      return stoppedWithAll;
    },
  };
}
