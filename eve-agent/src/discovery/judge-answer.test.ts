// SPDX-License-Identifier: Apache-2.0
import { decode, encode } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import type { Bridge } from './bridges.ts';
import type { DnsMessage, DnsRecord } from './dns-message.ts';
import { hostNamesIn, judgeAnswer } from './judge-answer.ts';

const BN1: Bridge = { name: 'bn1', address: '10.1.0.1', cidr: '10.1.0.1/24' };
const SOURCE = '10.1.0.5';

interface AddressFields {
  readonly ttl?: number;
  readonly flush?: boolean;
  readonly class?: 'IN' | 'CH';
}

function a(name: string, data = '10.1.0.5', { ttl = 120, ...rest }: AddressFields = {}): DnsRecord {
  return { name, type: 'A', ttl, data, ...rest };
}

function srv(service: string, target: string, ttl = 120): DnsRecord {
  return { name: `ds.x [02:00].${service}`, type: 'SRV', ttl, data: { port: 80, target } };
}

/** As it comes off the wire. */
function response(records: {
  answers?: DnsRecord[];
  additionals?: DnsRecord[];
  authorities?: DnsRecord[];
}): DnsMessage {
  return decode(encode({ type: 'response', ...records }));
}

const judge = (message: DnsMessage, source = SOURCE, bridge = BN1) =>
  judgeAnswer(message, source, bridge, 'ds.local');

const MATCH = { kind: 'match', address: '10.1.0.5', services: [] };
const IRRELEVANT = { kind: 'irrelevant', services: [] };

describe('the host', () => {
  test.each([
    ['itself', 'ds.local', MATCH],
    ['in another case', 'DS.LOCAL', MATCH],
    ['with a trailing dot', 'ds.local.', MATCH],
    ['as a substring at the end', 'my-ds.local', IRRELEVANT],
    ['as a substring at the start', 'ds.local.example', IRRELEVANT],
    ['below another label', 'my.ds.local', IRRELEVANT],
    ['renamed after a conflict', 'ds-2.local', IRRELEVANT],
    ['another', 'db.local', IRRELEVANT],
  ])('%s: %s', (_, name, expected) => {
    // dns-packet takes the dot away while encoding; a decoded name may still be compared with one.
    const message = { ...response({}), answers: [{ ...a(name), class: 'IN' as const }] };
    expect(judge(message)).toEqual(expected);
  });
});

describe('the section', () => {
  test.each(['answers', 'authorities', 'additionals'] as const)('%s is looked at', (section) => {
    expect(judge(response({ [section]: [a('ds.local')] }))).toEqual(MATCH);
  });
  test('of a query is not: a probe claims, it does not answer', () => {
    expect(judge(decode(encode({ type: 'query', authorities: [a('ds.local')] })))).toEqual(IRRELEVANT);
  });
});

describe('the record', () => {
  test('with the cache-flush bit counts', () => {
    expect(judge(response({ answers: [a('ds.local', '10.1.0.5', { flush: true })] }))).toEqual(MATCH);
  });
  test('with TTL 0 is a goodbye', () => {
    expect(judge(response({ answers: [a('ds.local', '10.1.0.5', { ttl: 0 })] }))).toEqual({
      kind: 'rejected',
      reason: 'goodbye',
      address: '10.1.0.5',
    });
  });
  test('of another class says nothing', () => {
    expect(judge(response({ answers: [a('ds.local', '10.1.0.5', { class: 'CH' })] }))).toEqual(IRRELEVANT);
  });
  test('for IPv6 alone says nothing', () => {
    const aaaa: DnsRecord = { name: 'ds.local', type: 'AAAA', ttl: 120, data: 'fd00::5' };
    expect(judge(response({ answers: [aaaa] }))).toEqual(IRRELEVANT);
  });
  test('is one of at most 512', () => {
    const records = Array.from({ length: 1000 }, () => a('ds.local'));
    expect(judge(response({ answers: records }))).toEqual({ kind: 'rejected', reason: 'too-many-records' });
  });
});

