// SPDX-License-Identifier: Apache-2.0
import { silentLog } from '@local-datastore/shared/log';
import { createManualClock } from '@local-datastore/shared/manual-clock';
import { describe, expect, it } from 'vitest';
import { createKeyStore } from '../store/key-store.ts';
import type { LeaseApplied } from './apply-lease.ts';
import { createDhcpHandler } from './dhcp-handler.ts';

const PREFIX = ['dhcp', 'eth0'];
const APPLIED: LeaseApplied = { problems: [], resolvConf: null };

/** A handler whose host takes as long as the test lets it. */
function create() {
  const audit = { append: () => {} };
  const store = createKeyStore({ audit, log: silentLog });
  const clock = createManualClock();
  const done: string[] = [];
  let failure: Error | null = null;
  let gate: Promise<void> = Promise.resolve();
  const handler = createDhcpHandler(
    {
      ...{ store, audit, clock, log: silentLog },
      surroundings: async () => ({ otherSubnets: ['10.1.0.1/24'], maxMtu: 1500 }),
      applier: {
        async apply({ address, prefixLength }) {
          await gate;
          if (failure !== null) throw failure;
          done.push(`${address}/${prefixLength}`);
          return APPLIED;
        },
        async undo() {
          await gate;
          done.push('undone');
          return APPLIED;
        },
      },
    },
    { prefix: PREFIX, actor: 'dhcp' },
  );
  let serial = 0;
  const write = (key: string, text: string, actor = 'dhcp') =>
    store.write(actor, [...PREFIX, ...key.split('/')], Buffer.from(text));
  const lease = (ip: string, { seconds = '60', actor = 'dhcp' } = {}) => {
    write('ip', ip, actor);
    write('lease', seconds, actor);
    serial += 1;
    write('commit', `lease ${serial}`, actor);
  };
  return {
    ...{ store, clock, done, handler, write, lease },
    fail: (error: Error | null) => {
      failure = error;
    },
    /** What is begun waits until the returned function is called. */
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return resolve;
    },
  };
}

describe('the handler of DHCP', () => {
  it('acts when a lease is committed, and not before', async () => {
    const { handler, write, done } = create();
    write('ip', '10.0.0.5/24');
    write('lease', '60');
    write('state', 'bound');
    await handler.settled();
    expect(done).toEqual([]);
    write('commit', 'lease 1');
    await handler.settled();
    expect(done).toEqual(['10.0.0.5/24']);
    expect(handler.status()).toMatchObject({
      lease: { address: '10.0.0.5' },
      applied: APPLIED,
      reason: null,
    });
  });

  it('takes it back when that is committed, and says why', async () => {
    const { handler, write, lease, done } = create();
    lease('10.0.0.5/24');
    await handler.settled();
    write('commit', 'none 2 the server takes the lease back');
    await handler.settled();
    expect(done).toEqual(['10.0.0.5/24', 'undone']);
    expect(handler.status()).toMatchObject({ lease: null, reason: 'the server takes the lease back' });
  });

  it('lets all stay when the keys of a client that died are gone', async () => {
    const { handler, store, lease, done } = create();
    lease('10.0.0.5/24');
    await handler.settled();
    store.clear('dhcp');
    await handler.settled();
    expect(done).toEqual(['10.0.0.5/24']);
    expect(handler.status().lease?.address).toBe('10.0.0.5');
  });

  it.each([
    '',
    'lease',
    'lease x',
    'LEASE 1',
    'none',
    `none 1 ${'x'.repeat(201)}`,
    'none 1 a\nb',
    'lease 1\n',
  ])('does not act on "%s"', async (commit) => {
    const { handler, write, done } = create();
    write('ip', '10.0.0.5/24');
    write('lease', '60');
    write('commit', commit);
    await handler.settled();
    expect(done).toEqual([]);
  });

  it('does not act on what another actor commits', async () => {
    const { handler, lease, done } = create();
    lease('10.0.0.5/24', { actor: 'net' });
    await handler.settled();
    expect(done).toEqual([]);
  });

  it('takes what was committed last, however much was committed meanwhile', async () => {
    const { handler, lease, done, hold } = create();
    const letGo = hold();
    lease('10.0.0.5/24');
    for (let host = 6; host < 200; host += 1) lease(`10.0.0.${host}/24`);
    letGo();
    await handler.settled();
    expect(done).toEqual(['10.0.0.5/24', '10.0.0.199/24']);
  });

  it('judges the keys as they were when they were committed', async () => {
    const { handler, lease, write, done, hold } = create();
    const letGo = hold();
    lease('10.0.0.5/24');
    lease('10.0.0.6/24');
    write('ip', '10.1.0.1/24');
    letGo();
    await handler.settled();
    expect(done).toEqual(['10.0.0.5/24', '10.0.0.6/24']);
  });

  it('takes back what is in force when the next lease may not be', async () => {
    const { handler, lease, done } = create();
    lease('10.0.0.5/24');
    await handler.settled();
    lease('10.1.0.7/24');
    await handler.settled();
    expect(done).toEqual(['10.0.0.5/24', 'undone']);
    expect(handler.status()).toMatchObject({
      lease: null,
      reason: '10.1.0.7 belongs to the subnet of another interface',
    });
  });

  it('takes back what cannot be set, and goes on', async () => {
    const { handler, lease, done, fail } = create();
    fail(new Error('EPERM'));
    lease('10.0.0.5/24');
    await handler.settled();
    expect(done).toEqual(['undone']);
    expect(handler.status()).toMatchObject({ lease: null, reason: 'EPERM' });
    fail(null);
    lease('10.0.0.6/24');
    await handler.settled();
    expect(handler.status().lease?.address).toBe('10.0.0.6');
  });

  it('ends a lease that nobody renews, and no other', async () => {
    const { handler, lease, clock, done } = create();
    lease('10.0.0.5/24');
    await handler.settled();
    clock.advance(59_000);
    lease('10.0.0.5/24', { seconds: '5000000' });
    await handler.settled();
    clock.advance(4_999_999_000);
    await handler.settled();
    expect(handler.status().lease?.address).toBe('10.0.0.5');
    clock.advance(1000);
    await handler.settled();
    expect(done).toEqual(['10.0.0.5/24', '10.0.0.5/24', 'undone']);
    lease('10.0.0.5/24', { seconds: 'infinite' });
    await handler.settled();
    expect(clock.pendingTimers()).toBe(0);
  });

  it('acts no more once it is closed, and lets all stay', async () => {
    const { handler, lease, clock, done } = create();
    lease('10.0.0.5/24');
    await handler.settled();
    await handler.close();
    lease('10.0.0.6/24');
    clock.advance(60_000);
    await handler.settled();
    expect(done).toEqual(['10.0.0.5/24']);
    expect(clock.pendingTimers()).toBe(0);
  });
});
