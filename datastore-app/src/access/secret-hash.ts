// SPDX-License-Identifier: Apache-2.0
import { createHash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/**
 * How a secret is kept: `scrypt$N$r$p$SALT$HASH` (RFC 7914) of what a person may have chosen, `sha256$HASH` of what
 * was drawn here and nobody finds by trying. Salt and hash in base64url.
 */
export const KEPT_SECRET =
  /^(?:scrypt\$\d{1,7}\$\d{1,2}\$\d{1,2}\$[\w-]{11,86}\$[\w-]{43}|sha256\$[\w-]{43})$/;

/** 16 MiB and some 50 ms of one core: what an interactive login takes. */
const COST = { N: 16_384, r: 8, p: 1 };
const HASH_BYTES = 32;
const SALT_BYTES = 16;
/** What a kept secret may ask for: 128 * N * r bytes, and p times that in time. */
const MAX_MEMORY_BYTES = 64 * 1024 * 1024;
const MAX_PARALLEL = 4;
/** More at once would take the threads that read files, and memory. */
const AT_ONCE = 2;
const MAX_WAITING = 64;

/** Secrets of this many random bytes need no slow hash. */
const DRAWN_BYTES = 32;

/** Too many want to be looked at. */
export class BusyError extends Error {}

const slowly = createSlots(AT_ONCE, MAX_WAITING);

/** Does so many pieces of work at a time. @throws BusyError when too many wait */
function createSlots(atOnce: number, maxWaiting: number) {
  let free = atOnce;
  const waiting: (() => void)[] = [];
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (free > 0) free -= 1;
    else if (waiting.length >= maxWaiting) throw new BusyError('too many passwords are being checked');
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}

const stretch = (secret: string, salt: Buffer, options: ScryptOptions) =>
  slowly(
    () =>
      new Promise<Buffer>((resolve, reject) =>
        // In the normal form in which clients and keyboards agree (RFC 8265 §4.2.2).
        scrypt(secret.normalize('NFC'), salt, HASH_BYTES, options, (error, hash) =>
          error === null ? resolve(hash) : reject(error),
        ),
      ),
  );

const digestOf = (secret: string) => createHash('sha256').update(secret).digest();

/** Keeps what a person chose. */
export async function keepPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await stretch(password, salt, COST);
  const { N, r, p } = COST;
  return ['scrypt', N, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/** Draws a secret. @returns it, and how it is kept */
export function drawSecret(): { readonly secret: string; readonly kept: string } {
  const secret = randomBytes(DRAWN_BYTES).toString('base64url');
  return { secret, kept: `sha256$${digestOf(secret).toString('base64url')}` };
}

/** Why a kept secret cannot be used; undefined: it can. */
export function whyUnusable(kept: string): string | undefined {
  if (!KEPT_SECRET.test(kept))
    return 'scrypt$N$r$p$SALT$HASH or sha256$HASH expected, salt and hash in base64url';
  const [scheme, ...parts] = kept.split('$');
  if (scheme === 'sha256') return undefined;
  const [N = 0, r = 0, p = 0] = parts.map(Number);
  if (N < 2 || (N & (N - 1)) !== 0) return 'N must be a power of two';
  if (r < 1 || p < 1 || p > MAX_PARALLEL) return `r must be at least 1, and p 1 to ${MAX_PARALLEL}`;
  return 128 * N * r > MAX_MEMORY_BYTES ? 'N and r take more than 64 MiB' : undefined;
}

/**
 * Whether a secret is the kept one. Passwords are looked at beside the main thread, two at a time.
 *
 * @param kept one of which {@link whyUnusable} says nothing
 * @throws BusyError when too many wait
 */
export async function isKeptSecret(secret: string, kept: string): Promise<boolean> {
  const [scheme, ...parts] = kept.split('$');
  const hash = Buffer.from(parts.at(-1) ?? '', 'base64url');
  if (scheme === 'sha256') return timingSafeEqual(digestOf(secret), hash);
  const [N = 0, r = 0, p = 0] = parts.map(Number);
  const salt = Buffer.from(parts.at(-2) ?? '', 'base64url');
  return timingSafeEqual(await stretch(secret, salt, { N, r, p, maxmem: 2 * MAX_MEMORY_BYTES }), hash);
}

/** What nobody's secret is: to look as long for who is not there as for who is. */
export const NOBODYS_SECRET = ['scrypt', COST.N, COST.r, COST.p, 'A'.repeat(22), 'A'.repeat(43)].join('$');
