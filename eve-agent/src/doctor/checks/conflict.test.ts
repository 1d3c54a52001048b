// SPDX-License-Identifier: Apache-2.0
import type { OtherHost } from '../observations.ts';
import { a, BN1, BN2, describeCheck, heard, multicastOf, srv } from '../test-fixtures.ts';
import { conflictCheck } from './conflict.ts';

const one = heard([srv(), a()]);
const another = heard([a('10.1.0.6')], { source: '10.1.0.6' });
const elsewhere = heard([a('10.2.0.5')], { source: '10.2.0.5', bridge: BN2 });
const other = (address: string, isServing: boolean, bridge = BN1): OtherHost => ({
  address,
  bridge,
  isServing,
});

describeCheck(conflictCheck, {
  'one host with one address': { outcome: 'ok' },
  'nothing that was asked': { evidence: { multicast: null }, outcome: 'skipped' },
  'no address': { evidence: { multicast: multicastOf([]) }, outcome: 'skipped' },
  'one host with several addresses': {
    evidence: { multicast: multicastOf([heard([a(), a('10.1.0.6')])]) },
    outcome: ['warning several-addresses'],
    says: '10.1.0.5 and 10.1.0.6',
  },
  'several hosts, which all have the file': {
    evidence: { multicast: multicastOf([one, another]), otherHosts: [other('10.1.0.6', true)] },
    outcome: ['warning name-conflict'],
  },
  'several hosts, one of which has no file': {
    evidence: { multicast: multicastOf([one, another]), otherHosts: [other('10.1.0.6', false)] },
    outcome: ['problem name-conflict datastoreNotFound'],
    says: 'from 10.1.0.6 no file comes',
  },
  'hosts on two bridges, which both have the file': {
    evidence: { multicast: multicastOf([one, elsewhere]), otherHosts: [other('10.2.0.5', true, BN2)] },
    outcome: ['warning several-bridges'],
  },
  'hosts on two bridges, one of which has no file': {
    evidence: { multicast: multicastOf([one, elsewhere]), otherHosts: [other('10.2.0.5', false, BN2)] },
    outcome: ['problem several-bridges datastoreNotFound'],
  },
});
