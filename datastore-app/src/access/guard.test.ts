// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { createAttempts } from './attempts.ts';
import { createGuard, type Guard } from './guard.ts';
import type { Action } from './policy.ts';

const TOKEN = 'a-token-of-some-length';
const READ = { user: 'eve', password: 'password' };
const guardWith = (readCredential: typeof READ | undefined) =>
  createGuard({ attempts: createAttempts({ now: () => 0 }) }, { writeToken: TOKEN, readCredential });
const decide = (guard: Guard, action: Action, client: string, authorization: string | undefined) =>
  guard.decide({ action, resource: { kind: 'own' } }, { client, authorization });

describe('where reading is open', () => {
  const guard = guardWith(undefined);
  it.each([
    ['read', undefined, 'allowed'],
    ['read', 'Bearer wrong', 'allowed'],
    ['write', undefined, 'denied'],
    ['write', 'Bearer wrong', 'denied'],
    ['write', `Bearer ${TOKEN}`, 'allowed'],
  ] as const)('%s with %s is %s', (access, authorization, kind) =>
    expect(decide(guard, access, 'a', authorization).kind).toBe(kind),
  );
});

describe('where reading needs a credential', () => {
  const guard = guardWith(READ);
  it.each([
    ['read', undefined, 'denied'],
    ['read', 'eve password', 'allowed'],
    ['read', 'Bearer password', 'allowed'],
    ['read', `Bearer ${TOKEN}`, 'allowed'],
    ['write', 'eve password', 'denied'],
    ['write', `eve ${TOKEN}`, 'allowed'],
  ] as const)('%s with %s is %s', (access, authorization, kind) =>
    expect(decide(guard, access, 'a', authorization).kind).toBe(kind),
  );
});

it('says whether a credential was given, and does not count its absence', () => {
  const guard = guardWith(undefined);
  for (let count = 0; count < 20; count += 1) {
    expect(decide(guard, 'write', 'a', undefined)).toEqual({ kind: 'denied', isMissing: true });
  }
  expect(decide(guard, 'write', 'a', 'Bearer wrong')).toEqual({ kind: 'denied', isMissing: false });
});

it('does not even look at what comes too soon after many failures, from there', () => {
  const guard = guardWith(undefined);
  for (let count = 0; count < 5; count += 1) decide(guard, 'write', 'a', 'Bearer wrong');
  expect(decide(guard, 'write', 'a', `Bearer ${TOKEN}`)).toEqual({ kind: 'slowed', retryAfterSeconds: 1 });
  expect(decide(guard, 'read', 'a', undefined).kind).toBe('allowed');
  expect(decide(guard, 'write', 'b', `Bearer ${TOKEN}`).kind).toBe('allowed');
});

describe('wrong tries of others', () => {
  const addressOf = (index: number) => `10.1.${index >> 8}.${index & 255}`;
  const neighbourOf = (index: number) => `fd00::${index.toString(16)}`;

  /** Five wrong tries from each of many addresses. */
  function guess(guard: ReturnType<typeof guardWith>, count: number, address: (index: number) => string) {
    for (let index = 0; index < count; index += 1) {
      for (let times = 0; times < 5; times += 1) decide(guard, 'read', address(index), 'Bearer wrong');
    }
  }

  it.each([
    ['of one IPv6 network', 20, neighbourOf, 'fd00::ffff'],
    ['of all IPv4 addresses', 200, addressOf, '10.2.0.1'],
  ])('%s never refuse the write token', (_, count, address, operator) => {
    const guard = guardWith(READ);
    guess(guard, count, address);
    expect(decide(guard, 'write', operator, `Bearer ${TOKEN}`).kind).toBe('allowed');
    expect(decide(guard, 'read', operator, `Bearer ${TOKEN}`).kind).toBe('allowed');
  });

  it.each([
    ['an IPv6 network', 20, neighbourOf, 'fd00::ffff', 'fd01::1'],
    ['all', 200, addressOf, '10.2.0.1', undefined],
  ])('from %s slow down what a password could be found by', (_, count, address, stranger, other) => {
    const guard = guardWith(READ);
    expect(decide(guard, 'read', '10.3.0.1', 'eve password').kind).toBe('allowed');
    guess(guard, count, address);
    expect(decide(guard, 'read', stranger, 'eve wrong')).toMatchObject({ kind: 'slowed' });
    expect(decide(guard, 'read', stranger, 'eve password')).toMatchObject({ kind: 'slowed' });
    // Who had it right before goes on, and who is of another network.
    expect(decide(guard, 'read', '10.3.0.1', 'eve password').kind).toBe('allowed');
    if (other !== undefined) expect(decide(guard, 'read', other, 'eve password').kind).toBe('allowed');
  });

  it('are not those of one who is just as wrong', () => {
    const guard = guardWith(READ);
    guess(guard, 3, addressOf);
    expect(decide(guard, 'read', '10.2.0.1', 'eve password').kind).toBe('allowed');
  });
});
