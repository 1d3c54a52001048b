// SPDX-License-Identifier: Apache-2.0
import { a, describeCheck, heard, multicastOf, srv } from '../test-fixtures.ts';
import { readUrlForm } from '../url-form.ts';
import { nameCaseCheck } from './name-case.ts';

const DIFFERS = { multicast: multicastOf([heard([srv('_http', 'DS.local'), a()])]) };

describeCheck(nameCaseCheck, {
  'the name as it is written': { outcome: 'ok', says: '"ds.local" as the datastore writes it' },
  'the name with its root': { evidence: { form: readUrlForm('http://ds.local./a.img') }, outcome: 'ok' },
  'the same other case in the URL': {
    evidence: { ...DIFFERS, form: readUrlForm('http://DS.local/a.img') },
    outcome: 'ok',
  },
  'nothing that was asked': { evidence: { multicast: null }, outcome: 'skipped' },
  'no service of the host': {
    evidence: { multicast: multicastOf([heard([a(), srv('_http', 'other.local')])]) },
    outcome: 'skipped',
  },
  'another case': { evidence: DIFFERS, outcome: ['warning name-case'], says: 'register http://DS.local' },
});
