// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { systemErrorCode } from '@local-datastore/shared/errors';
import type { FileVersion } from '../content/file-version.ts';
import type { Writer } from './settling.ts';

/** Who has files open for writing. */
export interface Writers {
  of(file: Pick<FileVersion, 'device' | 'inode'>): Writer;
}

/** The number of the first process namespace (Linux's PROC_PID_INIT_INO): from any other, not all are seen. */
const FIRST_PROCESS_NAMESPACE = 'pid:[4026531836]';
/** Servers within the kernel write without a descriptor that anybody could see. */
const KERNEL_FILE_SERVERS = ['/proc/fs/nfsd/threads', '/sys/class/ksmbd-control'];
/** Linux's O_ACCMODE. */
const ACCESS_MODE = 0o3;
/** Looking takes at most so small a part of the processor. */
const SHARE = 50;
/** With very many processes it may take more than that. */
const LONGEST_WAIT_MS = 10_000;
const PROCESS = /^\d+$/;
const GONE = new Set(['ENOENT', 'ESRCH']);

const keyOf = ({ device, inode }: Pick<FileVersion, 'device' | 'inode'>) => `${device}:${inode}`;

/** Of this thread, in milliseconds. */
function processorTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** What `read` returns; undefined when what it looks at is gone, or is not ours to see. */
function unlessHidden<T>(read: () => T, onHidden: () => void): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!GONE.has(systemErrorCode(error) ?? '')) onHidden();
    return undefined;
  }
}

/** Whether a descriptor may write, and to which inode: Linux says that from 5.14 on (proc_pid_fdinfo(5)). */
function parseDescriptor(descriptorInfo: string): { isForWriting: boolean; inode: bigint | undefined } {
  const [, flags = '0'] = /^flags:\s*([0-7]+)/m.exec(descriptorInfo) ?? [];
  const [, inode] = /^ino:\s*(\d+)/m.exec(descriptorInfo) ?? [];
  return {
    isForWriting: (Number.parseInt(flags, 8) & ACCESS_MODE) !== 0,
    inode: inode === undefined ? undefined : BigInt(inode),
  };
}

/**
 * Looks through the open files of all processes that can be seen. Node knows no other way: leases and
 * `IN_CLOSE_WRITE` are not within its reach. One process after another, so that requests are answered between
 * them.
 *
 * @param proc `/proc`; another one only for tests
 * @param isLocal whether only processes of this machine can write to the files
 * @returns a function that looks; undefined: it was looked a short while ago
 */
export function createWriterSearch({
  proc = '/proc',
  isLocal,
  elapsed = () => performance.now(),
  spent = processorTime,
}: {
  readonly proc?: string;
  readonly isLocal: boolean;
  readonly elapsed?: () => number;
  /** The processor time that looking took so far, in milliseconds: on a busy machine less than what passed. */
  readonly spent?: () => number;
}): (files: readonly Pick<FileVersion, 'device' | 'inode'>[]) => Promise<Writers | undefined> {
  let nextMs = Number.NEGATIVE_INFINITY;

  return async (files) => {
    const startedMs = elapsed();
    if (startedMs < nextMs) return undefined;
    const inodes = new Set(files.map(({ inode }) => inode));
    const open = new Set<string>();
    let tookMs = 0;
    let isEverythingSeen = isLocal && !KERNEL_FILE_SERVERS.some((path) => existsSync(path));
    const hide = () => {
      isEverythingSeen = false;
    };
    const namespace = unlessHidden(() => readlinkSync(`${proc}/self/ns/pid`), hide);
    if (namespace !== FIRST_PROCESS_NAMESPACE || process.geteuid?.() !== 0) hide();
    for (const name of unlessHidden(() => readdirSync(proc), hide) ?? []) {
      if (!PROCESS.test(name)) continue;
      const sinceMs = spent();
      for (const descriptor of unlessHidden(() => readdirSync(`${proc}/${name}/fd`), hide) ?? []) {
        const link = `${proc}/${name}/fd/${descriptor}`;
        // Sockets, pipes and devices are no images.
        const target = unlessHidden(() => readlinkSync(link), hide);
        if (target === undefined || !target.startsWith('/') || target.startsWith('/dev/')) continue;
        const info = unlessHidden(() => readFileSync(`${proc}/${name}/fdinfo/${descriptor}`, 'utf8'), hide);
        const { isForWriting, inode } = parseDescriptor(info ?? '');
        // To ask a share that does not answer would take for ever: only where it may be one of the files.
        if (!isForWriting || (inode !== undefined && !inodes.has(inode))) continue;
        const stat = unlessHidden(() => statSync(link, { bigint: true }), hide);
        if (stat !== undefined) open.add(keyOf({ device: stat.dev, inode: stat.ino }));
      }
      tookMs += spent() - sinceMs;
      await turn();
    }
    nextMs = elapsed() + Math.min(tookMs * SHARE, LONGEST_WAIT_MS);
    return {
      of(file) {
        if (open.has(keyOf(file))) return 'open';
        return isEverythingSeen ? 'none' : 'unseen';
      },
    };
  };
}
