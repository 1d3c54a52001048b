// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { heldLease } from './client-state.ts';
import {
  ADDRESS,
  createSelectingClient,
  createTestClient,
  type Said,
  SERVER,
  SERVER_MAC,
  sent,
  TRANSACTION,
} from './test-fixtures.ts';

const ignored = (reason: string) => [{ kind: 'ignored', reason }];

describe('a client that starts', () => {
  it('waits a moment and asks all servers', () => {
    const client = createTestClient();
    expect(client.on({ kind: 'started', address: null })).toEqual([]);
    expect(client.state()).toMatchObject({ kind: 'init', dueAtMs: client.nowMs() + 500 });
    expect(client.on({ kind: 'due' })).toEqual([]);
    expect(client.wait()).toEqual([
      {
        kind: 'send',
        to: null,
        message: {
          type: 'discover',
          transactionId: TRANSACTION,
          seconds: 0,
          isBroadcast: false,
          clientAddress: null,
          requestedAddress: null,
          serverId: null,
        },
      },
    ]);
    expect(client.state().kind).toBe('selecting');
  });

  it('asks again after 4, 8, 16, 32, 64, 64 s, and from the third time on for broadcasts', () => {
    const client = createSelectingClient();
    const seen = [4, 8, 16, 32, 64, 64].map((seconds) => {
      const before = client.nowMs();
      const message = sent(client.wait());
      expect(client.nowMs() - before).toBe(seconds * 1000);
      return [message.type, message.transactionId, message.seconds, message.isBroadcast];
    });
    expect(seen).toEqual(
      [4, 12, 28, 60, 124, 188].map((seconds, index) => ['discover', TRANSACTION, seconds, index > 0]),
    );
  });

  it('is started once, and does nothing after it was stopped', () => {
    const client = createSelectingClient();
    expect(client.on({ kind: 'started', address: null })).toEqual([]);
    expect(client.on({ kind: 'released' })).toEqual([]);
    expect(client.state()).toEqual({ kind: 'stopped', dueAtMs: null });
    expect(client.on({ kind: 'due' })).toEqual([]);
    expect(client.hear('offer')).toEqual(ignored('nothing was asked'));
  });
});

describe('offers', () => {
  it('are taken at once where they lack nothing', () => {
    const client = createSelectingClient();
    expect(sent(client.hear('offer'))).toEqual({
      type: 'request',
      transactionId: TRANSACTION,
      seconds: 0,
      isBroadcast: false,
      clientAddress: null,
      requestedAddress: ADDRESS,
      serverId: SERVER,
    });
    expect(client.state().kind).toBe('requesting');
    expect(client.hear('offer', { parameters: { serverId: '10.0.0.2' } })).toEqual(
      ignored('offer while an acknowledgement is waited for'),
    );
  });

  it.each<[string, Said, string]>([
    ['of another transaction', { message: { transactionId: 1 } }, 'of another transaction'],
    ['for another client', { message: { clientMac: '02:00:00:00:00:02' } }, 'for another client'],
    ['that are requests', { message: { operation: 'request' } }, 'a message to servers'],
    ...['0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255', '0.1.2.3'].map(
      (yourAddress): [string, Said, string] => [
        `of ${yourAddress}`,
        { message: { yourAddress } },
        'an offer of an address that no host may have',
      ],
    ),
  ])('are not used: %s', (_title, offer, reason) => {
    const client = createSelectingClient();
    const before = client.state();
    expect(client.hear('offer', offer)).toEqual(ignored(reason));
    expect(client.state()).toBe(before);
  });

  it.each(['ack', 'nak', 'discover'] as const)('are no %s', (type) => {
    expect(createSelectingClient().hear(type)).toEqual(ignored(`${type} while offers are waited for`));
  });

  it.each(['serverId', 'leaseSeconds'] as const)('without %s wait a second for better ones', (missing) => {
    const client = createSelectingClient();
    expect(client.hear('offer', { without: [missing] })).toEqual([]);
    expect(client.hear('offer', { without: [missing], source: '10.0.0.9' })).toEqual(
      ignored('another offer that lacks something'),
    );
    const better = client.hear('offer', {
      message: { yourAddress: '10.0.0.6' },
      parameters: { serverId: '10.0.0.2' },
    });
    expect(sent(better)).toMatchObject({ requestedAddress: '10.0.0.6', serverId: '10.0.0.2' });
  });

  it.each([
    ['serverId', { requestedAddress: ADDRESS, serverId: null }],
    ['leaseSeconds', { requestedAddress: ADDRESS, serverId: SERVER }],
  ] as const)('without %s are taken where nobody makes a better one', (missing, request) => {
    const client = createSelectingClient();
    client.hear('offer', { without: [missing] });
    const before = client.nowMs();
    expect(sent(client.wait())).toMatchObject(request);
    expect(client.nowMs() - before).toBe(1000);
  });
});

