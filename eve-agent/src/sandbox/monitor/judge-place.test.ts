// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { FlowPlace } from '../../transfer/flow.ts';
import { judgePlace } from './judge-place.ts';

const BRIDGES = [
  { name: 'bn0', address: '10.1.0.1', cidr: '10.1.0.1/24' },
  { name: 'bn1', address: '10.2.0.1', cidr: '10.2.0.1/16' },
];
const place = (part: Partial<FlowPlace>): FlowPlace => ({
  ...{ host: '10.1.0.5', port: 80, localAddress: '10.1.0.1', refusesInternal: false },
  ...part,
});
const judge = (part: Partial<FlowPlace>, named: readonly string[] = [], allowsInternal = false) =>
  judgePlace(place(part), { bridges: BRIDGES, namedHosts: new Set(named), allowsInternal });

describe('a connection from a bridge', () => {
  it.each<[string, Partial<FlowPlace>]>([
    ['a neighbour', {}],
    ['a neighbour on another one', { host: '10.2.200.7', localAddress: '10.2.0.1' }],
    ['a datastore on this very host', { host: '10.1.0.1' }],
  ])('may go to %s', (_, part) => {
    expect(judge(part)).toEqual({ kind: 'open', place: place(part) });
  });

  it.each<[string, Partial<FlowPlace>]>([
    ['a neighbour of another bridge', { host: '10.2.0.7' }],
    ['somewhere beyond', { host: '192.0.2.1' }],
    ['loopback', { host: '127.0.0.1' }],
    ['a name, which somebody would have to resolve', { host: 'ds.example' }],
    ['an address of IPv6', { host: 'fe80::1' }],
    ['a neighbour from an address that is none of a bridge', { localAddress: '10.1.0.9' }],
    ['a neighbour from anywhere', { localAddress: '0.0.0.0' }],
  ])('may not go to %s', (_, part) => {
    expect(judge(part)).toMatchObject({ kind: 'refused', why: expect.stringContaining('is on no bridge') });
  });

  it('goes nowhere where there are no bridges', () => {
    const verdict = judgePlace(place({}), { bridges: [], namedHosts: new Set(), allowsInternal: true });
    expect(verdict.kind).toBe('refused');
  });
});

describe('another connection', () => {
  const refuses = (...args: Parameters<typeof judge>) => {
    const verdict = judge({ localAddress: null, ...args[0] }, args[1], args[2]);
    return verdict.kind === 'open' && verdict.place.refusesInternal;
  };

  it('may lead inside only where the configuration names the host', () => {
    expect(refuses({ host: '127.0.0.1' })).toBe(true);
    expect(refuses({ host: '127.0.0.1' }, ['127.0.0.1'])).toBe(false);
    expect(refuses({ host: 'LocalHost' }, ['localhost'])).toBe(false);
    expect(refuses({ host: 'localhost' }, ['localhost.example'])).toBe(true);
    expect(refuses({ host: 'ds.example' }, [], true)).toBe(false);
  });

  it('stays guarded where the calf itself asks for that', () => {
    expect(refuses({ host: 'ds.example', refusesInternal: true }, ['ds.example'], true)).toBe(true);
  });
});
