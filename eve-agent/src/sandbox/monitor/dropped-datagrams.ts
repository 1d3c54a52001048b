// SPDX-License-Identifier: Apache-2.0
import { fstatSync, readFileSync } from 'node:fs';

/** How many datagrams the sockets of UDP of this network namespace did not take, by inode; those that are open. */
export type ReadDrops = () => ReadonlyMap<number, number>;

/** Columns of `/proc/net/udp`, whose last one is what `ss -m` calls d. */
const INODE_COLUMN = 9;
const DROPS_COLUMN = 12;
const TABLES = ['/proc/net/udp', '/proc/net/udp6'];

/** The drops of a table like `/proc/net/udp`, by inode. */
export function parseDrops(table: string): [inode: number, drops: number][] {
  const [, ...rows] = table.trimEnd().split('\n');
  return rows.flatMap((row): [number, number][] => {
    const columns = row.trim().split(/\s+/);
    const [inode, drops] = [Number(columns[INODE_COLUMN]), Number(columns[DROPS_COLUMN])];
    return Number.isSafeInteger(inode) && Number.isSafeInteger(drops) ? [[inode, drops]] : [];
  });
}

/** Of this host. */
export const readSystemDrops: ReadDrops = () =>
  new Map(
    TABLES.flatMap((path) => {
      try {
        return parseDrops(readFileSync(path, 'utf8'));
      } catch {
        // A host without IPv6, or without /proc.
        return [];
      }
    }),
  );

/** Counts what filters kept from sockets that were handed to a calf. */
export interface DroppedDatagrams {
  /** From now on it counts, until whoever has it closes it. */
  watch(fd: number): void;
  /** Of all of them together; of one that was closed, what was counted when this was asked for last. Never less than before. */
  total(): number;
}

/** @param readDrops of the network namespace that the sockets are of */
export function createDroppedDatagrams(readDrops: ReadDrops = readSystemDrops): DroppedDatagrams {
  const open = new Map<number, number>();
  let closed = 0;

  function total(): number {
    const drops = readDrops();
    let sum = 0;
    for (const [inode, before] of open) {
      // The number of a closed one may be another's later.
      const now = drops.get(inode);
      if (now === undefined || now < before) {
        closed += before;
        open.delete(inode);
      } else {
        open.set(inode, now);
        sum += now;
      }
    }
    return closed + sum;
  }
  return {
    watch(fd) {
      total();
      open.set(fstatSync(fd).ino, 0);
    },
    total,
  };
}
