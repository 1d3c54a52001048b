// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import type { Log } from '@local-datastore/shared/log';
import { systemClock } from '@local-datastore/shared/system-clock';
import { addressOf } from './cidr.ts';
import { createFormerAddresses } from './former-addresses.ts';
import { type StartHostResponder, startHostResponder } from './host-responder.ts';
import { createInterfaceAdvertisement, type InterfaceAdvertisement } from './interface-advertisement.ts';
import {
  type AdvertisedLink,
  advertisedCidrs,
  describeTooManyAddresses,
  ownAddresses,
} from './link-addresses.ts';
import { createNeighbourWatch, type NeighbourWatch } from './neighbour-watch.ts';
import { describeNeighbours } from './neighbours.ts';
import { listNetworkLinks, type NetworkLink } from './network-links.ts';
import { attributePacket, hasAddress } from './packet-origin.ts';
import { type AskForOwnAnswers, createAskForOwnAnswers } from './readiness.ts';
import { planResponders, selectInterfaces } from './responder-plan.ts';
import { type AdvertisedService, typeName } from './service-instances.ts';

/** A change must be announced within 3 s. Probing takes up to 1 s of them (RFC 6762 §8.1). */
export const WATCH_INTERVAL_MS = 250;

export interface AdvertiserStatus {
  readonly isReady: boolean;
  /** Why not ready, as sentences for people. */
  readonly reasons: readonly string[];
  /** What a person should know though it is ready, as sentences. */
  readonly warnings: readonly string[];
  /** With `.local`. */
  readonly hostName: string;
  readonly interfaces: readonly {
    readonly name: string;
    /** The one it is called by. */
    readonly address: string;
    /** All that are advertised there and are its own; `address` is the first. */
    readonly addresses: readonly string[];
    /** Service type names, such as `_http._tcp.local`. */
    readonly services: readonly string[];
    /** An AdvertisementState. */
    readonly state: string;
  }[];
}

export interface Advertiser {
  /** Begins to advertise, now and on every interface that comes later. Idempotent. */
  start(): Promise<void>;
  status(): AdvertiserStatus;
  /** Sends goodbyes and frees all sockets. Idempotent. */
  stop(): Promise<void>;
}

/** Hears what happens on the wire. */
export interface AdvertisingObserver {
  /** Another host asked; names such as `_http._tcp.local`. */
  onQuery(interfaceName: string, source: string, names: readonly string[]): void;
  onConflict(interfaceName: string): void;
}

export interface AdvertiserDeps {
  readonly log: Log;
  readonly observer?: AdvertisingObserver;
  readonly listLinks?: () => NetworkLink[];
  readonly startHostResponder?: StartHostResponder;
  readonly askForOwnAnswers?: AskForOwnAnswers;
  /** Absent: the system's. */
  readonly clock?: Clock;
}

export interface AdvertiserOptions {
  /** From parseHostLabel: the host name without `.local`. */
  readonly hostLabel: string;
  /** None: all but loopback and down. Names that are not there yet are waited for. */
  readonly interfaces: readonly string[];
  /** Never used, whatever `interfaces` says. */
  readonly excludedInterfaces?: readonly string[];
  readonly services: readonly AdvertisedService[];
}

function observed(
  start: StartHostResponder,
  observer: AdvertisingObserver | undefined,
  neighbours: NeighbourWatch,
): StartHostResponder {
  return (options) => {
    const { interfaceName } = options;
    const responder = start({
      ...options,
      onQuery: (source, names) => observer?.onQuery(interfaceName, source, names),
      onServices: (source, targets) => neighbours.hear(interfaceName, source, targets),
    });
    void responder.conflict.then(() => observer?.onConflict(interfaceName));
    return responder;
  };
}

/**
 * Advertises services on one host name by multicast DNS, on several interfaces, each with its own addresses
 * only, and follows the interfaces as they come, go and change.
 */
