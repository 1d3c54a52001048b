// SPDX-License-Identifier: Apache-2.0
/** The agent's client of DHCP on an interface of the lab, in this process. */
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CalfCode } from '@local-datastore/shared/confinement/launcher/calf';
import { openNetlinkSocket } from '@local-datastore/shared/confinement/system/netlink-socket';
import { openPacketSocket } from '@local-datastore/shared/confinement/system/packet-socket';
import { openSilentPort } from '@local-datastore/shared/confinement/system/silent-port';
import { createFrameChannel } from '../../../eve-agent/src/sandbox/calves/dhcp/frame-channel.ts';
import { DHCP } from '../../../eve-agent/src/sandbox/calves/dhcp/manifest.ts';
import { runDhcp } from '../../../eve-agent/src/sandbox/calves/dhcp/run-dhcp.ts';
import {
  type Dhcp,
  type DhcpCalf,
  type DhcpCalfStart,
  openDhcp,
} from '../../../eve-agent/src/sandbox/handlers/open-dhcp.ts';
import { createResolvConf } from '../../../eve-agent/src/sandbox/handlers/resolv-conf.ts';
import { createDhcpCalfStarter } from '../../../eve-agent/src/sandbox/handlers/start-dhcp-calf.ts';
import { openCalfKeys } from '../../../eve-agent/src/sandbox/sdk/calf-keys.ts';
import { rightsOf } from '../../../eve-agent/src/sandbox/sdk/manifest.ts';
import { createDirectStoreClient } from '../../../eve-agent/src/sandbox/store/direct-client.ts';
import { createKeyStore, type KeyStore } from '../../../eve-agent/src/sandbox/store/key-store.ts';
import type { Log } from '../../../shared/src/log.ts';
import { createLeapingClock, type LeapingClock } from '../leaping-clock.ts';
import type { Namespace } from '../namespace.ts';
import { holdNetwork } from '../network-namespace.ts';

export interface DhcpClient {
  readonly dhcp: Dhcp;
  readonly clock: LeapingClock;
  readonly store: KeyStore;
  /** A key below the client's prefix, as text. */
  keyOf(name: string): string | undefined;
  /** What it logged: messages with their fields. */
  readonly lines: readonly string[];
  resolvConf(): Promise<string>;
  /** As `ip -4 address` and `ip route` show them. */
  addresses(): Promise<string>;
  routes(): Promise<string>;
  /** Kills the client, as a crash would: it starts again at once. */
  crash(): Promise<void>;
}

export interface DhcpClientOptions {
  readonly hostName?: string | null;
  readonly isProbing?: boolean;
  /** Holds its resolv.conf. */
  readonly folder?: string;
  /** A process with all layers, instead of this one. */
  readonly confined?: CalfCode;
}

function createLineLog(lines: string[]): Log {
  const line = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { debug: line, info: line, warn: line, error: line, child: () => log };
  return log;
}

/** A folder for a client's resolv.conf. */
export const makeClientFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'dhcp-client-'));

/** The client in this process, with its rights alone. */
function createStarterHere(deps: { store: KeyStore; clock: LeapingClock; log: Log }) {
  const { store, clock, log } = deps;
  let crash = async () => {};
  const startCalf = ({ actor, descriptors, prefix, options }: DhcpCalfStart): DhcpCalf => {
    const rights = { actor, rights: rightsOf(DHCP, prefix) };
    const socket = descriptors.byName.get('frames')?.fd as number;
    let controller = new AbortController();
    const start = () =>
      runDhcp(
        {
          frames: createFrameChannel({ clock }, socket),
          keys: openCalfKeys(DHCP.keys, prefix, createDirectStoreClient({ store, audit }, rights)),
          clock,
          random: Math.random,
          log,
        },
        options,
        controller.signal,
      );
    let running = start();
    const stop = async () => {
      controller.abort();
      await running;
      store.clear(actor);
    };
    crash = async () => {
      await stop();
      controller = new AbortController();
      running = start();
    };
    return { status: () => null, stop };
  };
  return { startCalf, crash: () => crash() };
}

const audit = { append: () => {} };

export async function startDhcpClient(
  namespace: Namespace,
  { hostName = null, isProbing = false, folder, confined }: DhcpClientOptions = {},
): Promise<DhcpClient> {
  const network = await holdNetwork(namespace);
  const home = folder ?? (await makeClientFolder());
  const clock = createLeapingClock();
  const lines: string[] = [];
  const log = createLineLog(lines);
  const store = createKeyStore({ audit, log });
  const here = createStarterHere({ store, clock, log });

  const dhcp = await openDhcp(
    {
      ...{ store, audit, clock, log },
      openNetlink: () => network.enter(openNetlinkSocket),
      openPacketSocket: (index, filter) =>
        // Short, as the client ends only then.
        network.enter(() => openPacketSocket(index, filter, { waitMs: 50 })),
      openSilentPort: (...args) => network.enter(() => openSilentPort(...args)),
      resolvConf: createResolvConf({
        file: join(home, 'resolv.conf'),
        savedFile: join(home, 'resolv.conf.saved'),
        interfaceName: 'eth0',
      }),
      startCalf:
        confined === undefined
          ? here.startCalf
          : createDhcpCalfStarter({ store, audit, clock, log, code: confined }),
    },
    { interfaceName: 'eth0', hostName, isProbing, metric: 1024 },
  );
  return {
    dhcp,
    clock,
    store,
    lines,
    keyOf(name) {
      const value = store.read(['dhcp', 'eth0', ...name.split('/')]);
      return value === undefined ? undefined : Buffer.from(value).toString('latin1');
    },
    resolvConf: () => readFile(join(home, 'resolv.conf'), 'utf8').catch(() => ''),
    addresses: () => namespace.mustRun(['ip', '-4', '-oneline', 'address', 'show', 'dev', 'eth0']),
    routes: () => namespace.mustRun(['ip', 'route']),
    crash: here.crash,
  };
}
