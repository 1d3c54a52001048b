// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { arch } from 'node:os';
import { findTool, runTool } from '../switch/packet-filter-tool.ts';
import type { Accelerator, MachineArchitecture } from './qemu-arguments.ts';

/** The qemu of this host. */
export interface Qemu {
  readonly path: string;
  /** As it says it, such as `7.2.22`. */
  readonly version: string;
  readonly architecture: MachineArchitecture;
  readonly accelerator: Accelerator;
  /** The group that may open /dev/kvm; null: none is needed. */
  readonly kvmGroup: number | null;
  /** Code and the beginning of the variables of UEFI; null: its package is not installed. */
  readonly uefi: { readonly codePath: string; readonly varsPath: string } | null;
  /** Programs that confine it. */
  readonly setprivPath: string;
  readonly prlimitPath: string;
}

const PROGRAMS = {
  x64: { program: 'qemu-system-x86_64', package: 'qemu-system-x86', uefiPackage: 'ovmf' },
  arm64: { program: 'qemu-system-aarch64', package: 'qemu-system-arm', uefiPackage: 'qemu-efi-aarch64' },
} as const;
const UEFI_FILES = {
  x64: [
    ['/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_VARS_4M.fd'],
    ['/usr/share/OVMF/OVMF_CODE.fd', '/usr/share/OVMF/OVMF_VARS.fd'],
  ],
  arm64: [['/usr/share/AAVMF/AAVMF_CODE.fd', '/usr/share/AAVMF/AAVMF_VARS.fd']],
} as const;
const KVM = '/dev/kvm';
const TRY_LIMIT_MS = 15_000;

const architectureOf = (name: string): MachineArchitecture | null =>
  name === 'x64' || name === 'arm64' ? name : null;

/** What a host without qemu is told. @param name as Node has it */
export function whyNoQemu(name: string = arch()): string {
  const architecture = architectureOf(name);
  if (architecture === null) return `virtual machines are not known for processors of the kind ${name}`;
  const { program, package: debian } = PROGRAMS[architecture];
  return `virtual machines need ${program}, which this host has not: install it (Debian: ${debian})`;
}

export function whyNoUefi(architecture: MachineArchitecture): string {
  return `UEFI is wanted, and this host has no firmware for it: install it (Debian: ${PROGRAMS[architecture].uefiPackage})`;
}

/**
 * Whether a processor can run machines by itself. A kernel may offer /dev/kvm all the same, by paravirtualisation,
 * where firmware of real machines cannot run.
 *
 * @param cpuinfo as /proc/cpuinfo
 */
export const hasVirtualisation = (architecture: MachineArchitecture, cpuinfo: string): boolean =>
  architecture === 'arm64' || /^flags\s*:.*\b(?:vmx|svm)\b/m.test(cpuinfo);

/** Whether qemu comes up with it: the device may be there, and another hypervisor have the processor. */
function triesKvm(path: string): Promise<boolean> {
  const child = spawn(
    path,
    ['-machine', 'none', '-nodefaults', '-display', 'none', '-accel', 'kvm', '-qmp', 'stdio'],
    {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: {},
      signal: AbortSignal.timeout(TRY_LIMIT_MS),
      killSignal: 'SIGKILL',
    },
  );
  child.stdin.on('error', () => {});
  child.stdin.end('{"execute":"qmp_capabilities"}{"execute":"quit"}');
  return new Promise((resolve) => {
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}

async function canUseKvm(path: string, architecture: MachineArchitecture): Promise<boolean> {
  try {
    await (await open(KVM, constants.O_RDWR)).close();
    if (!hasVirtualisation(architecture, await readFile('/proc/cpuinfo', 'utf8'))) return false;
  } catch {
    return false;
  }
  return await triesKvm(path);
}

const isThere = (path: string) =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

async function findUefi(architecture: MachineArchitecture): Promise<Qemu['uefi']> {
  for (const [codePath, varsPath] of UEFI_FILES[architecture]) {
    if ((await isThere(codePath)) && (await isThere(varsPath))) return { codePath, varsPath };
  }
  return null;
}

/** @returns null where the host has none, or none of the programs that confine it; {@link whyNoQemu} says what is missing */
export async function findQemu(signal: AbortSignal, name: string = arch()): Promise<Qemu | null> {
  const architecture = architectureOf(name);
  if (architecture === null) return null;
  const path = await findTool(PROGRAMS[architecture].program);
  const setprivPath = await findTool('setpriv');
  const prlimitPath = await findTool('prlimit');
  if (path === null || setprivPath === null || prlimitPath === null) return null;
  const said = await runTool(path, ['--version'], signal);
  const hasKvm = await canUseKvm(path, architecture);
  return {
    ...{ path, architecture, setprivPath, prlimitPath },
    version: /version (\d[\w.]*)/.exec(said)?.[1] ?? '',
    accelerator: hasKvm ? 'kvm' : 'tcg',
    kvmGroup: hasKvm ? (await stat(KVM)).gid : null,
    uefi: await findUefi(architecture),
  };
}
