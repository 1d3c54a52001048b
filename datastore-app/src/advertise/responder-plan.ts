// SPDX-License-Identifier: Apache-2.0
import type { AdvertisedLink } from './link-addresses.ts';
import type { NetworkLink } from './network-links.ts';

export interface InterfaceSelection {
  readonly selected: readonly NetworkLink[];
  /** Names that were asked for and are not there: absent, down, or without an IPv4 address. */
  readonly missing: readonly string[];
}

/**
 * Which interfaces the datastore advertises on.
 *
 * @param names the configured ones; none means all but loopback
 * @param excluded never used, and so never missing
 */
export function selectInterfaces(
  links: readonly NetworkLink[],
  names: readonly string[],
  excluded: readonly string[] = [],
): InterfaceSelection {
  const usable = links.filter(({ name }) => !excluded.includes(name));
  if (names.length === 0) return { selected: usable.filter(({ isLoopback }) => !isLoopback), missing: [] };
  return {
    selected: usable.filter(({ name }) => names.includes(name)),
    missing: names.filter((name) => !excluded.includes(name) && !links.some((link) => link.name === name)),
  };
}

export interface ResponderPlan {
  /** Interfaces whose responder ends. One that also stands in `start` is rebuilt. */
  readonly stop: readonly string[];
  readonly start: readonly AdvertisedLink[];
  readonly keep: readonly string[];
}

function isSameLink(left: AdvertisedLink, right: AdvertisedLink): boolean {
  return (
    left.name === right.name &&
    left.index === right.index &&
    left.mac === right.mac &&
    left.cidrs.join() === right.cidrs.join() &&
    left.advertisedCidrs.join() === right.advertisedCidrs.join()
  );
}

/**
 * What leads from the running responders to one for every wanted interface. An interface with other
 * addresses, another MAC or another kernel number is a new one: its responder's socket and records are void.
 */
export function planResponders(
  running: readonly AdvertisedLink[],
  wanted: readonly AdvertisedLink[],
): ResponderPlan {
  const isKept = (link: AdvertisedLink) => wanted.some((candidate) => isSameLink(candidate, link));
  const keep = running.filter(isKept).map(({ name }) => name);
  return {
    stop: running.map(({ name }) => name).filter((name) => !keep.includes(name)),
    start: wanted.filter(({ name }) => !keep.includes(name)),
    keep,
  };
}