describe('a request', () => {
  it('gives a lease, whose times count from when it was sent', () => {
    const client = createSelectingClient();
    client.hear('offer');
    const requestedAtMs = client.nowMs();
    client.pass(2000);
    const actions = client.hear('ack');
    const lease = {
      address: ADDRESS,
      prefixLength: 24,
      serverId: SERVER,
      server: { address: SERVER, mac: SERVER_MAC },
      gateway: SERVER,
      routes: [],
      mtu: null,
      domain: null,
      search: [],
      nameServers: [],
      renewAtMs: requestedAtMs + 1_800_000,
      rebindAtMs: requestedAtMs + 3_150_000,
      expiresAtMs: requestedAtMs + 3_600_000,
    };
    expect(actions).toEqual([
      { kind: 'publish', lease },
      { kind: 'announce', address: ADDRESS },
    ]);
    expect(heldLease(client.state())).toEqual(lease);
  });

  it('is sent four times; then all begins anew', () => {
    const client = createSelectingClient();
    client.hear('offer');
    const kinds = [4, 8, 16].map((seconds) => {
      const before = client.nowMs();
      const { type, transactionId } = sent(client.wait());
      expect([client.nowMs() - before, transactionId]).toEqual([seconds * 1000, TRANSACTION]);
      return type;
    });
    expect(kinds).toEqual(['request', 'request', 'request']);
    expect(client.wait()).toEqual([]);
    expect(client.state().kind).toBe('init');
    expect(sent(client.wait()).type).toBe('discover');
  });

  it.each<[string, 'ack' | 'nak', Said, string]>([
    ['another server', 'ack', { parameters: { serverId: '10.0.0.2' } }, 'ack of another server'],
    ['another server that refuses', 'nak', { parameters: { serverId: '10.0.0.2' } }, 'nak of another server'],
    [
      'who does not say who it is',
      'ack',
      { without: ['serverId'], source: '10.0.0.9' },
      'ack of another server',
    ],
    [
      'another address',
      'ack',
      { message: { yourAddress: '10.0.0.6' } },
      'another address than was asked for',
    ],
    ['another transaction', 'nak', { message: { transactionId: 5 } }, 'of another transaction'],
  ])('is not answered by %s', (_title, type, answer, reason) => {
    const client = createSelectingClient();
    client.hear('offer');
    expect(client.hear(type, answer)).toEqual(ignored(reason));
    expect(client.state().kind).toBe('requesting');
  });

  it('is answered by a server that names itself neither before nor now (coreos/systemd #86)', () => {
    const client = createSelectingClient();
    client.hear('offer', { without: ['serverId'] });
    client.wait();
    client.hear('ack', { without: ['serverId'] });
    expect(heldLease(client.state())).toMatchObject({
      serverId: null,
      server: { address: SERVER, mac: SERVER_MAC },
    });
  });

  it('that is refused begins anew, ever more slowly', () => {
    const client = createSelectingClient();
    const delays = [0.5, 4, 8, 16, 32, 64, 64].map(() => {
      client.hear('offer');
      const before = client.nowMs();
      expect(client.hear('nak')).toEqual([]);
      expect(client.state().kind).toBe('init');
      client.wait();
      return (client.nowMs() - before) / 1000;
    });
    expect(delays).toEqual([0.5, 4, 8, 16, 32, 64, 64]);
  });
});

