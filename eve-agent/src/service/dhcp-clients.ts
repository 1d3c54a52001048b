// SPDX-License-Identifier: Apache-2.0
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { ProcessStatus } from '@local-datastore/shared/confinement/launcher/process-status';
import { openNetlinkSocket } from '@local-datastore/shared/confinement/system/netlink-socket';
import { openPacketSocket } from '@local-datastore/shared/confinement/system/packet-socket';
import { openSilentPort } from '@local-datastore/shared/confinement/system/silent-port';
import { ConfigurationError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { type Dhcp, DhcpError, openDhcp } from '../sandbox/handlers/open-dhcp.ts';
import { createResolvConf } from '../sandbox/handlers/resolv-conf.ts';
import { createDhcpCalfStarter } from '../sandbox/handlers/start-dhcp-calf.ts';
import type { Sandbox } from './sandbox.ts';

/** Of the routes that servers give: what a person sets comes first. */
const METRIC = 1024;
const RESOLV_CONF = '/etc/resolv.conf';
const RIGHTS = 'the rights to open packet sockets and to set addresses (CAP_NET_RAW, CAP_NET_ADMIN)';

/** The address of an interface, as the status tells it. */
export interface DhcpStatus {
  readonly interface: string;
  /** Of the client, such as `selecting` or `bound`. */
  readonly state: string;
  /** With the prefix length; null: there is no lease. */
  readonly address: string | null;
  readonly gateway: string | null;
  readonly server: string | null;
  /** Null: without end, or no lease. */
  readonly leaseSeconds: number | null;
  readonly nameServers: readonly string[];
  /** What the host does without, each with why. */
  readonly leftOut: readonly string[];
  /** Why there is no lease, where there was one, or one was refused; null: nothing is known. */
  readonly reason: string | null;
}

export interface DhcpClients {
  statuses(): readonly DhcpStatus[];
  /** Of the processes that they are. */
  processes(): readonly ProcessStatus[];
  /** Ends the clients. What is in force stays, until the lease is over. */
  close(): Promise<void>;
}

function explain(interfaceName: string, error: unknown): Error {
  if (error instanceof DhcpError) return new ConfigurationError(`--dhcp: ${error.message}`, { cause: error });
  const code = systemErrorCode(error);
  if (code !== 'EPERM' && code !== 'EACCES') return error as Error;
  const message = `--dhcp ${interfaceName} needs ${RIGHTS}: ${errorMessage(error)}`;
  return new ConfigurationError(message, { cause: error });
}

function statusOf(dhcp: Dhcp): DhcpStatus {
  const { state, lease, leftOut, reason } = dhcp.status();
  return {
    ...{ interface: dhcp.interfaceName, state, leftOut, reason },
    address: lease === null ? null : `${lease.address}/${lease.prefixLength}`,
    gateway: lease?.gateway ?? null,
    server: lease?.server ?? null,
    leaseSeconds: lease?.leaseSeconds ?? null,
    nameServers: lease?.nameServers ?? [],
  };
}

/**
 * Gets interfaces their addresses by DHCP, each by a process without rights.
 *
 * @param state the folder in which the resolv.conf of before is kept
 * @throws ConfigurationError where an interface is none, or the rights are missing
 */
export async function openDhcpClients(
  interfaces: readonly string[],
  sandbox: Sandbox,
  { state, log }: { readonly state: string; readonly log: Log },
): Promise<DhcpClients> {
  const clients: Dhcp[] = [];
  const close = async () => {
    await Promise.all(clients.map((client) => client.close()));
  };
  for (const interfaceName of new Set(interfaces)) {
    try {
      const client = await openDhcp(
        {
          ...{
            store: sandbox.store,
            audit: sandbox.audit,
            openNetlink: openNetlinkSocket,
            openPacketSocket,
            openSilentPort,
            clock: systemClock,
            log,
          },
          startCalf: createDhcpCalfStarter({ ...sandbox, clock: systemClock, log }),
          resolvConf: createResolvConf({
            ...{ file: RESOLV_CONF, interfaceName },
            savedFile: join(state, `resolv.conf.before-${interfaceName}`),
          }),
        },
        { interfaceName, hostName: hostname(), isProbing: true, metric: METRIC },
      );
      clients.push(client);
    } catch (error) {
      await close();
      throw explain(interfaceName, error);
    }
  }
  return {
    statuses: () => clients.map(statusOf),
    processes: () => clients.map((client) => client.calfStatus()).filter((status) => status !== null),
    close,
  };
}
