// SPDX-License-Identifier: Apache-2.0
import { a, describeCheck, heard, multicastOf, srv } from '../test-fixtures.ts';
import { instancesCheck } from './instances.ts';

describeCheck(instancesCheck, {
  'one of each service': {
    evidence: { multicast: multicastOf([heard([srv(), srv('_workstation'), a()])]) },
    outcome: 'ok',
  },
  'one twice': { evidence: { multicast: multicastOf([heard([srv(), srv(), a()])]) }, outcome: 'ok' },
  'two of a host that is not asked for': {
    evidence: {
      multicast: multicastOf([
        heard([srv(), a()]),
        heard([srv('_http', 'other.local', 'one'), srv('_http', 'other.local', 'two')]),
      ]),
    },
    outcome: 'ok',
  },
  'nothing that was asked': { evidence: { multicast: null }, outcome: 'skipped' },
  'no address': { evidence: { multicast: multicastOf([heard([srv()])]) }, outcome: 'skipped' },
  'two of one service': {
    evidence: { multicast: multicastOf([heard([srv(), srv('_http', 'other.local', 'second'), a()])]) },
    outcome: ['warning several-instances'],
    says: 'advertise one instance of _http._tcp',
  },
});