describe('the address', () => {
  test.each([
    ['of another subnet', '10.9.0.5', 'address-outside-subnet'],
    ['of another bridge', '10.2.0.5', 'address-outside-subnet'],
    ['of this host, from a neighbour', '10.1.0.1', 'address-not-of-a-neighbour'],
    ['of the network', '10.1.0.0', 'address-not-of-a-neighbour'],
    ['for broadcast', '10.1.0.255', 'address-not-of-a-neighbour'],
    ['for loopback', '127.0.0.1', 'address-outside-subnet'],
    ['for multicast', '224.0.0.251', 'address-outside-subnet'],
  ])('%s is rejected', (_, address, reason) => {
    expect(judge(response({ answers: [a('ds.local', address)] }))).toEqual({
      kind: 'rejected',
      reason,
      address,
    });
  });
  test('is the one of this link when a responder gives those of all its links', () => {
    const message = response({ answers: [a('ds.local', '10.2.0.5'), a('ds.local', '10.1.0.5')] });
    expect(judge(message)).toEqual(MATCH);
  });
  test.each([
    ['10.1.0.4/31', '10.1.0.4', 'match'],
    ['10.1.255.1/16', '10.1.0.255', 'match'],
    ['10.1.255.1/16', '10.1.255.255', 'rejected'],
    ['10.1.0.9/30', '10.1.0.11', 'rejected'],
    ['10.1.0.9/30', '10.1.0.10', 'match'],
  ])('on %s, %s: %s', (cidr, address, kind) => {
    const bridge = {
      name: 'bn1',
      address: cidr === '10.1.0.4/31' ? '10.1.0.5' : (cidr.split('/')[0] ?? ''),
      cidr,
    };
    expect(judge(response({ answers: [a('ds.local', address)] }), address, bridge).kind).toBe(kind);
  });
});

describe('a datastore on this host', () => {
  const OF_BN1 = { ...MATCH, address: BN1.address };
  test.each([
    ['its own address on the bridge', [a('ds.local', '10.1.0.1')], OF_BN1],
    [
      'those of all its links, this one among them',
      [a('ds.local', '10.2.0.1'), a('ds.local', '10.1.0.1')],
      OF_BN1,
    ],
    [
      'an address of another link',
      [a('ds.local', '10.2.0.1')],
      { kind: 'rejected', reason: 'address-outside-subnet', address: '10.2.0.1' },
    ],
    [
      'no host’s address',
      [a('ds.local', '10.1.0.255')],
      { kind: 'rejected', reason: 'address-not-of-a-neighbour', address: '10.1.0.255' },
    ],
    ['the address of a neighbour, as a reflector does', [a('ds.local')], MATCH],
    ['another name', [a('laptop.local', '10.1.0.1')], IRRELEVANT],
  ])('says %s', (_, answers, expected) => {
    expect(judge(response({ answers }), BN1.address)).toEqual(expected);
  });
});

describe('an alias', () => {
  const cname = (name: string, data: string, ttl = 120): DnsRecord => ({ name, type: 'CNAME', ttl, data });
  const ALIAS = { kind: 'rejected', reason: 'alias', alias: 'store.local' };
  test.each([
    ['alone', [cname('ds.local', 'store.local')], ALIAS],
    ['in another case', [cname('DS.local', 'store.local')], ALIAS],
    ['with the address of the other name', [cname('ds.local', 'store.local'), a('store.local')], ALIAS],
    ['beside an address of its own', [cname('ds.local', 'store.local'), a('ds.local')], MATCH],
    ['of another name', [cname('my-ds.local', 'store.local')], IRRELEVANT],
    ['that is taken back', [cname('ds.local', 'store.local', 0)], IRRELEVANT],
    [
      'beside an unsound address',
      [cname('ds.local', 'store.local'), a('ds.local', '10.9.0.5')],
      { kind: 'rejected', reason: 'address-outside-subnet', address: '10.9.0.5' },
    ],
  ])('%s', (_, answers, expected) => {
    expect(judge(response({ answers }))).toEqual(expected);
  });
});

test('a source that is not on the link is rejected whatever it says', () => {
  expect(judge(response({ answers: [a('ds.local')] }), '10.2.0.5')).toEqual({
    kind: 'rejected',
    reason: 'off-link-source',
  });
});

describe('the services', () => {
  test('are those whose SRV names the host, in EVE’s order', () => {
    const message = response({
      answers: [srv('_https._tcp.local', 'ds.local'), srv('_workstation._tcp.local', 'DS.local')],
      additionals: [srv('_http._tcp.local', 'my-ds.local'), a('ds.local')],
    });
    expect(judge(message)).toEqual({ ...MATCH, services: ['workstation', 'https'] });
  });
  test('are told without the address as well', () => {
    expect(judge(response({ answers: [srv('_HTTP._tcp.local', 'ds.local')] }))).toEqual({
      kind: 'irrelevant',
      services: ['http'],
    });
  });
  test('taken back do not count', () => {
    expect(judge(response({ answers: [srv('_http._tcp.local', 'ds.local', 0)] }))).toEqual(IRRELEVANT);
  });
});

describe('host names for the report', () => {
  test('come from addresses and services, once each', () => {
    const message = response({
      answers: [srv('_http._tcp.local', 'my-ds.local'), a('my-ds.local'), a('db.local')],
    });
    expect(hostNamesIn(message)).toEqual(['my-ds.local', 'db.local']);
  });
  test('are not taken from questions', () => {
    expect(hostNamesIn({ type: 'query', authorities: [a('ds.local')] })).toEqual([]);
  });
});
