// SPDX-License-Identifier: Apache-2.0
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Lets a link be followed that cannot carry a credential. */
export interface DownloadTickets {
  /** Seconds that a ticket counts: for the start of a download, and for going on with it. */
  readonly lifetimeSeconds: number;
  /** @param path of the image, below the root */
  issue(path: string): string;
  isValid(path: string, ticket: string): boolean;
}

/** In the query of a link. */
export const TICKET_PARAMETER = 'ticket';
/** Long enough that a browser can go on with a large download; what is left in its history is worth nothing then. */
const LIFETIME_SECONDS = 3600;
const KEY_BYTES = 32;
const TICKET = /^([0-9a-z]{1,12})\.([\w-]{43})$/;

/**
 * Tickets for one path each, which only this process makes and takes: a restart ends them all.
 *
 * @param deps.now milliseconds of a clock that is never set
 */
export function createDownloadTickets({
  now = () => performance.now(),
}: {
  readonly now?: () => number;
} = {}): DownloadTickets {
  const key = randomBytes(KEY_BYTES);
  const sealOf = (path: string, end: string) => createHmac('sha256', key).update(`${end} ${path}`).digest();
  return {
    lifetimeSeconds: LIFETIME_SECONDS,
    issue(path) {
      const end = Math.floor(now() / 1000 + LIFETIME_SECONDS).toString(36);
      return `${end}.${sealOf(path, end).toString('base64url')}`;
    },
    isValid(path, ticket) {
      const [, end, seal] = TICKET.exec(ticket) ?? [];
      if (end === undefined || seal === undefined) return false;
      const given = Buffer.from(seal, 'base64url');
      const isOurs = given.length === KEY_BYTES && timingSafeEqual(given, sealOf(path, end));
      return isOurs && Number.parseInt(end, 36) * 1000 > now();
    },
  };
}

/** The ticket in a request target; undefined: there is none. */
export function ticketOf(target: string): string | undefined {
  const queryAt = target.indexOf('?');
  if (queryAt === -1) return undefined;
  return new URLSearchParams(target.slice(queryAt + 1)).get(TICKET_PARAMETER) ?? undefined;
}
