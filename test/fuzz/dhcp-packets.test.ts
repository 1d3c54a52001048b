// SPDX-License-Identifier: Apache-2.0
/** Packets of DHCP and ARP of any kind, and keys that a hostile client writes: an error of the codec, or a lease that may be. */

import { interpret, packetData } from '@local-datastore/shared/confinement/filters/bpf-interpreter';
import { dhcpFilter } from '@local-datastore/shared/confinement/filters/dhcp-filter';
import { expect, it } from 'vitest';
import { decodeArpFrame, encodeArpProbe } from '../../eve-agent/src/sandbox/calves/dhcp/arp.ts';
import { STOPPED, step } from '../../eve-agent/src/sandbox/calves/dhcp/client-machine.ts';
import { decodeServerFrame } from '../../eve-agent/src/sandbox/calves/dhcp/client-message.ts';
import type { ClientState } from '../../eve-agent/src/sandbox/calves/dhcp/client-state.ts';
import { leaseKeys } from '../../eve-agent/src/sandbox/calves/dhcp/lease-keys.ts';
import { MalformedPacketError } from '../../eve-agent/src/sandbox/calves/dhcp/malformed-packet.ts';
import { encodeMessage } from '../../eve-agent/src/sandbox/calves/dhcp/message.ts';
import { OPTION } from '../../eve-agent/src/sandbox/calves/dhcp/option-codes.ts';
import { encodeUdpFrame } from '../../eve-agent/src/sandbox/calves/dhcp/udp-frame.ts';
import { judgeLease } from '../../eve-agent/src/sandbox/handlers/judge-lease.ts';
import { createSubnetTest } from '../../shared/src/net/ip-address.ts';
import { type Random, randomOfThisRun } from '../random.ts';
import { repetitions } from '../soak.ts';

const CASES = repetitions({ short: 4000, long: 200_000 });
const MAC = '02:00:00:00:00:01';
const CODES = Object.values(OPTION);

/** Mostly of a sensible length, now and then of any. */
function optionValue(random: Random, code: number): Buffer {
  if (code === OPTION.messageType && random.integer(0, 9) > 0)
    return Buffer.from([random.pick([2, 5, 5, 6, random.integer(1, 8)])]);
  if (code === OPTION.serverIdentifier && random.integer(0, 2) > 0) return Buffer.from([10, 0, 0, 1]);
  if (code === OPTION.domainSearch && random.integer(0, 1) === 0) {
    return Buffer.from(
      Array.from({ length: random.integer(0, 40) }, () =>
        random.pick([0, 1, 2, 3, 0x61, 0x62, 0x2d, 0xc0, 0xc1, 0x40, 63]),
      ),
    );
  }
  if (code === OPTION.overload) return Buffer.from([random.integer(0, 4)]);
  return random.bytes(random.pick([0, 1, 2, 3, 4, 4, 4, 8, 12, random.integer(0, 300)]));
}

function randomFrame(random: Random, transactionId: number): Buffer {
  const codes = Array.from({ length: random.integer(0, 12) }, () =>
    random.pick([...CODES, random.integer(0, 255)]),
  );
  const options = new Map(
    [OPTION.messageType as number, ...codes]
      .filter((code) => code !== OPTION.pad && code !== OPTION.end)
      .map((code) => [code, optionValue(random, code)] as const),
  );
  const address = () => random.bytes(4).join('.');
  const bytes = encodeMessage({
    operation: random.pick(['reply', 'reply', 'reply', 'request'] as const),
    transactionId,
    seconds: 0,
    isBroadcast: false,
    clientAddress: address(),
    yourAddress: random.integer(0, 3) > 0 ? '10.0.0.5' : address(),
    nextServer: address(),
    relay: address(),
    clientMac: MAC,
    options,
  });
  // The fields that an overload makes options of.
  if (random.integer(0, 7) === 0) random.bytes(192).copy(bytes, 44);
  const payload = random.integer(0, 5) === 0 ? bytes.subarray(0, random.integer(0, bytes.length)) : bytes;
  return encodeUdpFrame({
    ...{ sourceMac: '02:00:00:00:00:02', targetMac: MAC, source: '10.0.0.1', target: '10.0.0.5' },
    ...{ sourcePort: 67, targetPort: 68, payload },
  });
}

function mutate(random: Random, frame: Buffer): Buffer {
  const bytes = Buffer.from(frame);
  for (let count = random.integer(0, 4); count > 0; count -= 1)
    bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255);
  return random.integer(0, 9) === 0 ? bytes.subarray(0, random.integer(0, bytes.length)) : bytes;
}

/** What is not an error of the codec fails the test. */
function orMalformed<Value>(decode: () => Value): Value | null {
  try {
    return decode();
  } catch (error) {
    if (error instanceof MalformedPacketError) return null;
    throw error;
  }
}

