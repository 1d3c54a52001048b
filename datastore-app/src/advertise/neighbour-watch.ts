// SPDX-License-Identifier: Apache-2.0
import { isTakenFor, type Neighbour, printableName, type ServiceTarget } from './neighbours.ts';

/** Far more than a link has; who invents more names is hostile. */
const MAX_NEIGHBOURS = 100;
/** A neighbour that says it stays for longer is asked again all the same. */
const MAX_TTL_SECONDS = 4500;
/** RFC 6762 §5.2: who wants to know whether a record stays asks again when so much of its life is over. */
const ASK_AFTER = 0.8;
/** Who says that its records live for a moment alone does not make us ask all the time. */
const MIN_ASK_GAP_MS = 30_000;
const MIN_TOLD_GAP_MS = 60_000;

interface Known extends Neighbour {
  readonly askAtMs: number;
  readonly endMs: number;
}

/** The neighbours that stock EVE may take for this host, for as long as their records live. */
export interface NeighbourWatch {
  /** Takes note of what another host on a link says of its services. */
  hear(interfaceName: string, address: string, targets: readonly ServiceTarget[]): void;
  list(): Neighbour[];
  /** The interfaces on which to ask now whether the neighbours are still there. */
  takeDue(): string[];
  /** Neighbours that nobody was told of yet, once in a minute at most. */
  takeNews(): Neighbour[];
  /** The interface is gone, or is another one now. */
  forget(interfaceName: string): void;
}

/** @param hostName with `.local` */
export function createNeighbourWatch(
  { nowMs }: { readonly nowMs: () => number },
  { hostName }: { readonly hostName: string },
): NeighbourWatch {
  const known = new Map<string, Known>();
  /** Keys of those that were told of and are still there. */
  const told = new Set<string>();
  const askedAtMs = new Map<string, number>();
  let toldAtMs = Number.NEGATIVE_INFINITY;

  function remove(key: string): void {
    known.delete(key);
    told.delete(key);
  }

  function prune(): void {
    for (const [key, { endMs }] of known) if (endMs <= nowMs()) remove(key);
  }

  function note(interfaceName: string, address: string, { target, ttlSeconds }: ServiceTarget): void {
    const name = printableName(target);
    const key = `${interfaceName} ${name}`;
    if (ttlSeconds === 0) remove(key);
    if (ttlSeconds === 0 || (known.size >= MAX_NEIGHBOURS && !known.has(key))) return;
    const lifeMs = Math.min(ttlSeconds, MAX_TTL_SECONDS) * 1000;
    const askAtMs = nowMs() + lifeMs * ASK_AFTER;
    known.set(key, { interfaceName, name, address, askAtMs, endMs: nowMs() + lifeMs });
  }

  return {
    hear(interfaceName, address, targets) {
      const taken = targets.filter((target) => isTakenFor(hostName, target));
      if (taken.length === 0) return;
      prune();
      for (const target of taken) note(interfaceName, address, target);
    },

    list() {
      prune();
      return [...known.values()].map(({ interfaceName, name, address }) => ({
        interfaceName,
        name,
        address,
      }));
    },

    takeDue() {
      prune();
      const waiting = [...known.values()].filter(({ askAtMs }) => askAtMs <= nowMs());
      const due = [...new Set(waiting.map(({ interfaceName }) => interfaceName))].filter(
        (name) => nowMs() - (askedAtMs.get(name) ?? Number.NEGATIVE_INFINITY) >= MIN_ASK_GAP_MS,
      );
      for (const name of due) askedAtMs.set(name, nowMs());
      return due;
    },

    takeNews() {
      prune();
      if (nowMs() - toldAtMs < MIN_TOLD_GAP_MS) return [];
      const news = [...known].filter(([key]) => !told.has(key));
      if (news.length > 0) toldAtMs = nowMs();
      for (const [key] of news) told.add(key);
      return news.map(([, { interfaceName, name, address }]) => ({ interfaceName, name, address }));
    },

    forget(interfaceName) {
      for (const [key, neighbour] of known) if (neighbour.interfaceName === interfaceName) remove(key);
      askedAtMs.delete(interfaceName);
    },
  };
}
