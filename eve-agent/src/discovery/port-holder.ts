// SPDX-License-Identifier: Apache-2.0
import { MDNS_PORT } from '@local-datastore/shared/dns-sd/service-types';
import { printableText } from '@local-datastore/shared/text/printable-text';
import type { PortRefusal } from './bridge-sockets.ts';

/** A UDP socket on the mDNS port, as the kernel lists it. */
export interface PortUse {
  readonly inode: string;
  readonly uid: number;
}

/** What is read of the kernel to find who holds a port. */
export interface PortHolderSources {
  /** The texts of `/proc/net/udp` and `/proc/net/udp6`, those that can be read. */
  readUdpTables(): readonly string[];
  /** The processes that can be looked into and hold one of the sockets, as `name (pid)`. */
  findProcesses(inodes: ReadonlySet<string>): readonly string[];
}

const MAX_NAMED = 4;

/** The sockets on the mDNS port in a table of the format of `/proc/net/udp` (proc_net(5)). */
export function parsePortUses(table: string): PortUse[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((row) => {
      const [, local = '', , , , , , uid = '', , inode = ''] = row.trim().split(/\s+/);
      const port = Number.parseInt(local.split(':')[1] ?? '', 16);
      return port === MDNS_PORT ? [{ inode, uid: Number(uid) }] : [];
    });
}

const HINT = 'often it is Avahi or systemd-resolved; as root, "ss -ulpn sport = :5353" names it';

/**
 * Who keeps port 5353 from us, as one clause for people. As far as this process may look: the sockets of other
 * users have no name for it, but their user's number.
 */
export function describePortHolder({ code }: PortRefusal, sources: PortHolderSources): string {
  if (code === 'EACCES' || code === 'EPERM') {
    return 'this process may not use it (see net.ipv4.ip_unprivileged_port_start, and what its sandbox allows)';
  }
  if (code !== 'EADDRINUSE') return 'nobody is known to hold it';
  const uses = sources.readUdpTables().flatMap(parsePortUses);
  const named = sources.findProcesses(new Set(uses.map(({ inode }) => inode)));
  if (named.length > 0) {
    return `held, and not shared, by ${named.slice(0, MAX_NAMED).map(printableText).join(', ')}`;
  }
  const uids = [...new Set(uses.map(({ uid }) => uid))];
  const owner = uids.length === 0 ? 'another program' : `a program of user ${uids.join(', ')}`;
  return `held, and not shared, by ${owner}: ${HINT}`;
}
