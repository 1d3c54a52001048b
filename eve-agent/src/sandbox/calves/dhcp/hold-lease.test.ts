// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { ClientAction } from './client-state.ts';
import {
  ADDRESS,
  arp,
  CLIENT_MAC,
  createBoundClient,
  createSelectingClient,
  type Said,
  SERVER,
  SERVER_MAC,
  sent,
} from './test-fixtures.ts';

const kindsOf = (actions: readonly ClientAction[]) =>
  actions.map((action) => (action.kind === 'send' ? action.message.type : action.kind));
const announced = { kind: 'announce', address: ADDRESS };

function createProbingClient() {
  const client = createSelectingClient({ isProbing: true });
  client.hear('offer');
  expect(client.hear('ack')).toEqual([]);
  return client;
}

describe('an address that was acknowledged', () => {
  it('is probed three times, and then used and announced twice', () => {
    const client = createProbingClient();
    const steps = Array.from({ length: 5 }, () => {
      const before = client.nowMs();
      return [...kindsOf(client.wait()), client.nowMs() - before];
    });
    expect(steps).toEqual([
      ['probe', 500],
      ['probe', 1500],
      ['probe', 1500],
      ['publish', 'announce', 2000],
      ['announce', 2000],
    ]);
    expect(client.state()).toMatchObject({ kind: 'bound', announcementsLeft: 0 });
  });

  it.each([
    ['who has it and replies', { operation: 'reply' as const, targetAddress: '0.0.0.0' }],
    ['who has it and asks for another one', { targetAddress: '10.0.0.77' }],
    ['who probes it, too', { senderAddress: '0.0.0.0' }],
  ])('is declined for a host %s, and none is asked for within ten seconds', (_title, packet) => {
    const client = createProbingClient();
    client.wait();
    const actions = client.on(arp(packet));
    expect(kindsOf(actions)).toEqual(['decline']);
    expect(sent(actions)).toMatchObject({ requestedAddress: ADDRESS, serverId: SERVER, clientAddress: null });
    expect(client.pass(9999)).toEqual([]);
    expect(kindsOf(client.wait())).toEqual(['discover']);
  });

  it.each([
    ['its own probe', { senderMac: CLIENT_MAC, senderAddress: '0.0.0.0' }],
    ['a question for it by somebody with another address', { senderAddress: '10.0.0.9' }],
    ['a probe of another address', { senderAddress: '0.0.0.0', targetAddress: '10.0.0.6' }],
    ['a reply to somebody else', { operation: 'reply' as const, senderAddress: '10.0.0.9' }],
  ])('is not declined for %s', (_title, packet) => {
    const client = createProbingClient();
    expect(client.on(arp(packet))).toEqual([]);
    expect(client.state().kind).toBe('probing');
  });

  it('is looked for once a minute after ten conflicts', () => {
    const client = createProbingClient();
    const delays = Array.from({ length: 11 }, () => {
      client.on(arp({}));
      const before = client.nowMs();
      client.wait();
      const delay = client.nowMs() - before;
      client.hear('offer');
      client.hear('ack');
      return delay / 1000;
    });
    expect(delays).toEqual([...Array(9).fill(10), 60, 60]);
  });

  it('is given back when it is wanted no longer, also while it is probed', () => {
    const client = createProbingClient();
    expect(kindsOf(client.on({ kind: 'released' }))).toEqual(['release']);
  });
});

describe('a link that carries again', () => {
  it('has an address confirmed as after a restart, and let go where it is refused', () => {
    const client = createBoundClient();
    const question = sent(client.on({ kind: 'relinked' }));
    expect(question).toMatchObject({ type: 'request', requestedAddress: ADDRESS, clientAddress: null });
    expect(client.hear('ack').map(({ kind }) => kind)).toEqual(['publish', 'announce']);
    for (let count = 0; count < 3; count += 1)
      expect(sent(client.on({ kind: 'relinked' })).requestedAddress).toBe(ADDRESS);
    expect(client.hear('nak').map(({ kind }) => kind)).toEqual(['withdraw']);
  });

  it('has servers asked at once where there is no address', () => {
    const client = createSelectingClient();
    client.pass(100_000);
    expect(client.on({ kind: 'relinked' })).toEqual([]);
    expect(client.state()).toMatchObject({ kind: 'init', dueAtMs: client.nowMs() + 500 });
    client.on({ kind: 'released' });
    client.on({ kind: 'relinked' });
    expect(client.state().kind).toBe('stopped');
  });
});

describe('an address in use', () => {
  it('is defended once in ten seconds; who insists gets it', () => {
    const client = createBoundClient();
    expect(client.on(arp({ operation: 'reply' }))).toEqual([announced]);
    client.pass(10_000);
    expect(client.on(arp({}))).toEqual([announced]);
    client.pass(9999);
    expect(kindsOf(client.on(arp({})))).toEqual(['decline', 'withdraw']);
    expect(client.state().kind).toBe('init');
  });

  it('is not defended against itself, questions and probes', () => {
    const client = createBoundClient();
    for (const packet of [
      { senderMac: CLIENT_MAC },
      { senderAddress: '10.0.0.9' },
      { senderAddress: '0.0.0.0' },
    ])
      expect(client.on(arp(packet))).toEqual([]);
  });

  it('is given back to its server', () => {
    const client = createBoundClient();
    expect(client.on({ kind: 'released' })).toEqual([
      {
        kind: 'send',
        to: { address: SERVER, mac: SERVER_MAC },
        message: expect.objectContaining({
          type: 'release',
          clientAddress: ADDRESS,
          serverId: SERVER,
          requestedAddress: null,
        }),
      },
      { kind: 'withdraw', reason: 'given back' },
    ]);
    expect(client.state().kind).toBe('stopped');
  });

  it('is kept for ever, where the lease has no end', () => {
    const client = createBoundClient({ parameters: { leaseSeconds: 0xffffffff } });
    client.wait();
    expect(client.state()).toMatchObject({ kind: 'bound', dueAtMs: null });
  });

  it('takes no message that nobody asked for', () => {
    const client = createBoundClient();
    for (const type of ['offer', 'ack', 'nak'] as const)
      expect(client.hear(type)).toEqual([{ kind: 'ignored', reason: 'nothing was asked' }]);
  });
});

