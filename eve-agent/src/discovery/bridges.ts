// SPDX-License-Identifier: Apache-2.0
import type { NetworkInstance } from '@local-datastore/shared/eve/network-instance-status';
import type { InterfaceAddress } from '@local-datastore/shared/net/interfaces';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { DiscoveryError } from './discovery-error.ts';

/** A link on which datastores are looked for, with the address that this host has on it. */
export interface Bridge {
  /** The kernel's name, such as `bn1`. */
  readonly name: string;
  /** Dotted decimal: the source address of connections to datastores there. */
  readonly address: string;
  /** With the prefix length, such as `10.1.0.1/24`. */
  readonly cidr: string;
  /** What EVE gave to apps there; absent: EVE does not run here, or says nothing of this bridge. */
  readonly assignedAddresses?: readonly string[];
  /** `BridgeIPAddr` of EVE's status, '' for a switch network instance; absent as above. */
  readonly eveAddress?: string;
}

/** What the kernel says about the interfaces of this host. */
export interface BridgeSources {
  listAddresses(): readonly InterfaceAddress[];
  isKernelBridge(interfaceName: string): boolean;
  /** The text of `/proc/net/route`. */
  readRouteTable(): string;
  /** What EVE says of its bridges, where it runs. */
  readNetworkInstances(): readonly Pick<
    NetworkInstance,
    'bridgeName' | 'bridgeAddress' | 'assignedAddresses'
  >[];
}

/** What EVE names the bridges of its network instances. */
const EVE_BRIDGE = /^bn(\d+)$/;

/** Whether an interface is named as EVE names the bridges of its network instances, and nothing else. */
export const isNamedByEve = (interfaceName: string): boolean => EVE_BRIDGE.test(interfaceName);

/** The interfaces of the IPv4 default routes in the format of `/proc/net/route` (proc_net(5)). */
export function parseDefaultRouteInterfaces(routeTable: string): Set<string> {
  const rows = routeTable.split('\n').slice(1);
  const fields = rows.map((row) => row.trim().split(/\s+/));
  return new Set(
    fields.flatMap(([name = '', destination, , , , , , mask]) =>
      destination === '00000000' && mask === '00000000' ? [name] : [],
    ),
  );
}

/** EVE's `bnN` in the order of their numbers, then all others as the kernel lists them. */
function eveOrder({ name }: Bridge): number {
  const number = EVE_BRIDGE.exec(name)?.[1];
  return number === undefined ? Number.POSITIVE_INFINITY : Number(number);
}

function byEveOrder(left: Bridge, right: Bridge): number {
  const [leftOrder, rightOrder] = [eveOrder(left), eveOrder(right)];
  return leftOrder === rightOrder ? 0 : leftOrder - rightOrder;
}

function noBridge(message: string, exists: readonly string[], wayOut: string): DiscoveryError {
  const present = exists.length === 0 ? 'there is none' : `there are ${exists.join(', ')}`;
  return new DiscoveryError('NO_BRIDGE', `${message}: ${present}. ${wayOut}`, {
    details: { interfaces: exists },
  });
}

/**
 * The bridges to ask on.
 *
 * @param names as given with `--bridge`, in that order; any interface will do. None: the bridges of EVE's
 *   network instances, where EVE runs; else every kernel bridge with an IPv4 address, EVE's `bnN` first. Never an
 *   uplink, that is one that holds a default route.
 * @returns one or more; an interface with several addresses appears once for each
 * @throws DiscoveryError `NO_BRIDGE`, which lists the interfaces that exist
 */
export function selectBridges(sources: BridgeSources, names: readonly string[]): Bridge[] {
  const links = sources.listAddresses().filter(({ isLoopback }) => !isLoopback);
  const instances = new Map(sources.readNetworkInstances().map((each) => [each.bridgeName, each]));
  const bridges = links.map(({ interfaceName, address, cidr }): Bridge => {
    const instance = instances.get(interfaceName);
    const bridge = { name: interfaceName, address, cidr };
    if (instance === undefined) return bridge;
    const { assignedAddresses, bridgeAddress } = instance;
    return { ...bridge, assignedAddresses, eveAddress: bridgeAddress };
  });

  if (names.length > 0) {
    return [...new Set(names)].flatMap((name) => {
      const found = bridges.filter((bridge) => bridge.name === name);
      if (found.length > 0) return found;
      throw noBridge(
        `bridge "${printableText(name)}" does not exist, is down or has no IPv4 address`,
        bridges.map((bridge) => `${bridge.name} (${bridge.cidr})`),
        'Name an interface that is up and has an IPv4 address.',
      );
    });
  }

  const uplinks = parseDefaultRouteInterfaces(sources.readRouteTable());
  // Where EVE says which bridges are its own, others are none of an app's.
  const isOfEve = ({ name }: Bridge) => instances.size === 0 || instances.has(name);
  const isUsable = (bridge: Bridge) =>
    sources.isKernelBridge(bridge.name) && !uplinks.has(bridge.name) && isOfEve(bridge);
  const found = bridges.filter(isUsable).sort(byEveOrder);
  if (found.length > 0) return found;
  throw noBridge(
    'no bridge with an IPv4 address was found on this host',
    bridges.map((bridge) => {
      const whyNoBridge = isOfEve(bridge) ? 'no bridge' : 'of none of EVE’s network instances';
      const why = uplinks.has(bridge.name) ? 'an uplink' : whyNoBridge;
      return `${bridge.name} (${bridge.cidr}, ${why})`;
    }),
    'Name the interface to ask on with --bridge.',
  );
}
