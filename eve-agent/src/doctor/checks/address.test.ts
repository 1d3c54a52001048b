// SPDX-License-Identifier: Apache-2.0
import type { DatagramVerdict } from '../../discovery/datagram-filter.ts';
import type { DnsRecord } from '../../discovery/dns-message.ts';
import type { HeardDatagram } from '../observations.ts';
import { a, describeCheck, heard, multicastOf, srv } from '../test-fixtures.ts';
import { addressCheck } from './address.ts';

/** Where nothing but this was heard, and the datastore was not found. */
const notFoundWith = (records: readonly DnsRecord[], changes: Partial<HeardDatagram> = {}) => ({
  ...{ multicast: multicastOf([heard(records, changes)]), target: null, notFound: 'nobody is there' },
});

const rejected = (reason: Extract<DatagramVerdict, { kind: 'rejected' }>['reason']) => ({
  evidence: notFoundWith([a()], { verdict: { kind: 'rejected', reason } }),
  outcome: [`problem ${reason} datastoreNotFound`],
  says: '10.1.0.5',
});

const alias: DnsRecord = { type: 'CNAME', class: 'IN', name: 'ds.local', ttl: 120, data: 'other.local' };
const ipv6: DnsRecord = { type: 'AAAA', class: 'IN', name: 'ds.local', ttl: 120, data: 'fe80::5' };

describeCheck(addressCheck, {
  'an address of a neighbour': { outcome: 'ok', says: '10.1.0.5 on bn1' },
  'nothing that was asked': { evidence: { multicast: null }, outcome: 'skipped' },
  'nobody who answers for the host': {
    evidence: notFoundWith([a('10.1.0.9', 'other.local')]),
    outcome: 'skipped',
  },
  'an address that only further questions brought': {
    evidence: { multicast: multicastOf([]) },
    outcome: ['warning found-by-further-questions'],
    says: '10.1.0.5 on bn1',
  },
  'an address that was heard, and no answer later': {
    evidence: { target: null, notFound: 'nobody answers any more' },
    outcome: ['problem answers-no-more datastoreNotFound'],
    says: 'nobody answers any more',
  },
  'an IPv6 address alone': {
    evidence: notFoundWith([ipv6]),
    outcome: ['problem ipv6-only datastoreNotFound'],
    says: 'fe80::5',
  },
  'a service without an address': {
    evidence: notFoundWith([srv()]),
    outcome: ['problem address-missing datastoreNotFound'],
  },
  'an address of another subnet': {
    evidence: notFoundWith([a('192.168.7.5')]),
    outcome: ['problem address-outside-subnet datastoreNotFound'],
    says: '192.168.7.5, which is not in 10.1.0.1/24 of bn1',
  },
  'the address of the bridge itself': {
    evidence: notFoundWith([a('10.1.0.1')]),
    outcome: ['problem address-not-of-a-neighbour datastoreNotFound'],
  },
  'an alias': {
    evidence: notFoundWith([alias]),
    outcome: ['problem alias datastoreNotFound'],
    says: 'use other.local in the URL',
  },
  'a goodbye': {
    evidence: notFoundWith([a('10.1.0.5', 'ds.local', 0)]),
    outcome: ['problem goodbye datastoreNotFound'],
  },
  'a source of no bridge': {
    evidence: notFoundWith([a()], {
      ...{ source: '192.168.7.5', bridge: null, verdict: { kind: 'rejected', reason: 'off-link-source' } },
    }),
    outcome: ['problem off-link-source datastoreNotFound'],
    says: '192.168.7.5 answers',
  },
  'another port': rejected('wrong-port'),
  'too long a message': rejected('too-large'),
  'too many messages': rejected('too-many-datagrams'),
  'too many records': rejected('too-many-records'),
  'an error code in the header': {
    evidence: notFoundWith([a()], { verdict: { kind: 'malformed' } }),
    outcome: ['problem header-not-zero datastoreNotFound'],
  },
});