export function createAdvertiser(deps: AdvertiserDeps, options: AdvertiserOptions): Advertiser {
  const { log, listLinks = listNetworkLinks, clock = systemClock } = deps;
  const { nowMs } = clock;
  const { hostLabel, services, excludedInterfaces = [] } = options;
  const hostName = `${hostLabel}.local`;
  const neighbours = createNeighbourWatch({ nowMs }, { hostName });
  const advertisementDeps = {
    log,
    startHostResponder: observed(deps.startHostResponder ?? startHostResponder, deps.observer, neighbours),
    askForOwnAnswers: deps.askForOwnAnswers ?? createAskForOwnAnswers({ log }),
    clock,
  };

  const former = createFormerAddresses({ nowMs });
  const running = new Map<string, InterfaceAdvertisement>();
  /** What is being taken down, by interface. */
  const ending = new Map<string, Promise<void>>();
  let links: readonly NetworkLink[] = [];
  let missing: readonly string[] = options.interfaces;
  /** Undefined: it does not follow the interfaces. */
  let cancelLook: (() => void) | undefined;

  function stopOn(name: string): void {
    const advertisement = running.get(name);
    if (advertisement === undefined) return;
    running.delete(name);
    neighbours.forget(name);
    log.info({ interface: name, addresses: ownAddresses(advertisement.link) }, 'no longer advertised there');
    ending.set(name, advertisement.stop());
  }

  function startOn(link: AdvertisedLink): void {
    log.info({ interface: link.name, addresses: ownAddresses(link), hostName }, 'announcing');
    const originOf = (source: string) => attributePacket(source, link, links);
    const isOwnAddress = (address: string) => links.some((own) => hasAddress(own, address));
    const wasOwnAddress = former.has;
    const after = ending.get(link.name) ?? Promise.resolve();
    running.set(
      link.name,
      createInterfaceAdvertisement(advertisementDeps, {
        link,
        hostLabel,
        services,
        originOf,
        isOwnAddress,
        wasOwnAddress,
        after,
      }),
    );
  }

  function follow(): void {
    try {
      links = listLinks();
    } catch (error) {
      // The kernel may refuse for a moment; what runs goes on, and the next look is soon.
      log.error({ err: error }, 'the network interfaces cannot be listed');
      return;
    }
    former.note(links.flatMap(({ cidrs }) => cidrs.map(addressOf)));
    const { selected, missing: absent } = selectInterfaces(links, options.interfaces, excludedInterfaces);
    missing = absent;
    const plan = planResponders(
      [...running.values()].map(({ link }) => link),
      selected.map((link) => ({ ...link, advertisedCidrs: advertisedCidrs(link, selected) })),
    );
    for (const name of plan.stop) stopOn(name);
    for (const link of plan.start) startOn(link);
    for (const name of neighbours.takeDue()) running.get(name)?.askAround();
    const news = describeNeighbours(neighbours.takeNews(), hostName);
    if (news !== undefined) log.warn({}, news);
  }

  function keepFollowing(): void {
    cancelLook = clock.after(WATCH_INTERVAL_MS, keepFollowing);
    follow();
  }

  return {
    async start() {
      if (cancelLook === undefined) keepFollowing();
    },

    status() {
      const advertisements = [...running.values()];
      const reasons = [
        ...(cancelLook === undefined ? ['advertising has not been started'] : []),
        ...missing.map((name) => `interface ${name} is absent, down or without an IPv4 address`),
        ...(advertisements.length === 0 && missing.length === 0
          ? ['no network interface has an IPv4 address yet']
          : []),
        ...advertisements.flatMap(({ reason }) => reason ?? []),
      ];
      return {
        isReady: reasons.length === 0,
        reasons,
        warnings: [
          ...advertisements.flatMap(({ link }) => describeTooManyAddresses(link) ?? []),
          ...[describeNeighbours(neighbours.list(), hostName) ?? []].flat(),
        ],
        hostName,
        interfaces: advertisements.map(({ link, state }) => ({
          name: link.name,
          address: link.address,
          addresses: ownAddresses(link),
          services: services.map(typeName),
          state,
        })),
      };
    },

    async stop() {
      cancelLook?.();
      cancelLook = undefined;
      for (const name of [...running.keys()]) stopOn(name);
      await Promise.all(ending.values());
    },
  };
}
