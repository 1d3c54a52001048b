// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { PortHolderSources } from '../discovery/port-holder.ts';

const MAX_PROCESSES = 65_536;

const readText = (file: string) => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

const readNames = (folder: string) => {
  try {
    return readdirSync(folder);
  } catch {
    // It ended meanwhile, or is another user's.
    return [];
  }
};

function holdsSocket(processFolder: string, inodes: ReadonlySet<string>): boolean {
  return readNames(`${processFolder}/fd`).some((name) => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`${processFolder}/fd/${name}`))?.[1];
      return inode !== undefined && inodes.has(inode);
    } catch {
      return false;
    }
  });
}

export const systemPortHolderSources: PortHolderSources = {
  readUdpTables: () => [readText('/proc/net/udp'), readText('/proc/net/udp6')],
  findProcesses: (inodes) =>
    readNames('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .slice(0, MAX_PROCESSES)
      .filter((pid) => holdsSocket(`/proc/${pid}`, inodes))
      .map((pid) => `${readText(`/proc/${pid}/comm`).trim()} (process ${pid})`),
};
