// SPDX-License-Identifier: Apache-2.0
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { createSubnetTest } from '@local-datastore/shared/net/ip-address';
import type { JudgedLease, JudgedRoute } from './judge-lease.ts';
import type { ResolvConf, ResolvConfOutcome } from './resolv-conf.ts';
import type { Link, LinkAddress, Route } from './rtnetlink/records.ts';
import type { Rtnetlink } from './rtnetlink/rtnetlink.ts';

/** What came of a lease on the host. */
export interface LeaseApplied {
  /** What could not be set, each with why; the rest is. */
  readonly problems: readonly string[];
  /** null: name servers are none of its business. */
  readonly resolvConf: ResolvConfOutcome | null;
}

/** Sets what a judged lease says on one interface. Calls must not overlap. */
export interface LeaseApplier {
  /**
   * Idempotent: what is there stays, what is missing comes, what an earlier lease had goes. The address ends by itself
   * with the lease: the kernel counts.
   *
   * @throws RtnetlinkError where the address itself cannot be set
   */
  apply(lease: JudgedLease): Promise<LeaseApplied>;
  /** Takes all of it back, as far as it is there; name servers as they were before. The link stays up. */
  undo(): Promise<LeaseApplied>;
}

export interface LeaseApplierOptions {
  readonly interfaceIndex: number;
  /** Of its routes; less is preferred. */
  readonly metric: number;
  /** What was set before a restart, of an earlier lease. */
  readonly before: LinkAddress | null;
}

/** `RTPROT_DHCP`: marks a route as one that a client of DHCP set, for whoever looks, and for the client after a restart. */
const PROTOCOL_DHCP = 16;
const EVERYWHERE = '0.0.0.0/0';
/** What is to be taken back is gone already. */
const GONE = new Set(['EADDRNOTAVAIL', 'ESRCH', 'ENODEV', 'ENOENT']);

const keyOf = ({ destination, gateway }: JudgedRoute) => `${destination} ${gateway}`;

/** The routes of a lease in the order in which they can be set: the kernel wants gateways to be reachable. */
function routesOf({ routes, gateway }: JudgedLease): JudgedRoute[] {
  const everywhere = gateway === null ? [] : [{ destination: EVERYWHERE, gateway }];
  const onLink = routes.filter((route) => route.gateway === null);
  return [...onLink, ...routes.filter((route) => route.gateway !== null), ...everywhere];
}

/** Whether a gateway is a neighbour by what the lease says of subnets; if not, it has to be told to the kernel. */
function isNeighbour(gateway: string, { address, prefixLength, routes }: JudgedLease): boolean {
  const subnets = [
    `${address}/${prefixLength}`,
    ...routes.flatMap((route) => (route.gateway === null ? [route.destination] : [])),
  ];
  return subnets.some((subnet) => createSubnetTest(subnet)(gateway));
}

export function createLeaseApplier(
  { rtnetlink, resolvConf }: { readonly rtnetlink: Rtnetlink; readonly resolvConf: ResolvConf | null },
  { interfaceIndex: index, metric, before }: LeaseApplierOptions,
): LeaseApplier {
  let current = before;
  /** The MTU of before; null: it was not changed. */
  let originalMtu: number | null = null;

  /** Takes something back that may be gone already. */
  async function takeBack(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (!GONE.has(systemErrorCode(error) ?? '')) throw error;
    }
  }

  async function setMtu(link: Link, wanted: number | null): Promise<void> {
    const mtu = wanted ?? originalMtu;
    if (mtu === null || mtu === link.mtu) return;
    originalMtu ??= link.mtu;
    await rtnetlink.changeLink(index, { mtu });
    if (wanted === null) originalMtu = null;
  }

  async function setAddress({ address, prefixLength, leaseSeconds }: JudgedLease): Promise<void> {
    const next: LinkAddress = { index, address, prefixLength, validSeconds: leaseSeconds };
    const previous = current;
    const isOther =
      previous !== null && (previous.address !== address || previous.prefixLength !== prefixLength);
    // The same address with another prefix is another entry of the kernel's, of which there can be but one.
    const isReplaced = isOther && previous.address === address;
    if (isReplaced) await takeBack(() => rtnetlink.deleteAddress(previous));
    await rtnetlink.putAddress(next);
    current = next;
    if (isOther && !isReplaced) await takeBack(() => rtnetlink.deleteAddress(previous));
  }

  const ownRoutes = async () =>
    (await rtnetlink.routes()).filter((route) => route.index === index && route.protocol === PROTOCOL_DHCP);

  /** @returns what could not be set */
  async function setRoutes(lease: JudgedLease): Promise<string[]> {
    const problems: string[] = [];
    const wanted = routesOf(lease);
    const isWanted = (route: Route) =>
      route.metric === metric && wanted.some((each) => keyOf(each) === keyOf(route));
    const there = await ownRoutes();
    const kept = new Set(there.filter(isWanted).map(keyOf));
    for (const route of there.filter((each) => !isWanted(each)))
      await takeBack(() => rtnetlink.deleteRoute(route));
    for (const route of wanted) {
      if (kept.has(keyOf(route))) continue;
      const isOnLink = route.gateway !== null && !isNeighbour(route.gateway, lease);
      try {
        await rtnetlink.addRoute(
          { ...route, index, metric, protocol: PROTOCOL_DHCP },
          { source: lease.address, isOnLink },
        );
        kept.add(keyOf(route));
      } catch (error) {
        problems.push(errorMessage(error));
      }
    }
    return problems;
  }

  /** Does the parts that the lease can do without. @returns what could not be done */
  async function tryEach(...actions: (() => Promise<readonly string[] | undefined>)[]): Promise<string[]> {
    const problems: string[] = [];
    for (const action of actions) {
      try {
        problems.push(...((await action()) ?? []));
      } catch (error) {
        problems.push(errorMessage(error));
      }
    }
    return problems;
  }
  const findLink = async () => (await rtnetlink.links()).find((link) => link.index === index);

  return {
    async apply(lease) {
      const link = await findLink();
      const early = await tryEach(
        async () => {
          if (link?.isUp === false) await rtnetlink.changeLink(index, { isUp: true });
        },
        async () => {
          if (link !== undefined) await setMtu(link, lease.mtu);
        },
      );
      await setAddress(lease);
      const late = await tryEach(() => setRoutes(lease));
      const search = lease.search.length > 0 ? lease.search : lease.domain === null ? [] : [lease.domain];
      const outcome = (await resolvConf?.write({ nameServers: lease.nameServers, search })) ?? null;
      return { problems: [...early, ...late], resolvConf: outcome };
    },
    async undo() {
      const outcome = (await resolvConf?.restore()) ?? null;
      const problems = await tryEach(
        async () => {
          for (const route of await ownRoutes()) await takeBack(() => rtnetlink.deleteRoute(route));
        },
        async () => {
          const address = current;
          current = null;
          if (address !== null) await takeBack(() => rtnetlink.deleteAddress(address));
        },
        async () => {
          const link = await findLink();
          if (link !== undefined) await setMtu(link, null);
        },
      );
      return { problems, resolvConf: outcome };
    },
  };
}
