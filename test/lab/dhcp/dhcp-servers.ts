// SPDX-License-Identifier: Apache-2.0
/** Debian's servers of DHCP, each on `eth0` of an app of the lab, with the same things to say. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Namespace } from '../namespace.ts';
import { waitForLog } from '../programs.ts';

export interface DhcpServer {
  /** What it has logged so far. */
  log(): string;
  /** SIGKILL. */
  stop(): Promise<void>;
}

export interface DhcpServerOptions {
  /** The last numbers of 10.0.0.x that it gives, both included. Default 100 to 110. */
  readonly range?: readonly [number, number];
  /** The last number of its own address. Default 2. */
  readonly self?: number;
}

export interface DhcpServerKind {
  readonly name: 'dnsmasq' | 'udhcpd' | 'isc-dhcp-server' | 'kea-dhcp4';
  /** Seconds that its leases hold: as few as it gives. */
  readonly leaseSeconds: number;
  /** Whether it logs that an address was given back, and that it refuses one of another range: some fall silent then. */
  readonly logs: { readonly release: boolean; readonly refusal: boolean };
  /** Whether it gives another address after it was told that somebody has one; udhcpd 1.35 offers the same again. */
  readonly heedsDecline: boolean;
  start(namespace: Namespace, options?: DhcpServerOptions): Promise<DhcpServer>;
}

/** What all of them tell. */
export const SAID = {
  gateway: '10.0.0.1',
  nameServers: ['10.0.0.1', '192.0.2.53'],
  domain: 'lan.test',
  mtu: 1400,
} as const;

const settings = ({ range: [first, last] = [100, 110], self = 2 }: DhcpServerOptions) => ({
  first: `10.0.0.${first}`,
  last: `10.0.0.${last}`,
  self: `10.0.0.${self}`,
});
const makeFolder = () => mkdtemp(join(tmpdir(), 'dhcp-server-'));

/** @param folder what is its own, and goes with it */
async function run(
  namespace: Namespace,
  folder: string,
  command: readonly string[],
  ready: string,
  env: NodeJS.ProcessEnv = {},
): Promise<DhcpServer> {
  // All of them log to either; one stream is enough.
  const [program = '', ...args] = command;
  const child = namespace.start(['sh', '-c', 'exec "$0" "$@" >&2', program, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  const { log, seen } = waitForLog(child, ready);
  await seen;
  return {
    log,
    async stop() {
      const hasEnded = child.exitCode !== null || child.signalCode !== null;
      const ended = hasEnded ? Promise.resolve() : once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const dnsmasq: DhcpServerKind = {
  name: 'dnsmasq',
  leaseSeconds: 120,
  logs: { release: true, refusal: true },
  heedsDecline: true,
  async start(namespace, options = {}) {
    const { first, last } = settings(options);
    const folder = await makeFolder();
    const flags = [
      ...['conf-file=/dev/null', 'port=0', 'interface=eth0', 'except-interface=lo', 'bind-interfaces'],
      ...['user=root', 'no-resolv', 'no-hosts', 'no-ping', 'dhcp-authoritative', 'log-dhcp', 'pid-file='],
      `dhcp-leasefile=${join(folder, 'leases')}`,
      `dhcp-range=${first},${last},255.255.255.0,2m`,
      `dhcp-option=option:router,${SAID.gateway}`,
      `dhcp-option=option:dns-server,${SAID.nameServers.join(',')}`,
      `dhcp-option=option:mtu,${SAID.mtu}`,
      `domain=${SAID.domain}`,
    ];
    return run(
      namespace,
      folder,
      ['dnsmasq', '--no-daemon', ...flags.map((flag) => `--${flag}`)],
      'DHCP, IP range',
    );
  },
};

const udhcpd: DhcpServerKind = {
  name: 'udhcpd',
  leaseSeconds: 60,
  logs: { release: false, refusal: false },
  heedsDecline: false,
  async start(namespace, options = {}) {
    const { first, last, self } = settings(options);
    const folder = await makeFolder();
    const file = join(folder, 'udhcpd.conf');
    await writeFile(
      file,
      [
        ...[`start ${first}`, `end ${last}`, 'interface eth0', 'min_lease 10', 'conflict_time 60'],
        ...[`lease_file ${join(folder, 'leases')}`, `pidfile ${join(folder, 'pid')}`, 'auto_time 0'],
        ...['option subnet 255.255.255.0', `option router ${SAID.gateway}`, 'option lease 60'],
        ...[`option dns ${SAID.nameServers.join(' ')}`, `option domain ${SAID.domain}`],
        ...[`option mtu ${SAID.mtu}`, `option serverid ${self}`, ''],
      ].join('\n'),
    );
    return run(namespace, folder, ['udhcpd', '-f', file], 'started');
  },
};

const iscDhcpd: DhcpServerKind = {
  name: 'isc-dhcp-server',
  leaseSeconds: 60,
  logs: { release: true, refusal: false },
  heedsDecline: true,
  async start(namespace, options = {}) {
    const { first, last, self } = settings(options);
    const folder = await makeFolder();
    const [file, leases] = [join(folder, 'dhcpd.conf'), join(folder, 'leases')];
    await writeFile(leases, '');
    await writeFile(
      file,
      `authoritative; ping-check false; ddns-update-style none;
       default-lease-time 60; max-lease-time 60; min-lease-time 60;
       server-identifier ${self};
       subnet 10.0.0.0 netmask 255.255.255.0 {
         range ${first} ${last};
         option routers ${SAID.gateway};
         option domain-name-servers ${SAID.nameServers.join(', ')};
         option domain-name "${SAID.domain}";
         option interface-mtu ${SAID.mtu};
       }\n`,
    );
    const command = ['dhcpd', '-4', '-f', '-d', '--no-pid', '-cf', file, '-lf', leases, 'eth0'];
    return run(namespace, folder, command, 'Server starting service');
  },
};

const kea: DhcpServerKind = {
  name: 'kea-dhcp4',
  leaseSeconds: 60,
  logs: { release: true, refusal: true },
  heedsDecline: true,
  async start(namespace, options = {}) {
    const { first, last } = settings(options);
    const folder = await makeFolder();
    const file = join(folder, 'kea.json');
    const option = (name: string, data: string) => ({ name, data });
    await writeFile(
      file,
      JSON.stringify({
        Dhcp4: {
          'interfaces-config': { interfaces: ['eth0'] },
          'lease-database': { type: 'memfile', persist: false },
          'valid-lifetime': 60,
          authoritative: true,
          subnet4: [
            {
              subnet: '10.0.0.0/24',
              pools: [{ pool: `${first} - ${last}` }],
              'option-data': [
                option('routers', SAID.gateway),
                option('domain-name-servers', SAID.nameServers.join(', ')),
                option('domain-name', SAID.domain),
                option('interface-mtu', String(SAID.mtu)),
              ],
            },
          ],
          loggers: [
            { name: 'kea-dhcp4', severity: 'DEBUG', debuglevel: 40, output_options: [{ output: 'stderr' }] },
          ],
        },
      }),
    );
    const env = { KEA_PIDFILE_DIR: folder, KEA_LOCKFILE_DIR: folder };
    return run(namespace, folder, ['kea-dhcp4', '-c', file], 'DHCP4_STARTED', env);
  },
};

export const DHCP_SERVERS: readonly DhcpServerKind[] = [dnsmasq, udhcpd, iscDhcpd, kea];
