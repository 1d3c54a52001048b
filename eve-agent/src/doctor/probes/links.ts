// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import * as z from 'zod';
import type { LinkState } from '../observations.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 5000;

/** The part of `ip -details -json address` that is read; iproute2 writes an empty object for what it leaves out. */
const linkSchema = z.object({
  ifname: z.string(),
  flags: z.array(z.string()).default([]),
  linkinfo: z.object({ info_kind: z.string().optional() }).optional(),
  addr_info: z
    .array(
      z.object({
        family: z.string().optional(),
        local: z.string().optional(),
        prefixlen: z.number().optional(),
      }),
    )
    .default([]),
});

/** Reads what iproute2 printed. @throws ZodError, SyntaxError */
export function parseLinks(json: string): LinkState[] {
  const links = z.array(z.union([linkSchema, z.object({}).strict()])).parse(JSON.parse(json));
  return links.flatMap((link) => {
    if (!('ifname' in link)) return [];
    return {
      name: link.ifname,
      isBridge: link.linkinfo?.info_kind === 'bridge',
      isUp: link.flags.includes('UP'),
      hasCarrier: link.flags.includes('LOWER_UP'),
      ipv4: link.addr_info.flatMap(({ family, local, prefixlen }) =>
        family === 'inet' && local !== undefined ? [`${local}/${prefixlen ?? 32}`] : [],
      ),
    };
  });
}

/**
 * All interfaces, also those that are down: Node lists only the others.
 *
 * @returns null when iproute2 is missing or too old; the checks then have less to tell
 */
export async function readSystemLinks(): Promise<LinkState[] | null> {
  try {
    const { stdout } = await run('ip', ['-details', '-json', 'address'], { timeout: TIMEOUT_MS });
    return parseLinks(stdout);
  } catch {
    return null;
  }
}

/** The kernel's table of neighbours in the format of `/proc/net/arp` (proc_net(5)): those with a link address. */
export function parseArpTable(table: string): { address: string; interfaceName: string }[] {
  const ATF_COM = 0x2;
  return table
    .split('\n')
    .slice(1)
    .flatMap((row) => {
      const [address = '', , flags = '0', , , interfaceName = ''] = row.trim().split(/\s+/);
      return (Number(flags) & ATF_COM) === 0 ? [] : [{ address, interfaceName }];
    });
}

/** The addresses that the kernel knows on a link; none where it has no such table. */
export async function readSystemNeighbours(interfaceName: string): Promise<string[]> {
  try {
    const rows = parseArpTable(await readFile('/proc/net/arp', 'utf8'));
    return rows.filter((row) => row.interfaceName === interfaceName).map(({ address }) => address);
  } catch {
    return [];
  }
}
