import { closeSync } from 'node:fs';
import type { Clock } from '@local-datastore/shared/clock';
import { assemble, encodeProgram, give } from '@local-datastore/shared/confinement/filters/bpf-program';
import { dhcpFilter } from '@local-datastore/shared/confinement/filters/dhcp-filter';
import { DROP } from '@local-datastore/shared/confinement/filters/mdns-filter';
import type { OwnedNetlinkSocket } from '@local-datastore/shared/confinement/system/netlink-socket';
import { CodedError, errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { DHCP_KEY, LEASE_KEYS } from '../keys/dhcp-keys.ts';
import { keyPathText } from '../store/key-path.ts';
import { type KeyStore, PRIV } from '../store/key-store.ts';
import { type KeyRight, readable, writable } from '../store/rights.ts';
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
  /** Of the process that runs; null: none does, or none of its own. */
  pid(): number | null;
  /** Ends it for good. */
  stop(): Promise<void>;
}

export interface DhcpCalfStart {
  /** Who its keys belong to. */
  readonly actor: string;
  /** The packet socket, which the calf gets a duplicate of. */
  readonly descriptor: number;
  readonly prefix: readonly string[];
  readonly hostName: string | null;
  readonly isProbing: boolean;
}

export interface DhcpDeps {
  readonly store: KeyStore;
  /** In the network namespace whose interface it is; so the next one. */
  readonly openNetlink: () => OwnedNetlinkSocket;
  readonly openPacketSocket: (
    interfaceIndex: number,
    filter: Buffer,
    options: { readonly waitMs: number },
  ) => number;
  /** Takes the port that servers answer to from the kernel, which else tells them that nobody is there. */
  readonly openSilentPort: (interfaceName: string, port: number, filter: Buffer) => number;
  /**
   * Starts the calf, and starts it again when it ends by itself, until it is stopped. Its rights are those of
   * {@link dhcpRights}; its keys are cleared when it has ended.
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
  /** Called after each change of what is in force. */
  onChange(listener: (status: DhcpHandlerStatus) => void): void;
  /** Gives the address back to its server and takes it from the interface; ends the client. Idempotent. */
  release(): Promise<void>;
  /** Ends the client. What is in force stays, until the lease is over. Idempotent. */
  close(): Promise<void>;
}

/** Who the keys of a client belong to: each interface has one of its own, whose end takes no other's keys away. */
const actorOf = (interfaceName: string) => `dhcp-${interfaceName}`;
/** How long one read of the client waits, which is how fast it ends. */
const READ_WAIT_MS = 1000;
/** RFC 2131 §4.1. */
const CLIENT_PORT = 68;
/** For a client that shall give its address back, and perhaps does not live. */
const RELEASE_LIMIT_MS = 3000;
const ETHERNET_ADDRESS = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/;

/** The rights of the client on the keys below its prefix, for its manifest. */
export function dhcpRights(prefix: readonly string[]): KeyRight[] {
  const below = (key: string) => keyPathText([...prefix, ...key.split('/')]);
  const read = [DHCP_KEY.mac, DHCP_KEY.remembered, DHCP_KEY.wanted, DHCP_KEY.link];
  const folders = [DHCP_KEY.nameServer, DHCP_KEY.route].map((key) => `${key}/*`);
  return [
    ...read.map((key) => readable(below(key))),
    ...[DHCP_KEY.state, ...LEASE_KEYS, DHCP_KEY.commit, ...folders].map((key) => writable(below(key))),
  ];
}

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
  const { store, resolvConf, clock } = deps;
  const { interfaceName, hostName, isProbing, metric } = options;
  const log = deps.log.child({ interface: interfaceName });
  const prefix = ['dhcp', interfaceName];
  const actor = actorOf(interfaceName);
  const put = (key: string, text: string) => store.write(PRIV, [...prefix, key], Buffer.from(text, 'latin1'));
  const drop = (key: string) => {
    if (store.read([...prefix, key]) !== undefined) store.delete(PRIV, [...prefix, key]);
  };

  const netlink = deps.openNetlink();
  const descriptors: number[] = [];
  const closeDescriptors = () => {
    netlink.close();
    for (const descriptor of descriptors.splice(0)) closeSync(descriptor);
  };
  try {
    const rtnetlink = createRtnetlink(netlink);
    const link = await findLink(rtnetlink, interfaceName);
    if (!link.isUp) await rtnetlink.changeLink(link.index, { isUp: true });
    const before = await findLeftover(rtnetlink, link.index);
    const descriptor = deps.openPacketSocket(
      link.index,
      encodeProgram(dhcpFilter(Buffer.from(link.mac.replaceAll(':', ''), 'hex'))),
      { waitMs: READ_WAIT_MS },
    );
    descriptors.push(descriptor);
    try {
      descriptors.push(
        deps.openSilentPort(interfaceName, CLIENT_PORT, encodeProgram(assemble([give(DROP)]))),
      );
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
      { store, applier, clock, log, surroundings: () => readSurroundings(rtnetlink, link.index) },
      { prefix, actor },
    );
    // For the client that is started next, should this one end.
    const remember = (address: string | undefined) =>
      address === undefined ? drop(DHCP_KEY.remembered) : put(DHCP_KEY.remembered, address);
    put(DHCP_KEY.mac, link.mac);
    put(DHCP_KEY.wanted, 'lease');
    remember(before?.address);
    handler.onChange(({ lease }) => remember(lease?.address));

    const calf = deps.startCalf({ actor, descriptor, prefix, hostName, isProbing });
    log.info({ mac: link.mac }, 'an address is asked for by DHCP');

    let returns = 0;
    const stopLooking = watchLink({ rtnetlink, clock, log }, link.index, () => {
      returns += 1;
      put(DHCP_KEY.link, String(returns));
    });

    let ending: Promise<void> | null = null;
    async function end(): Promise<void> {
      stopLooking();
      await calf.stop();
      await handler.settled();
      await handler.close();
      closeDescriptors();
      for (const key of [DHCP_KEY.mac, DHCP_KEY.wanted, DHCP_KEY.remembered, DHCP_KEY.link]) drop(key);
    }
    async function giveBack(): Promise<void> {
      const given = Promise.withResolvers<void>();
      handler.onChange(({ lease }) => {
        if (lease === null) given.resolve();
      });
      const cancel = clock.after(RELEASE_LIMIT_MS, given.resolve);
      put(DHCP_KEY.wanted, 'nothing');
      if (handler.status().lease !== null) await given.promise;
      cancel();
      handler.undo('given back');
      await end();
    }

    return {
      interfaceName,
      status: () => {
        const state = store.read([...prefix, DHCP_KEY.state]);
        const text = state === undefined ? '' : Buffer.from(state).toString('latin1');
        return { ...handler.status(), state: /^[a-z]{1,20}$/.test(text) ? text : 'unknown', pid: calf.pid() };
      },
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
