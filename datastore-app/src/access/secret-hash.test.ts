// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import {
  BusyError,
  drawSecret,
  isKeptSecret,
  KEPT_SECRET,
  keepPassword,
  NOBODYS_SECRET,
  whyUnusable,
} from './secret-hash.ts';

const HASH = 'A'.repeat(43);
const SALT = 'A'.repeat(22);

it('keeps a password so that it can be told and not be read', async () => {
  const kept = await keepPassword('päss word');
  expect(kept).toMatch(KEPT_SECRET);
  expect(kept).not.toContain('word');
  expect(whyUnusable(kept)).toBeUndefined();
  expect(await isKeptSecret('päss word', kept)).toBe(true);
  expect(await isKeptSecret('pa\u0308ss word', kept)).toBe(true);
  expect(await isKeptSecret('pass word', kept)).toBe(false);
  expect(await keepPassword('päss word')).not.toBe(kept);
});

it('keeps what it draws in a way that is told at once', async () => {
  const { secret, kept } = drawSecret();
  expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
  expect([whyUnusable(kept), kept.includes(secret)]).toEqual([undefined, false]);
  expect([await isKeptSecret(secret, kept), await isKeptSecret(`${secret}x`, kept)]).toEqual([true, false]);
});

it('keeps nothing of nobody', async () => {
  expect(whyUnusable(NOBODYS_SECRET)).toBeUndefined();
  expect(await isKeptSecret('', NOBODYS_SECRET)).toBe(false);
});

describe('a kept secret that costs too much, or is none', () => {
  it.each([
    ['', /expected/],
    ['password', /expected/],
    ['md5$abc', /expected/],
    [`sha256$${HASH}A`, /expected/],
    [`scrypt$16384$8$1$${SALT}$${HASH}$`, /expected/],
    [`scrypt$16384$8$1$$${HASH}`, /expected/],
    [`scrypt$16383$8$1$${SALT}$${HASH}`, /power of two/],
    [`scrypt$0$8$1$${SALT}$${HASH}`, /power of two/],
    [`scrypt$1$8$1$${SALT}$${HASH}`, /power of two/],
    [`scrypt$16384$0$1$${SALT}$${HASH}`, /at least 1/],
    [`scrypt$16384$8$5$${SALT}$${HASH}`, /p 1 to 4/],
    [`scrypt$1048576$8$1$${SALT}$${HASH}`, /64 MiB/],
    [`scrypt$65536$99$1$${SALT}$${HASH}`, /64 MiB/],
  ])('%s', (kept, why) => expect(whyUnusable(kept)).toMatch(why));

  it.each([`scrypt$65536$8$1$${SALT}$${HASH}`, `scrypt$2$1$4$${SALT}$${HASH}`, `sha256$${HASH}`])(
    'is not %s',
    async (kept) => {
      expect(whyUnusable(kept)).toBeUndefined();
      expect(await isKeptSecret('x', kept)).toBe(false);
    },
  );
});

it('looks at a few at a time, and refuses to queue any number', async () => {
  const tries = Array.from({ length: 80 }, () => isKeptSecret('x', `scrypt$2$1$1$${SALT}$${HASH}`));
  const outcomes = await Promise.allSettled(tries);
  const refused = outcomes.filter(({ status }) => status === 'rejected');
  expect(refused).toHaveLength(80 - 66);
  expect(refused[0]).toMatchObject({ reason: expect.any(BusyError) });
  expect(await isKeptSecret('x', `scrypt$2$1$1$${SALT}$${HASH}`)).toBe(false);
});
