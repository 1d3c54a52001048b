// SPDX-License-Identifier: Apache-2.0
/** What the kernel says of a process that is to have no rights. */
import { readdir, readFile, readlink } from 'node:fs/promises';

export interface ProcessProof {
  /** Of `/proc/<pid>/status`, each field by its name. */
  readonly status: Readonly<Record<string, string>>;
  /** Which of its namespaces are another process's as well. */
  readonly sharedNamespaces: readonly string[];
  /** What each descriptor is; one that was closed meanwhile is left out. */
  readonly descriptors: ReadonlyMap<number, string>;
}

const NAMESPACES = ['net', 'mnt', 'ipc', 'uts'] as const;

/** @param other whose namespaces it is not to have */
export async function proveProcess(pid: number, other: number): Promise<ProcessProof> {
  const lines = (await readFile(`/proc/${pid}/status`, 'utf8')).trim().split('\n');
  const status = lines.map((line) => /^(\w+):\s*(.*)$/.exec(line)?.slice(1) ?? []);
  const shared = await Promise.all(
    NAMESPACES.map(async (name) => {
      const [its, theirs] = await Promise.all(
        [pid, other].map((each) => readlink(`/proc/${each}/ns/${name}`)),
      );
      return its === theirs ? [name] : [];
    }),
  );
  const numbers = (await readdir(`/proc/${pid}/fd`)).map(Number);
  const targets = await Promise.all(
    numbers.map(async (fd) => [fd, await readlink(`/proc/${pid}/fd/${fd}`).catch(() => null)] as const),
  );
  return {
    status: Object.fromEntries(status),
    sharedNamespaces: shared.flat(),
    descriptors: new Map(targets.flatMap(([fd, target]) => (target === null ? [] : [[fd, target] as const]))),
  };
}

/** Sockets and pipes, which it was given or has from libuv; libuv's own; and nothing to read. No file, no folder. */
export const MAY_BE_OPEN =
  /^(?:socket:\[\d+\]|pipe:\[\d+\]|anon_inode:\[(?:eventfd|eventpoll)\]|\/dev\/null)$/;
