// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Qemu } from './find-qemu.ts';
import { type QemuWanted, qemuArguments } from './qemu-arguments.ts';

/** Standard input, output and errors come before what is handed over. */
const FIRST_FD = 3;
const MAX_ERROR_LENGTH = 2000;
const MAX_OPEN_FILES = 4096;

export interface StartedProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** What it has complained of, so far. */
  complaint(): string;
  /** How it has ended: a code, or by a signal. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** The files that the process gets, as numbers of this process. */
export interface HandedOver {
  readonly disks: readonly {
    readonly fd: number;
    readonly format: QemuWanted['disks'][number]['format'];
    readonly isReadOnly: boolean;
  }[];
  readonly varsFd: number | null;
  readonly seedFd: number | null;
  readonly socketsFd: number;
}

/** An interface of the machine; its tap's descriptor is one of this process. */
export type HandedNetwork = QemuWanted['networks'][number];

/**
 * What confines qemu, as the words before its own: a user of its own without groups but that of /dev/kvm, no capability
 * and no way to any, no dump of the guest's memory.
 *
 * Pure.
 */
export function confine({ setprivPath, prlimitPath, kvmGroup }: Qemu, user: number): string[] {
  const groups = kvmGroup === null ? ['--clear-groups'] : ['--groups', String(kvmGroup)];
  return [
    ...[prlimitPath, '--core=0:0', `--nofile=${MAX_OPEN_FILES}:${MAX_OPEN_FILES}`],
    ...[setprivPath, '--reuid', String(user), '--regid', String(user), ...groups],
    ...['--inh-caps=-all', '--ambient-caps=-all', '--bounding-set=-all', '--no-new-privs'],
  ];
}

/** Starts the process of a machine, which goes on without this one. It has nothing of this one's environment. */
export function startProcess(
  qemu: Qemu,
  user: number,
  wanted: Omit<QemuWanted, 'disks' | 'networks' | 'seedFd' | 'socketsFd' | 'uefi'>,
  files: HandedOver,
  interfaces: readonly HandedNetwork[],
): StartedProcess {
  const handed: number[] = [];
  const give = (fd: number) => FIRST_FD - 1 + handed.push(fd);
  const disks = files.disks.map((disk) => ({ ...disk, fd: give(disk.fd) }));
  const uefi =
    files.varsFd === null || qemu.uefi === null
      ? null
      : { codePath: qemu.uefi.codePath, varsFd: give(files.varsFd) };
  const seedFd = files.seedFd === null ? null : give(files.seedFd);
  const socketsFd = give(files.socketsFd);
  const networks = interfaces.map(({ tapFd, mac }) => ({ tapFd: give(tapFd), mac }));
  const args = qemuArguments({ ...wanted, disks, uefi, seedFd, socketsFd, networks });
  const [program = '', ...words] = [...confine(qemu, user), qemu.path, ...args];
  const child = spawn(program, words, {
    cwd: '/',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    stdio: ['ignore', 'ignore', 'pipe', ...handed],
    // A session of its own: what ends this one's does not end it.
    detached: true,
  });
  child.unref();
  // A socket, as Node has pipes to processes: it keeps nobody waiting.
  if (child.stderr !== null && 'unref' in child.stderr) (child.stderr as Socket).unref();
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    if (complaint.length < MAX_ERROR_LENGTH) complaint += chunk.toString('utf8');
  });
  child.stderr?.on('error', () => {});
  const ended = new Promise<Awaited<StartedProcess['ended']>>((resolve) => {
    child.once('error', () => resolve({ code: 127, signal: null }));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  return {
    ...{ child, ended },
    pid: child.pid ?? 0,
    complaint: () => complaint.trim().slice(0, MAX_ERROR_LENGTH),
  };
}
