// SPDX-License-Identifier: Apache-2.0
import createMulticastDns, { type ResponsePacket } from 'multicast-dns';
import type { NetworkLink } from '../advertise/network-links.ts';
import { attributePacket } from '../advertise/packet-origin.ts';

/**
 * Finds the address of a host on `.local` (RFC 6762); undefined: none of that name answers.
 *
 * @param options.isFresh what was found before is doubted: nobody answered there
 */
export type FindLocalHost = (
  hostName: string,
  options?: { readonly isFresh?: boolean },
) => Promise<string | undefined>;

/** After a second a question is asked again (RFC 6762 §5.2); answers take up to 120 ms (§6). */
const ASK_AT_MS = [0, 1000];
const LIMIT_MS = 2500;
/** No longer than this an answer counts, whatever it says: an address moves with a reboot. */
const MAX_AGE_MS = 60_000;
const MAX_KNOWN = 1000;

interface Known {
  readonly address: string;
  readonly untilMs: number;
}

/** The address that a response gives for a host, and for how long. */
export function addressIn(
  { answers = [], additionals = [] }: Partial<ResponsePacket>,
  hostName: string,
): { readonly address: string; readonly ttlSeconds: number } | undefined {
  for (const record of [...answers, ...additionals]) {
    // A goodbye has the lifetime 0.
    if (record.type !== 'A' || record.name.toLowerCase() !== hostName || !record.ttl) continue;
    return { address: record.data, ttlSeconds: record.ttl };
  }
  return undefined;
}

/** Asks on one link until somebody answers, or the signal aborts. */
function askOn(
  link: NetworkLink,
  links: readonly NetworkLink[],
  hostName: string,
  signal: AbortSignal,
): Promise<ReturnType<typeof addressIn>> {
  // multicast-dns 7.2.5: `interface` alone would bind to the address, where no multicast arrives on Linux.
  const mdns = createMulticastDns({ interface: link.address, bind: '0.0.0.0' });
  const timers: NodeJS.Timeout[] = [];
  return new Promise((resolve) => {
    const end = (found: ReturnType<typeof addressIn>) => {
      for (const timer of timers) clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      mdns.destroy(() => resolve(found));
    };
    const giveUp = () => end(undefined);
    // Who cannot ask finds nobody.
    mdns.on('error', giveUp);
    mdns.on('warning', () => {});
    mdns.on('response', (packet, { address }) => {
      if (attributePacket(address, link, links) !== 'this-link') return;
      const found = addressIn(packet, hostName);
      if (found !== undefined) end(found);
    });
    for (const atMs of ASK_AT_MS) {
      timers.push(setTimeout(() => mdns.query([{ name: hostName, type: 'A' }]), atMs));
    }
    timers.push(setTimeout(giveUp, LIMIT_MS));
    signal.addEventListener('abort', giveUp);
  });
}

/**
 * Asks on several links at once; the first answer counts, and is remembered as long as it says, a minute at most.
 *
 * @param links those of this machine now
 * @param select on which of them it is asked
 * @param nowMs of a clock that only goes forward
 */
export function createLocalHostFinder({
  links,
  select = (all) => all,
  nowMs = () => performance.now(),
  ask = askOn,
}: {
  links(): readonly NetworkLink[];
  select?: (all: readonly NetworkLink[]) => readonly NetworkLink[];
  nowMs?: () => number;
  ask?: typeof askOn;
}): FindLocalHost {
  const known = new Map<string, Known>();
  const asking = new Map<string, Promise<string | undefined>>();

  async function find(hostName: string): Promise<string | undefined> {
    const all = links();
    const others = new AbortController();
    const answers = select(all)
      .filter(({ isLoopback }) => !isLoopback)
      .map(async (link) => {
        const found = await ask(link, all, hostName, others.signal);
        if (found === undefined) throw new Error('nobody answers');
        return found;
      });
    try {
      const { address, ttlSeconds } = await Promise.any(answers);
      if (known.size >= MAX_KNOWN) known.clear();
      known.set(hostName, { address, untilMs: nowMs() + Math.min(ttlSeconds * 1000, MAX_AGE_MS) });
      return address;
    } catch {
      return undefined;
    } finally {
      others.abort();
    }
  }

  return async (name, { isFresh = false } = {}) => {
    const hostName = name.toLowerCase();
    const there = isFresh ? undefined : known.get(hostName);
    if (there !== undefined && nowMs() < there.untilMs) return there.address;
    const current = asking.get(hostName) ?? find(hostName).finally(() => asking.delete(hostName));
    asking.set(hostName, current);
    return current;
  };
}