/** A client that waits for the answer to its first renewal, or to its first question to all servers. */
function createRenewingClient(kind: 'renewing' | 'rebinding', ack?: Said) {
  const client = createBoundClient(ack);
  client.pass(kind === 'renewing' ? 1_800_000 : 3_150_000);
  expect(client.state().kind).toBe(kind);
  return client;
}

describe('a lease', () => {
  it('is renewed, then asked for at every server, ever more often, and over at its end', () => {
    const client = createBoundClient();
    const startMs = client.nowMs();
    client.wait();
    const steps: unknown[] = [];
    for (;;) {
      const actions = client.wait();
      const [action] = actions;
      const to = action?.kind === 'send' && action.to !== null ? action.to.address : null;
      steps.push([(client.nowMs() - startMs) / 1000, client.state().kind, to, ...kindsOf(actions)]);
      if (client.state().kind === 'init') break;
    }
    expect(steps).toEqual([
      ...[1800, 2475, 2812.5, 2981.25, 3065.625, 3125.625].map((at) => [at, 'renewing', SERVER, 'request']),
      ...[3150, 3375, 3487.5, 3547.5].map((at) => [at, 'rebinding', null, 'request']),
      [3600, 'init', null, 'withdraw'],
    ]);
  });

  it.each(['renewing', 'rebinding'] as const)('is asked for with its own address alone: %s', (kind) => {
    const client = createBoundClient();
    const actions = client.pass(kind === 'renewing' ? 1_800_000 : 3_150_000);
    const last = actions.filter((action) => action.kind === 'send').at(-1);
    expect(last?.message).toMatchObject({
      type: 'request',
      clientAddress: ADDRESS,
      requestedAddress: null,
      serverId: null,
      isBroadcast: false,
    });
  });

  it.each([
    ['renewing', {}],
    ['rebinding', {}],
    ['rebinding', { parameters: { serverId: '10.0.0.2' }, source: '10.0.0.2' }],
    ['renewing', { without: ['prefixLength', 'serverId'] }],
  ] as ['renewing' | 'rebinding', Said][])('goes on when it is acknowledged: %s %j', (kind, ack) => {
    const client = createRenewingClient(kind);
    const sentAtMs = client.nowMs();
    client.pass(1000);
    const actions = client.hear('ack', ack);
    expect(kindsOf(actions)).toEqual(['publish']);
    expect(client.state()).toMatchObject({
      kind: 'bound',
      dueAtMs: sentAtMs + 1_800_000,
      lease: { address: ADDRESS, prefixLength: 24, expiresAtMs: sentAtMs + 3_600_000 },
    });
  });

  it.each([
    [
      'renewing',
      'nak',
      { parameters: { text: 'wrong network' } },
      'the server takes the lease back: wrong network',
    ],
    ['rebinding', 'nak', { parameters: { serverId: '10.0.0.2' } }, 'the server takes the lease back'],
    ['renewing', 'ack', { message: { yourAddress: '10.0.0.6' } }, 'the server gives another address'],
  ] as ['renewing' | 'rebinding', 'ack' | 'nak', Said, string][])(
    'ends: %s, %s %j',
    (kind, type, answer, reason) => {
      const client = createRenewingClient(kind);
      expect(client.hear(type, answer)).toEqual([{ kind: 'withdraw', reason }]);
      expect(client.state().kind).toBe('init');
      expect(kindsOf(client.wait())).toEqual(['discover']);
    },
  );

  it.each([
    ['nak', { parameters: { serverId: '10.0.0.2' } }, 'nak of another server'],
    ['nak', { message: { transactionId: 5 } }, 'of another transaction'],
    ['offer', {}, 'offer while a lease is renewed'],
  ] as ['nak' | 'offer', Said, string][])('does not end: %s %j', (type, answer, reason) => {
    const client = createRenewingClient('renewing');
    expect(client.hear(type, answer)).toEqual([{ kind: 'ignored', reason }]);
    expect(client.state().kind).toBe('renewing');
  });

  it('is not begun, where the machine slept through all of it before the answer, or while it was probed', () => {
    const over = [{ kind: 'ignored', reason: 'a lease that is over already' }];
    const requesting = createSelectingClient();
    requesting.hear('offer');
    requesting.drowse(3_600_000);
    expect(requesting.hear('ack')).toEqual(over);
    const renewing = createRenewingClient('renewing');
    renewing.drowse(3_600_000);
    expect(renewing.hear('ack')).toEqual(over);
    const probing = createProbingClient();
    expect(probing.sleep(3_600_000)).toEqual([]);
    expect(probing.state().kind).toBe('init');
  });

  it.each([
    [1_800_000, ['request'], 'renewing'],
    [3_150_000, ['request'], 'rebinding'],
    [3_600_000, ['withdraw'], 'init'],
    [90_000_000, ['withdraw'], 'init'],
  ])('is where it would be, after %s ms that the machine slept', (milliseconds, kinds, state) => {
    const client = createBoundClient();
    expect(kindsOf(client.sleep(milliseconds))).toEqual(kinds);
    expect(client.state().kind).toBe(state);
  });
});