describe('what a lease says', () => {
  const leaseAfter = (ack: Said, offer: Said = {}) => {
    const client = createSelectingClient();
    client.hear('offer', offer);
    client.hear('ack', ack);
    const lease = heldLease(client.state());
    if (lease === null) throw new Error('there is no lease');
    const seconds = (atMs: number) => (atMs - client.nowMs()) / 1000;
    return {
      ...lease,
      times: [seconds(lease.renewAtMs), seconds(lease.rebindAtMs), seconds(lease.expiresAtMs)],
    };
  };

  it.each<
    [string, Partial<Record<'leaseSeconds' | 'renewalSeconds' | 'rebindingSeconds', number>>, number[]]
  >([
    ['no times (systemd #9610)', {}, [1800, 3150, 3600]],
    ['a lease of 0', { leaseSeconds: 0 }, [1800, 3150, 3600]],
    ['a lease of a second', { leaseSeconds: 1 }, [5, 8.75, 10]],
    ['a minute', { leaseSeconds: 60 }, [30, 52.5, 60]],
    ['for ever', { leaseSeconds: 0xffffffff }, [Infinity, Infinity, Infinity]],
    ['for ever, renewed', { leaseSeconds: 0xffffffff, renewalSeconds: 5 }, [Infinity, Infinity, Infinity]],
    ['nearly for ever', { leaseSeconds: 0xfffffffe }, [2147483647, 3758096382.25, 4294967294]],
    ['T1 and T2', { leaseSeconds: 100, renewalSeconds: 10, rebindingSeconds: 20 }, [10, 20, 100]],
    ['T1 alone', { leaseSeconds: 100, renewalSeconds: 10 }, [10, 87.5, 100]],
    ['T1 after the usual T2', { leaseSeconds: 100, renewalSeconds: 90 }, [50, 87.5, 100]],
    ['T1 of 0', { leaseSeconds: 100, renewalSeconds: 0, rebindingSeconds: 20 }, [50, 87.5, 100]],
    ['T2 before T1', { leaseSeconds: 100, renewalSeconds: 30, rebindingSeconds: 20 }, [50, 87.5, 100]],
    ['T2 at the end', { leaseSeconds: 100, renewalSeconds: 30, rebindingSeconds: 100 }, [50, 87.5, 100]],
    ['T1 after the end', { leaseSeconds: 100, renewalSeconds: 200, rebindingSeconds: 300 }, [50, 87.5, 100]],
  ])('is times: %s', (_title, { leaseSeconds, ...times }, expected) => {
    const ack: Said =
      leaseSeconds === undefined
        ? { without: ['leaseSeconds'], parameters: times }
        : { parameters: { leaseSeconds, ...times } };
    expect(leaseAfter(ack).times).toEqual(expected);
  });

  it.each([
    ['10.0.0.5', 8],
    ['172.16.0.5', 16],
    ['192.168.0.5', 24],
  ])('is a prefix of old where no mask is named: %s/%s', (yourAddress, prefixLength) => {
    const what: Said = { message: { yourAddress }, without: ['prefixLength'] };
    expect(leaseAfter(what, what).prefixLength).toBe(prefixLength);
  });

  it('is the mask of the offer where the acknowledgement has none', () => {
    expect(leaseAfter({ without: ['prefixLength'] }).prefixLength).toBe(24);
  });

  it.each([
    ['a router', { routers: ['10.0.0.2', '10.0.0.3'] }, '10.0.0.2', []],
    ['no router', { routers: [] }, null, []],
    [
      'routes instead of a router',
      { routes: [{ destination: '10.2.0.0/16', gateway: '10.0.0.3' }] },
      null,
      [{ destination: '10.2.0.0/16', gateway: '10.0.0.3' }],
    ],
    [
      'routes with one to everywhere',
      { routes: [{ destination: '0.0.0.0/0', gateway: '10.0.0.3' }] },
      '10.0.0.3',
      [],
    ],
    ['everywhere on the link', { routes: [{ destination: '0.0.0.0/0', gateway: '0.0.0.0' }] }, null, []],
  ])('is where to go: %s', (_title, parameters, gateway, routes) => {
    expect(leaseAfter({ parameters })).toMatchObject({ gateway, routes });
  });
});

describe('a client that had an address before', () => {
  const restart = () => {
    const client = createTestClient();
    const message = sent(client.on({ kind: 'started', address: ADDRESS }));
    return { client, message };
  };

  it('asks whether it may keep it', () => {
    const { client, message } = restart();
    expect(message).toMatchObject({
      type: 'request',
      requestedAddress: ADDRESS,
      serverId: null,
      clientAddress: null,
    });
    client.hear('ack');
    expect(heldLease(client.state())?.address).toBe(ADDRESS);
  });

  it('looks for another one where it may not, or nobody says', () => {
    const { client } = restart();
    expect(client.hear('nak')).toEqual([
      { kind: 'withdraw', reason: 'the server refuses the address of before' },
    ]);
    expect(sent(client.wait()).type).toBe('discover');
    const { client: alone } = restart();
    expect(sent(alone.wait())).toMatchObject({ type: 'request', seconds: 4 });
    expect(alone.wait()).toEqual([]);
    expect(sent(alone.wait()).type).toBe('discover');
  });

  it('does not ask for what no host may have', () => {
    const client = createTestClient();
    expect(client.on({ kind: 'started', address: '127.0.0.1' })).toEqual([]);
    expect(client.state().kind).toBe('init');
  });
});
