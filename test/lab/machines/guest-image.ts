// SPDX-License-Identifier: Apache-2.0
/**
 * A guest that is as small as a real one can be: Debian's kernel for clouds, and a busybox as its initramfs, behind a
 * boot loader on a disk that starts as a RAW disk, as a QCOW2 and as a disc.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { copyPrograms } from '../linked-program.ts';
import { findGuestKernel } from './guest-kernel.ts';

const run = promisify(execFile);

const BUSYBOX = '/bin/busybox';
const ISOLINUX = '/usr/lib/ISOLINUX';
const LDLINUX = '/usr/lib/syslinux/modules/bios/ldlinux.c32';

/** How a guest behaves once it is up. */
export type GuestMode =
  /** Answers over HTTP, and switches itself off when it is asked to. */
  | 'good'
  /** As that, but nobody listens to the button. */
  | 'deaf'
  /** Answers nothing. */
  | 'silent'
  /** Is up, and answers that it is not well (503). */
  | 'unwell'
  /** Its kernel panics. */
  | 'panic'
  /** Switches itself off. */
  | 'off';

export interface GuestWanted {
  /** What it answers. */
  readonly word: string;
  readonly mode?: GuestMode;
  /** Whether each datagram at DATAGRAM_PORT is answered as well, by the word and what was said. */
  readonly answersDatagrams?: boolean;
}

export interface GuestImages {
  /** A disk that boots, as a RAW disk and as a disc. */
  build(wanted: GuestWanted): Promise<string>;
  /** The same as QCOW2. */
  buildQcow2(wanted: GuestWanted): Promise<string>;
  remove(): Promise<void>;
}

/** Where a guest that nobody tells another has its address. */
export const GUEST_ADDRESS = '10.1.0.60';
export const DATAGRAM_PORT = 7;

/** By Perl, since no program of the busybox listens by UDP; of Perl nothing but the program is there. */
const PERL = [['/usr/bin/perl', '/usr/bin/perl']] as const;
const ANSWER_DATAGRAMS = `my ($word, $port) = @ARGV;
socket(my $socket, 2, 2, 17) or die "no socket: $!";
bind($socket, pack('S n x12', 2, $port)) or die "no port: $!";
while (defined(my $from = recv($socket, my $said, 2048, 0))) {
  send($socket, "$word heard $said", 0, $from);
}
`;

/**
 * Says what it does on the serial console, repeats there what it reads, and runs it behind the word `run`. `user-data` of a drive for cloud-init is run
 * where it is a script. Of a third disk the first bytes count how often it was started.
 */
const INIT = `#!/bin/busybox sh
/bin/busybox mkdir -p /bin /proc /sys /dev /www /seed /tmp
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
for module in $(cat /modules/order); do insmod /modules/$module; done
word=none mode=good
for each in $(cat /proc/cmdline); do
  case $each in word=*) word=\${each#word=};; mode=*) mode=\${each#mode=};; esac
done
echo "guest $word begins"
for disk in /sys/block/vd*; do
  echo "disk \${disk##*/} $(cat $disk/size) $(cat $disk/ro)"
done | tee /www/disks
ip link set lo up
ip link set eth0 up
address=${GUEST_ADDRESS}/24
for disk in /dev/vd[b-z]; do
  [ -b $disk ] || continue
  if dd if=$disk bs=512 count=128 2>/dev/null | grep -q cidata; then
    for part in $disk ''"$disk"1; do mount -t vfat -o ro $part /seed 2>/dev/null && break; done
    [ -f /seed/user-data ] && . /seed/user-data
  elif [ "$(cat /sys/block/\${disk#/dev/}/ro)" = 0 ]; then
    count=$(dd if=$disk bs=8 count=1 2>/dev/null | tr -dc 0-9)
    count=$((\${count:-0} + 1))
    printf '%-8s' $count | dd of=$disk bs=8 count=1 conv=notrunc 2>/dev/null
    sync
    echo $count >/www/boots
  fi
done
ip addr add $address dev eth0
ip route add default via 10.1.0.1
if [ $mode = unwell ]; then
  mkdir /www/cgi-bin
  printf '#!/bin/sh\\nprintf "Status: 503 Not well\\\\r\\\\n\\\\r\\\\n"\\n' >/www/cgi-bin/index.cgi
  chmod +x /www/cgi-bin/index.cgi
else
  echo -n $word >/www/index.html
fi
echo "guest $word is $mode"
[ -x /usr/bin/perl ] && perl /answer-datagrams $word ${DATAGRAM_PORT} &
case $mode in
  panic) echo c >/proc/sysrq-trigger;;
  off) poweroff -f;;
  silent) ;;
  *) httpd -p 80 -h /www;;
esac
# Who asks goes on asking: a kernel of 6.1 that goes off meanwhile may come to hang in its network card's driver.
if [ $mode != deaf ]; then
  mkdir -p /etc/acpi/PWRF /var/log /var/run
  printf '#!/bin/sh\\necho guest goes off >/dev/ttyS0\\nkillall httpd\\nip link set eth0 down\\nsync\\npoweroff -f\\n' >/etc/acpi/PWRF/00000080
  chmod +x /etc/acpi/PWRF/00000080
  acpid
fi
# So that the host knows of it, though nobody has asked it.
arping -c 1 -I eth0 10.1.0.1 >/dev/null 2>&1
echo "guest $word is up"
while true; do
  while read -r line; do
    case $line in "run "*) eval "\${line#run }";; esac
    echo "heard $line"
  done </dev/ttyS0 >/dev/ttyS0
  sleep 1
done
`;

