/** The agent's client of DHCP on an interface of the lab, in this process. */
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFrameChannel } from '../../../eve-agent/src/sandbox/calves/dhcp/frame-channel.ts';
import { runDhcp } from '../../../eve-agent/src/sandbox/calves/dhcp/run-dhcp.ts';
import { DHCP_ACTOR, type Dhcp, openDhcp } from '../../../eve-agent/src/sandbox/handlers/open-dhcp.ts';
import { createResolvConf } from '../../../eve-agent/src/sandbox/handlers/resolv-conf.ts';
import { createScriptedKeys, type ScriptedKeys } from '../../../eve-agent/src/sandbox/keys/scripted-keys.ts';
import { openNetlinkSocket } from '../../../eve-agent/src/sandbox/system/netlink-socket.ts';
import { openPacketSocket } from '../../../eve-agent/src/sandbox/system/packet-socket.ts';
import type { Log } from '../../../shared/src/log.ts';
import { createLeapingClock, type LeapingClock } from '../leaping-clock.ts';
import type { Namespace } from '../namespace.ts';
import { holdNetwork } from '../network-namespace.ts';

export interface DhcpClient {
  readonly dhcp: Dhcp;
  readonly clock: LeapingClock;
  readonly keys: ScriptedKeys;
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
  /** What resolv.conf is before; default: none. */
  readonly folder?: string;
}

function createLineLog(lines: string[]): Log {
  const line = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { debug: line, info: line, warn: line, error: line, child: () => log };
  return log;
}

/** A folder for a client's resolv.conf. */
export const makeClientFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'dhcp-client-'));

export async function startDhcpClient(
  namespace: Namespace,
  { hostName = null, isProbing = false, folder }: DhcpClientOptions = {},
): Promise<DhcpClient> {
  const network = await holdNetwork(namespace);
  const home = folder ?? (await makeClientFolder());
  const clock = createLeapingClock();
  const keys = createScriptedKeys();
  const lines: string[] = [];
  const log = createLineLog(lines);
  let crash = async () => {};

  const dhcp = await openDhcp(
    {
      keys,
      clock,
      log,
      openNetlink: () => network.enter(openNetlinkSocket),
      openPacketSocket: (index, filter) =>
        // Short, as the client ends only then.
        network.enter(() => openPacketSocket(index, filter, { waitMs: 50 })),
      resolvConf: createResolvConf({
        file: join(home, 'resolv.conf'),
        savedFile: join(home, 'resolv.conf.saved'),
        interfaceName: 'eth0',
      }),
      startCalf({ descriptor, prefix, ...options }) {
        let controller = new AbortController();
        const start = () =>
          runDhcp(
            {
              frames: createFrameChannel({ clock }, descriptor),
              store: keys.clientOf(DHCP_ACTOR),
              clock,
              random: Math.random,
              log,
            },
            { prefix, ...options },
            controller.signal,
          );
        let running = start();
        crash = async () => {
          controller.abort();
          await running;
          keys.clear(DHCP_ACTOR);
          controller = new AbortController();
          running = start();
        };
        return {
          async stop() {
            controller.abort();
            await running;
            keys.clear(DHCP_ACTOR);
          },
        };
      },
    },
    { interfaceName: 'eth0', hostName, isProbing, metric: 1024 },
  );
  return {
    dhcp,
    clock,
    keys,
    lines,
    resolvConf: () => readFile(join(home, 'resolv.conf'), 'utf8').catch(() => ''),
    addresses: () => namespace.mustRun(['ip', '-4', '-oneline', 'address', 'show', 'dev', 'eth0']),
    routes: () => namespace.mustRun(['ip', 'route']),
    crash: () => crash(),
  };
}
