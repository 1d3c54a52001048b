// SPDX-License-Identifier: Apache-2.0
/** What becomes of the ports of a host that lead into machines. */

import { silentLog } from '@local-datastore/shared/log';
import { beforeEach, describe, expect, it } from 'vitest';
import type { MachinePort } from '../engine/container-spec.ts';
import type { Redirect } from '../switch/port-rule.ts';
import type { Target } from './datagram-relay.ts';
import { createPublishedPorts, redirectsTo } from './published-ports.ts';

const WEB: MachinePort = { Protocol: 'tcp', HostPort: 8080, Port: 80, Network: 0 };
const SSH: MachinePort = { Protocol: 'tcp', HostPort: 2222, Port: 22, Network: 1 };
const DNS: MachinePort = { Protocol: 'udp', HostPort: 53, Port: 53, Network: 0 };
const BN1 = { bridge: 'bn1', address: '10.1.0.60' };
const BN2 = { bridge: 'bn2', address: '10.2.0.60' };
const A = { id: 'a', name: 'eve_a' };
const B = { id: 'b', name: 'eve_b' };
const toWeb: Redirect = {
  ...{ family: 4, protocol: 'tcp', hostAddress: null, hostPort: 8080 },
  ...{ address: '10.1.0.60', port: 80, bridge: 'bn1' },
};

it.each<[string, readonly MachinePort[], readonly (typeof BN1)[], readonly object[]]>([
  ['nothing', [], [BN1], []],
  ['a port', [WEB], [BN1], [toWeb]],
  ['UDP', [DNS], [BN1], [{ ...toWeb, protocol: 'udp', hostPort: 53, port: 53 }]],
  [
    'ports of two networks, each to its own',
    [WEB, SSH],
    [BN1, BN2],
    [toWeb, { ...toWeb, hostPort: 2222, port: 22, address: '10.2.0.60', bridge: 'bn2' }],
  ],
  ['one whose address nobody knows yet', [WEB, SSH], [{ ...BN1, address: '' }, BN2], [{ hostPort: 2222 }]],
  ['one of a network that is not there', [SSH], [BN1], []],
])('leads %s', (_what, ports, places, expected) => {
  expect(redirectsTo(ports, places)).toHaveLength(expected.length);
  expect(redirectsTo(ports, places)).toMatchObject(expected);
});

