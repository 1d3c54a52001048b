// SPDX-License-Identifier: Apache-2.0
import { a, describeCheck, heard, multicastOf, srv } from '../test-fixtures.ts';
import { substringCheck } from './substring.ts';

const beside = (name: string) => ({
  multicast: multicastOf([heard([srv(), a()]), heard([srv('_http', name)], { source: '10.1.0.9' })]),
});

describeCheck(substringCheck, {
  'the host alone': { outcome: 'ok', says: 'none' },
  'the host in another case': { evidence: beside('DS.local'), outcome: 'ok' },
  'a name that does not hold it': { evidence: beside('printer.local'), outcome: 'ok' },
  'nothing that was asked': { evidence: { multicast: null }, outcome: 'skipped' },
  'a name that holds it': {
    evidence: beside('my-ds.local'),
    outcome: ['warning substring-trap'],
    says: 'takes my-ds.local for ds.local',
  },
});
