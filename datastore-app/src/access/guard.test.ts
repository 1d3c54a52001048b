import { describe, expect, it } from 'vitest';
import { createFailureLimiter } from './failure-limiter.ts';
import { createGuard } from './guard.ts';

const TOKEN = 'a-token-of-some-length';
const READ = { user: 'eve', password: 'password' };
const guardWith = (readCredential: typeof READ | undefined) =>
  createGuard({ limiter: createFailureLimiter({ now: () => 0 }) }, { writeToken: TOKEN, readCredential });

describe('where reading is open', () => {
  const guard = guardWith(undefined);
  it.each([
    ['read', undefined, 'allowed'],
    ['read', 'Bearer wrong', 'allowed'],
    ['write', undefined, 'denied'],
    ['write', 'Bearer wrong', 'denied'],
    ['write', `Bearer ${TOKEN}`, 'allowed'],
  ] as const)('%s with %s is %s', (access, authorization, kind) =>
    expect(guard.decide(access, 'a', authorization).kind).toBe(kind),
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
    expect(guard.decide(access, 'a', authorization).kind).toBe(kind),
  );
});

it('says whether a credential was given, and does not count its absence', () => {
  const guard = guardWith(undefined);
  for (let count = 0; count < 20; count += 1) {
    expect(guard.decide('write', 'a', undefined)).toEqual({ kind: 'denied', isMissing: true });
  }
  expect(guard.decide('write', 'a', 'Bearer wrong')).toEqual({ kind: 'denied', isMissing: false });
});

it('does not even look at what comes too soon after many failures, from there', () => {
  const guard = guardWith(undefined);
  for (let count = 0; count < 5; count += 1) guard.decide('write', 'a', 'Bearer wrong');
  expect(guard.decide('write', 'a', `Bearer ${TOKEN}`)).toEqual({ kind: 'slowed', retryAfterSeconds: 1 });
  expect(guard.decide('read', 'a', undefined).kind).toBe('allowed');
  expect(guard.decide('write', 'b', `Bearer ${TOKEN}`).kind).toBe('allowed');
});
