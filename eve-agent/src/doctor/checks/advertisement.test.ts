// SPDX-License-Identifier: Apache-2.0
import { a, describeCheck, heard, multicastOf, srv } from '../test-fixtures.ts';
import { advertisementCheck } from './advertisement.ts';

describeCheck(advertisementCheck, {
  'a service, and the address beside it': { outcome: 'ok', says: '_http._tcp' },
  'nothing that was asked': { evidence: { multicast: null }, outcome: 'skipped' },
  'no address': { evidence: { multicast: multicastOf([heard([srv()])]) }, outcome: 'skipped' },
  'an address without a service': {
    evidence: { multicast: multicastOf([heard([a()])]) },
    outcome: ['warning no-service'],
  },
  'a service that EVE does not look for': {
    evidence: { multicast: multicastOf([heard([srv('_ipp'), a()])]) },
    outcome: ['warning no-service'],
  },
  'the address in another message': {
    evidence: { multicast: multicastOf([heard([srv()]), heard([a()])]) },
    outcome: ['warning address-in-other-packet'],
  },
  'the address under the name in another case': {
    evidence: { multicast: multicastOf([heard([srv('_http', 'DS.local'), a()])]) },
    outcome: ['warning address-in-other-packet'],
  },
  'a service type in another case': {
    evidence: { multicast: multicastOf([heard([srv('_HTTP'), a()])]) },
    outcome: ['warning service-type-case'],
    says: 'advertise it as _http._tcp.local',
  },
});
