// SPDX-License-Identifier: Apache-2.0
import { readFileSync, readlinkSync } from 'node:fs';

/** Namespaces by the names of `/proc/<pid>/ns`. */
export const NAMESPACES = ['net', 'mnt', 'ipc', 'uts', 'user'] as const;

/** What the kernel says of a process, from `/proc/<pid>`. */
export interface LayersInForce {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
  /** Bit masks of capabilities; 0: none. */
  readonly capEff: bigint;
  readonly capPrm: bigint;
  readonly capBnd: bigint;
  readonly capAmb: bigint;
  readonly noNewPrivs: boolean;
  /** 0: none, 1: strict, 2: by filter. */
  readonly seccomp: number;
  readonly seccompFilters: number;
  /** Whether each is another than this process has; null: this process may not see that. */
  readonly ownNamespaces: Readonly<Record<(typeof NAMESPACES)[number], boolean | null>>;
}

/** What `/proc/<pid>/status` says of the layers. @returns null: a text of another form */
export function parseStatus(text: string): Omit<LayersInForce, 'ownNamespaces'> | null {
  const lineOf = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(text)?.[1]?.trim();
  const words = (name: string) => lineOf(name)?.split(/\s+/).filter(Boolean) ?? [];
  /** The second of real, effective, saved and of the file system. */
  const effective = (name: string) => Number(words(name)[1]);
  const mask = (name: string) => BigInt(`0x${lineOf(name) ?? ''}`);
  try {
    const numbers = {
      uid: effective('Uid'),
      gid: effective('Gid'),
      groups: words('Groups').map(Number),
      seccomp: Number(lineOf('Seccomp')),
      // Since Linux 5.9.
      seccompFilters: Number(lineOf('Seccomp_filters') ?? Number.NaN),
    };
    if ([numbers.uid, numbers.gid, numbers.seccomp].some(Number.isNaN)) return null;
    return {
      ...numbers,
      capEff: mask('CapEff'),
      capPrm: mask('CapPrm'),
      capBnd: mask('CapBnd'),
      capAmb: mask('CapAmb'),
      noNewPrivs: lineOf('NoNewPrivs') === '1',
    };
  } catch {
    // A mask that is no number.
    return null;
  }
}

/**
 * What is in force of a process now, or of this one.
 *
 * @returns null: there is no such process, or `/proc` is not to be had
 */
export function readLayers(pid: number | 'self'): LayersInForce | null {
  const read = <T>(what: () => T): T | null => {
    try {
      return what();
    } catch {
      return null;
    }
  };
  const text = read(() => readFileSync(`/proc/${pid}/status`, 'utf8'));
  const status = text === null ? null : parseStatus(text);
  if (status === null) return null;
  const isOwn = (name: string) => {
    const theirs = read(() => readlinkSync(`/proc/${pid}/ns/${name}`));
    return theirs === null ? null : theirs !== read(() => readlinkSync(`/proc/self/ns/${name}`));
  };
  return {
    ...status,
    ownNamespaces: {
      net: isOwn('net'),
      mnt: isOwn('mnt'),
      ipc: isOwn('ipc'),
      uts: isOwn('uts'),
      user: isOwn('user'),
    },
  };
}