it('packets change the client only to states that a lease holds in, or none', () => {
  const random = randomOfThisRun('packets of DHCP');
  const context = { mac: MAC, random: () => random.next(), isProbing: false };
  const filter = dhcpFilter(Buffer.from(MAC.replaceAll(':', ''), 'hex'));
  const reached = new Set<string>();
  let state: ClientState = STOPPED;
  let nowMs = 0;
  let readable = 0;
  const problems: string[] = [];
  for (let count = 0; count < CASES; count += 1) {
    if (state.kind === 'stopped') {
      state = step(
        context,
        state,
        { kind: 'started', address: random.pick([null, '10.0.0.5']) },
        nowMs,
      ).state;
    }
    const transactionId = 'transactionId' in state ? state.transactionId : random.integer(0, 2 ** 32 - 1);
    const frame =
      random.integer(0, 2) === 0
        ? randomFrame(random, transactionId)
        : mutate(random, randomFrame(random, transactionId));
    if (![0, 0xffffffff].includes(interpret(filter, packetData(frame))))
      problems.push('half a frame is kept');
    const received = orMalformed(() => decodeServerFrame(frame, random.integer(0, 1) === 0));
    const packet = orMalformed(() => decodeArpFrame(mutate(random, encodeArpProbe(MAC, '10.0.0.5'))));
    if (received !== null) readable += 1;
    const events = [
      ...(received === null ? [] : [{ kind: 'received', received } as const]),
      ...(packet === null || random.integer(0, 19) > 0 ? [] : [{ kind: 'arp', packet } as const]),
      ...(random.integer(0, 3) === 0 ? [{ kind: 'due' } as const] : []),
      ...(random.integer(0, 200) === 0 ? [{ kind: 'released' } as const] : []),
    ];
    for (const event of events) {
      const next = step(context, state, event, nowMs);
      // No message makes more than one frame and one announcement of the other side's one.
      if (next.actions.length > 3) problems.push(`${next.actions.length} actions at once`);
      for (const action of next.actions) {
        if (action.kind !== 'publish') continue;
        const { renewAtMs, rebindAtMs, expiresAtMs, address, prefixLength } = action.lease;
        expect(prefixLength).toBeGreaterThan(0);
        expect(address).not.toMatch(/^(?:0|127|22[4-9]|2[3-5]\d)\./);
        expect(renewAtMs <= rebindAtMs && rebindAtMs <= expiresAtMs && nowMs < expiresAtMs).toBe(true);
        expect([...leaseKeys(action.lease, nowMs).values()].join('')).toMatch(/^[ -~]*$/);
      }
      state = next.state;
      // Nothing is due at once again and again.
      if (event.kind === 'due' && (state.dueAtMs ?? nowMs) < nowMs)
        problems.push(`${state.kind} is due for ever`);
    }
    reached.add(state.kind);
    const isTime = state.dueAtMs !== null && random.integer(0, 3) === 0;
    nowMs = isTime
      ? Math.max(nowMs, state.dueAtMs as number)
      : nowMs + random.pick([0, 0, 0, 0, 1, 1000, 5000, 60_000]);
  }
  expect(problems).toEqual([]);
  expect(readable).toBeGreaterThan(CASES / 10);
  expect([...reached]).toEqual(
    expect.arrayContaining(['init', 'selecting', 'requesting', 'bound', 'renewing']),
  );
});

it('keys are judged to a lease that no other interface has, or refused', () => {
  const random = randomOfThisRun('keys of DHCP');
  const other = '10.1.0.1/24';
  const isOther = createSubnetTest(other);
  const address = () =>
    random.pick([
      () => random.bytes(4).join('.'),
      () => `10.${random.integer(0, 3)}.0.${random.integer(0, 255)}`,
      () =>
        random.pick([
          '',
          '0.0.0.0',
          '255.255.255.255',
          '127.0.0.1',
          '::1',
          '1.2.3',
          '10.0.0.5\n',
          '010.0.0.5',
        ]),
    ])();
  const name = () =>
    random.pick([
      () => random.pick(['lan', 'lan.test', 'a b', '-a', 'a.', '', 'a\nb', '_x.test']),
      () => random.bytes(random.integer(0, 70)).toString('latin1'),
    ])();
  let accepted = 0;
  for (let count = 0; count < CASES; count += 1) {
    const keys = new Map<string, string>();
    const put = (key: string, value: () => string) => {
      if (random.integer(0, 2) > 0) keys.set(key, value());
    };
    keys.set('ip', `${address()}/${random.integer(-1, 34)}`);
    keys.set('lease', random.pick(['60', 'infinite', '0', '', '4294967294', '4294967295', '6e1', '3600']));
    put('gateway', address);
    put('mtu', () => String(random.integer(0, 70_000)));
    put('domain', name);
    put('search', () => Array.from({ length: random.integer(0, 40) }, name).join(' '));
    for (let index = 1; index < 12; index += 1) {
      const number = String(index).padStart(3, '0');
      put(`nameserver/${number}`, address);
      put(`route/${number}`, () => `${address()}/${random.integer(-1, 34)} ${address()}`);
    }
    const verdict = judgeLease(keys, { otherSubnets: [other], maxMtu: 1500 });
    if (verdict.kind === 'refused') continue;
    accepted += 1;
    const { lease } = verdict;
    const hosts = [
      lease.address,
      lease.gateway,
      ...lease.nameServers,
      ...lease.routes.map((route) => route.gateway),
    ];
    for (const host of hosts.filter((each) => each !== null))
      expect(host).toMatch(/^(?!0\.|127\.|22[4-9]\.|2[3-5]\d\.|169\.254\.)\d{1,3}(?:\.\d{1,3}){3}$/);
    const onInterface = [
      lease.address,
      lease.gateway,
      ...lease.routes.map((route) => route.destination.split('/')[0]),
    ];
    expect(onInterface.filter((each) => typeof each === 'string' && isOther(each))).toEqual([]);
    expect([lease.domain ?? 'a', ...lease.search].join(' ')).toMatch(/^[A-Za-z0-9._ -]+$/);
    expect(lease.mtu ?? 576).toSatisfy((mtu: number) => mtu >= 576 && mtu <= 1500);
    expect(lease.nameServers.length).toBeLessThanOrEqual(8);
  }
  expect(accepted).toBeGreaterThan(CASES / 50);
});