const CONFIGURATION = ({ word, mode = 'good' }: GuestWanted, initrds: readonly string[]) => `DEFAULT guest
PROMPT 0
TIMEOUT 0
LABEL guest
  KERNEL /linux
  INITRD ${initrds.map((name) => `/${name}`).join()}
  APPEND console=ttyS0 quiet nokaslr mitigations=off no_timer_check cryptomgr.notests panic=0 word=${word} mode=${mode}
`;

/** Packs a folder as the kernel unpacks it. */
async function packInitramfs(root: string, file: string): Promise<void> {
  const script = `cd "$1" && find . | ${BUSYBOX} cpio -o -H newc | gzip -1 >"$2"`;
  await run('sh', ['-c', script, 'sh', root, file]);
}

/**
 * Needs the requirement `machines`, or for what `build` makes the programs of guest-needs.ts.
 *
 * @param below where its files are made
 * @param kernelFolder what is fetched of a kernel lies there; see findGuestKernel
 */
export async function createGuestImages(below = tmpdir(), kernelFolder?: string): Promise<GuestImages> {
  const folder = await mkdtemp(join(below, 'guest-'));
  const { kernel, modules } = await findGuestKernel(kernelFolder);
  const root = join(folder, 'root');
  await mkdir(join(root, 'bin'), { recursive: true });
  await mkdir(join(root, 'modules'));
  await mkdir(join(root, 'dev'));
  await copyFile(BUSYBOX, join(root, 'bin/busybox'));
  await symlink('busybox', join(root, 'bin/sh'));
  for (const module of modules) await copyFile(module, join(root, 'modules', basename(module)));
  await writeFile(join(root, 'modules/order'), `${modules.map((each) => basename(each)).join('\n')}\n`);
  await writeFile(join(root, 'init'), INIT, { mode: 0o755 });
  await packInitramfs(root, join(folder, 'initrd'));
  const built = new Map<string, Promise<string>>();

  /** Beside the initramfs that all have. */
  async function packPerl(file: string): Promise<void> {
    const perl = join(folder, 'perl');
    await copyPrograms(perl, PERL);
    await writeFile(join(perl, 'answer-datagrams'), ANSWER_DATAGRAMS);
    await packInitramfs(perl, file);
  }

  async function buildDisk(wanted: GuestWanted, name: string): Promise<string> {
    const content = join(folder, `${name}.files`);
    await mkdir(join(content, 'isolinux'), { recursive: true });
    await copyFile(kernel, join(content, 'linux'));
    await copyFile(join(folder, 'initrd'), join(content, 'initrd'));
    const initrds = ['initrd'];
    if (wanted.answersDatagrams) {
      await packPerl(join(content, 'perl'));
      initrds.push('perl');
    }
    await copyFile(join(ISOLINUX, 'isolinux.bin'), join(content, 'isolinux/isolinux.bin'));
    await copyFile(LDLINUX, join(content, 'isolinux/ldlinux.c32'));
    await writeFile(join(content, 'isolinux/isolinux.cfg'), CONFIGURATION(wanted, initrds));
    const disk = join(folder, `${name}.img`);
    const boot = ['-b', 'isolinux/isolinux.bin', '-c', 'isolinux/boot.cat', '-no-emul-boot'];
    const loader = [
      '-boot-load-size',
      '4',
      '-boot-info-table',
      '-isohybrid-mbr',
      join(ISOLINUX, 'isohdpfx.bin'),
    ];
    await run('xorriso', ['-as', 'mkisofs', '-quiet', '-o', disk, ...boot, ...loader, content]);
    await rm(content, { recursive: true });
    return disk;
  }
  const once = (key: string, build: () => Promise<string>) => {
    const known = built.get(key) ?? build();
    built.set(key, known);
    return known;
  };
  const nameOf = ({ word, mode = 'good', answersDatagrams = false }: GuestWanted) =>
    `${word}-${mode}${answersDatagrams ? '-datagrams' : ''}`;
  const build = (wanted: GuestWanted) => once(nameOf(wanted), () => buildDisk(wanted, nameOf(wanted)));
  return {
    build,
    buildQcow2: (wanted) =>
      once(`${nameOf(wanted)}.qcow2`, async () => {
        const file = join(folder, `${nameOf(wanted)}.qcow2`);
        await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', await build(wanted), file]);
        return file;
      }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The SHA-256 of a file, as qemu's tools do not say it. */
export async function sha256Of(file: string): Promise<string> {
  const { hash } = await import('node:crypto');
  return hash('sha256', await readFile(file));
}
