// SPDX-License-Identifier: Apache-2.0
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { answered, describeCheck, GIVEN } from '../test-fixtures.ts';
import { sizeCheck } from './size.ts';

const given = (sizeBytes: number) => ({ given: { ...GIVEN, sizeBytes } });
const wholeFile = { kind: 'read', sizeBytes: 99, digest: digestOfHex('a'.repeat(64)) } as const;

describeCheck(sizeCheck, {
  'a stated one': { outcome: 'ok', says: '100 bytes: for EVE, maxSizeBytes' },
  'the given one': { evidence: given(100), outcome: 'ok', says: 'as given' },
  'the given one, as read': { evidence: { ...given(99), wholeFile }, outcome: 'ok', says: 'as given' },
  'no file': { evidence: { whole: answered(404) }, outcome: 'skipped' },
  'one byte off': {
    evidence: given(101),
    outcome: ['problem size-mismatch contentMismatch'],
    says: 'the file has 100 bytes, not the 101',
  },
  'one byte off, as read': {
    evidence: { ...given(100), wholeFile },
    outcome: ['problem size-mismatch contentMismatch'],
  },
  'none that is stated': { evidence: { whole: answered(200) }, outcome: ['warning size-unknown'] },
});
