// SPDX-License-Identifier: Apache-2.0
import { closeSync } from 'node:fs';
import type { Clock } from '@local-datastore/shared/clock';
import { assemble, DROP, encodeProgram, give } from '@local-datastore/shared/confinement/filters/bpf-program';
import type { ProcessStatus } from '@local-datastore/shared/confinement/launcher/process-status';
import type { OwnedNetlinkSocket } from '@local-datastore/shared/confinement/system/netlink-socket';
import { CodedError, errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { AuditSink } from '../audit/audit-entry.ts';
import { DHCP } from '../calves/dhcp/manifest.ts';
import {
  type DescriptorOpeners,
  type OpenedDescriptors,
  openDescriptors,
} from '../monitor/open-descriptors.ts';
import type { CalfStart } from '../monitor/start-calf.ts';
import { openAgentKeys } from '../sdk/agent-keys.ts';
import type { KeyStore } from '../store/key-store.ts';
import { createLeaseApplier } from './apply-lease.ts';
import { createDhcpHandler, type DhcpHandlerStatus } from './dhcp-handler.ts';
import type { LeaseSurroundings } from './judge-lease.ts';
import { watchLink } from './link-watch.ts';
import type { ResolvConf } from './resolv-conf.ts';
import type { Link, LinkAddress } from './rtnetlink/records.ts';
import { createRtnetlink, type Rtnetlink } from './rtnetlink/rtnetlink.ts';

/** NO_INTERFACE: there is none of that name; NOT_ETHERNET: it has no hardware address of six bytes. */
export class DhcpError extends CodedError<'NO_INTERFACE' | 'NOT_ETHERNET'> {}

/** The client of DHCP, started and looked after by whoever starts calves. */
export interface DhcpCalf {
  /** null: it is no process of its own. */
  status(): ProcessStatus | null;
  /** Ends it for good. */
  stop(): Promise<void>;
}

export type DhcpCalfStart = CalfStart<typeof DHCP>;

export interface DhcpDeps {
  readonly store: KeyStore;
  readonly audit: AuditSink;
  /** In the network namespace whose interface it is; so the next one. */
  readonly openNetlink: () => OwnedNetlinkSocket;
  readonly openPacketSocket: DescriptorOpeners['openPacketSocket'];
  /** Takes the port that servers answer to from the kernel, which else tells them that nobody is there. */
  readonly openSilentPort: (interfaceName: string, port: number, filter: Buffer) => number;
  /**
   * Starts the calf, and starts it again when it ends by itself, until it is stopped. Its keys are
   * cleared when it has ended.
   */
  readonly startCalf: (start: DhcpCalfStart) => DhcpCalf;
  /** null: name servers are not set. */
  readonly resolvConf: ResolvConf | null;
  readonly clock: Clock;
  readonly log: Log;
}

export interface DhcpOptions {
  readonly interfaceName: string;
  /** Told to servers; null: none. */
  readonly hostName: string | null;
  /** Whether an address is probed before it is used (RFC 5227), which takes four to seven seconds. */
  readonly isProbing: boolean;
  /** Of its routes; less is preferred. */
  readonly metric: number;
}

export interface Dhcp {
  readonly interfaceName: string;
  status(): DhcpHandlerStatus & { readonly state: string; readonly pid: number | null };
  /** As {@link DhcpCalf.status}. */
  calfStatus(): ProcessStatus | null;
  /** Called after each change of what is in force. */
  onChange(listener: (status: DhcpHandlerStatus) => void): void;
  /** Gives the address back to its server and takes it from the interface; ends the client. Idempotent. */
  release(): Promise<void>;
  /** Ends the client. What is in force stays, until the lease is over. Idempotent. */
  close(): Promise<void>;
}

/** Who the keys of a client belong to: each interface has one of its own, whose end takes no other's keys away. */
const actorOf = (interfaceName: string) => `dhcp-${interfaceName}`;
/** RFC 2131 §4.1. */
const CLIENT_PORT = 68;
/** For a client that shall give its address back, and perhaps does not live. */
const RELEASE_LIMIT_MS = 3000;
const ETHERNET_ADDRESS = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;

async function findLink(rtnetlink: Rtnetlink, name: string): Promise<Link> {
  const link = (await rtnetlink.links()).find((each) => each.name === name);
  if (link === undefined) throw new DhcpError('NO_INTERFACE', `there is no interface ${name}`);
  if (!ETHERNET_ADDRESS.test(link.mac) || /^[0:]*$/.test(link.mac))
    throw new DhcpError('NOT_ETHERNET', `${name} has no hardware address of Ethernet`);
  return link;
}

async function readSurroundings(rtnetlink: Rtnetlink, index: number): Promise<LeaseSurroundings> {
  const [links, addresses] = [await rtnetlink.links(), await rtnetlink.addresses()];
  const link = links.find((each) => each.index === index);
  return {
    otherSubnets: addresses
      .filter((each) => each.index !== index)
      .map(({ address, prefixLength }) => `${address}/${prefixLength}`),
    maxMtu: link?.maxMtu ?? link?.mtu ?? 0,
  };
}

/** An address that goes by itself: of a lease that was held before this process was started. */
async function findLeftover(rtnetlink: Rtnetlink, index: number): Promise<LinkAddress | null> {
  const addresses = await rtnetlink.addresses();
  return addresses.find((each) => each.index === index && each.validSeconds !== null) ?? null;
}

/**
 * Gets an interface its address by DHCP: brings it up, opens a packet socket for a calf that parses what neighbours
 * say, and sets what the calf is told, as far as it may be. Goes on for ever: a server may come up an hour later.
 *
 * @throws DhcpError without such an interface; SystemError, RtnetlinkError without the rights (CAP_NET_RAW,
 *   CAP_NET_ADMIN)
 */
export async function openDhcp(deps: DhcpDeps, options: DhcpOptions): Promise<Dhcp> {
  const { store, audit, resolvConf, clock } = deps;
  const { interfaceName, hostName, isProbing, metric } = options;
  const log = deps.log.child({ interface: interfaceName });
  const prefix = ['dhcp', interfaceName];
  const actor = actorOf(interfaceName);
  const keys = openAgentKeys(DHCP.keys, prefix, store);

  const netlink = deps.openNetlink();
  let descriptors: OpenedDescriptors | null = null;
  let silentPort: number | null = null;
  const closeDescriptors = () => {
    netlink.close();
    descriptors?.close();
    if (silentPort !== null) closeSync(silentPort);
    silentPort = null;
  };
  try {
    const rtnetlink = createRtnetlink(netlink);
    const link = await findLink(rtnetlink, interfaceName);
    if (!link.isUp) await rtnetlink.changeLink(link.index, { isUp: true });
    const before = await findLeftover(rtnetlink, link.index);
    const place = { interfaceIndex: link.index, mac: link.mac };
    const { openPacketSocket } = deps;
    descriptors = openDescriptors(DHCP.descriptors, { frames: place }, { openPacketSocket });
    try {
      const nothing = encodeProgram(assemble([give(DROP)]));
      silentPort = deps.openSilentPort(interfaceName, CLIENT_PORT, nothing);
    } catch (error) {
      // It is had without, but another client would want to set the same interface.
      log.warn(
        { port: CLIENT_PORT, reason: errorMessage(error) },
        'the port of clients of DHCP cannot be had: another client may run',
      );
    }

    const applier = createLeaseApplier(
      { rtnetlink, resolvConf },
      { interfaceIndex: link.index, metric, before },
    );
    const handler = createDhcpHandler(
      {
        ...{ store, audit, applier, clock, log },
        surroundings: () => readSurroundings(rtnetlink, link.index),
      },
      { prefix, actor },
    );
    // For the client that is started next, should this one end.
    const remember = (address: string | undefined) =>
      address === undefined ? keys.remembered.drop() : keys.remembered.put(address);
    keys.mac.put(link.mac);
    keys.wanted.put('lease');
    remember(before?.address);
    handler.onChange(({ lease }) => remember(lease?.address));

    const calf = deps.startCalf({ actor, prefix, descriptors, options: { hostName, isProbing } });
    log.info({ mac: link.mac }, 'an address is asked for by DHCP');

    let returns = 0;
    const stopLooking = watchLink({ rtnetlink, clock, log }, link.index, () => {
      returns += 1;
      keys.link.put(returns);
    });

    let ending: Promise<void> | null = null;
    async function end(): Promise<void> {
      stopLooking();
      await calf.stop();
      await handler.settled();
      await handler.close();
      closeDescriptors();
      for (const key of [keys.mac, keys.wanted, keys.remembered, keys.link]) key.drop();
    }
    async function giveBack(): Promise<void> {
      const given = Promise.withResolvers<void>();
      handler.onChange(({ lease }) => {
        if (lease === null) given.resolve();
      });
      const cancel = clock.after(RELEASE_LIMIT_MS, given.resolve);
      keys.wanted.put('nothing');
      if (handler.status().lease !== null) await given.promise;
      cancel();
      handler.undo('given back');
      await end();
    }

    return {
      interfaceName,
      status: () => ({
        ...handler.status(),
        state: keys.state.get() ?? 'unknown',
        pid: calf.status()?.pid ?? null,
      }),
      calfStatus: calf.status,
      onChange: handler.onChange,
      release: () => {
        ending ??= giveBack();
        return ending;
      },
      close: () => {
        ending ??= end();
        return ending;
      },
    };
  } catch (error) {
    closeDescriptors();
    throw error;
  }
}