describe('ports of a host', () => {
  /** What the kernel has, by holder; what is held by whom is told by `held`. */
  const rules = new Map<string, readonly Redirect[]>();
  const held = new Map<string, () => Target | null>();
  /** Why a port cannot be had, by its number. */
  const hindered = new Map<number, string>();
  let isForwarding = true;
  let ruleFails = false;
  const changes: string[] = [];

  function open(hasRule = true) {
    return createPublishedPorts({
      portRule: hasRule
        ? {
            list: async () => new Set(rules.keys()),
            async add(holder, redirects) {
              changes.push(`add ${holder}`);
              if (ruleFails) throw new Error('iptables ended with 4');
              rules.set(holder, redirects);
            },
            async remove(holder) {
              changes.push(`remove ${holder}`);
              rules.delete(holder);
            },
          }
        : null,
      forwards: async () => isForwarding,
      async hold({ protocol, hostPort }, whereTo) {
        const code = held.has(`${protocol} ${hostPort}`) ? 'EADDRINUSE' : hindered.get(hostPort);
        if (code !== undefined) throw Object.assign(new Error(`bind ${code}`), { code });
        held.set(`${protocol} ${hostPort}`, whereTo);
        return { close: async () => void held.delete(`${protocol} ${hostPort}`) };
      },
      log: silentLog,
    });
  }
  let ports = open();
  beforeEach(() => {
    for (const each of [rules, held, hindered]) each.clear();
    changes.length = 0;
    isForwarding = true;
    ruleFails = false;
    ports = open();
  });

  it('are led while they are taken, and to where the machine is', async () => {
    await ports.take(A, [WEB]);
    expect([rules.size, held.get('tcp 8080')?.()]).toEqual([0, null]);
    await ports.lead('a', [{ ...BN1, address: '' }]);
    expect([rules.size, ports.inForce('a')]).toEqual([0, []]);
    await ports.lead('a', [BN1]);
    expect(ports.inForce('a')).toEqual([WEB]);
    expect(rules.get('a')).toEqual([toWeb]);
    expect(held.get('tcp 8080')?.()).toEqual({ address: '10.1.0.60', port: 80 });
    // The host forgets where it was: it is there all the same. What has not changed is left alone.
    changes.length = 0;
    await ports.lead('a', [{ ...BN1, address: '' }]);
    expect([rules.size, changes]).toEqual([1, []]);
    await ports.lead('a', [{ ...BN1, address: '10.1.0.61' }]);
    expect(rules.get('a')).toEqual([{ ...toWeb, address: '10.1.0.61' }]);
    await ports.release('a');
    expect([rules.size, held.size, ports.inForce('a')]).toEqual([0, 0, []]);
    await ports.lead('a', [BN1]);
    await ports.release('a');
    expect(rules.size).toBe(0);
  });

  it('are changed while it runs, and those that stay are not let go', async () => {
    await ports.take(A, [WEB, DNS]);
    await ports.lead('a', [BN1]);
    const before = held.get('tcp 8080');
    await ports.take(A, [
      { ...WEB, Port: 81 },
      { ...SSH, Network: 0 },
    ]);
    await ports.lead('a', [BN1]);
    expect([...held.keys()]).toEqual(['tcp 8080', 'tcp 2222']);
    expect(held.get('tcp 8080')).toBe(before);
    expect(before?.()).toEqual({ address: '10.1.0.60', port: 81 });
    expect(rules.get('a')).toMatchObject([{ port: 81 }, { port: 22 }]);
    expect(ports.inForce('a')).toMatchObject([{ HostPort: 8080, Port: 81 }, { HostPort: 2222 }]);
    await ports.take(A, []);
    await ports.lead('a', [BN1]);
    expect([rules.size, held.size]).toEqual([0, 0]);
  });

  it.each<[string, () => Promise<unknown> | unknown, MachinePort, object]>([
    [
      'another machine has',
      () => ports.take(B, [SSH]),
      SSH,
      { status: 409, message: 'the tcp port 2222 of this host leads to eve_b already' },
    ],
    [
      'a program has',
      () => hindered.set(2222, 'EADDRINUSE'),
      SSH,
      { status: 409, message: 'the tcp port 2222 of this host is in use by a program or a container' },
    ],
    [
      'it may not take',
      () => hindered.set(2222, 'EACCES'),
      SSH,
      { status: 501, message: expect.stringContaining('CAP_NET_BIND_SERVICE') },
    ],
  ])('one that %s is refused, and what it has stays', async (_what, arrange, port, why) => {
    await ports.take(A, [WEB]);
    await ports.lead('a', [BN1]);
    await arrange();
    const before = [...held.keys()];
    await expect(ports.take(A, [WEB, { ...WEB, HostPort: 81 }, port])).rejects.toMatchObject(why);
    await expect(ports.need([port], (name) => name === 'eve_a')).rejects.toMatchObject(why);
    expect([...held.keys()]).toEqual(before);
    expect(ports.inForce('a')).toEqual([WEB]);
    expect(rules.get('a')).toEqual([toWeb]);
  });

  it('one may be wanted by what takes the place of its machine', async () => {
    await ports.take(A, [WEB]);
    await ports.need([WEB, SSH], (name) => name === 'eve_a');
    await expect(ports.need([WEB], (name) => name === 'eve_b')).rejects.toThrow('leads to eve_a already');
    // Nothing of it is left.
    expect([...held.keys()]).toEqual(['tcp 8080']);
    const both = await Promise.allSettled([ports.take(A, [WEB, SSH]), ports.take(B, [SSH])]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  it('of an agent that was killed are led on, and put right', async () => {
    rules.set('a', [toWeb]);
    rules.set('gone', [toWeb]);
    await ports.take(A, [WEB]);
    await ports.lead('a', [{ ...BN1, address: '' }]);
    await ports.tidy();
    expect([...rules.keys()]).toEqual(['a']);
    await ports.lead('a', [{ ...BN1, address: '10.1.0.61' }]);
    expect(rules.get('a')).toEqual([{ ...toWeb, address: '10.1.0.61' }]);
    // One that a program took meanwhile leads to the machine no more.
    await ports.close();
    hindered.set(8080, 'EADDRINUSE');
    const next = open();
    await expect(next.take(A, [WEB])).rejects.toThrow('in use by a program');
    await next.tidy();
    expect(rules.size).toBe(0);
  });

  it('an agent that ends holds none, and what is led is led on', async () => {
    await ports.take(A, [WEB]);
    await ports.lead('a', [BN1]);
    await ports.close();
    expect([rules.get('a'), held.size]).toEqual([[toWeb], 0]);
  });

  it.each<[string, () => void]>([
    [
      'without a packet filter',
      () => {
        ports = open(false);
      },
    ],
    [
      'where nothing is passed on',
      () => {
        isForwarding = false;
      },
    ],
    [
      'where a rule cannot be made',
      () => {
        ruleFails = true;
      },
    ],
  ])('%s what comes is passed on all the same', async (_what, arrange) => {
    arrange();
    await ports.take(A, [WEB, DNS]);
    await ports.lead('a', [BN1]);
    expect([rules.size, held.get('tcp 8080')?.()]).toEqual([0, { address: '10.1.0.60', port: 80 }]);
    expect(held.get('udp 53')?.()).toEqual({ address: '10.1.0.60', port: 53 });
    // It is led when it can be.
    isForwarding = true;
    ruleFails = false;
    await ports.lead('a', [BN1]);
    expect(rules.size).toBe(_what === 'without a packet filter' ? 0 : 1);
    await ports.release('a');
    expect([rules.size, held.size]).toEqual([0, 0]);
  });
});
