// SPDX-License-Identifier: Apache-2.0
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { answered, describeCheck, GIVEN, HEADERS } from '../test-fixtures.ts';
import { compressionCheck } from './compression.ts';

const coded = (coding: string, more: Record<string, string> = {}) => ({
  whole: answered(200, { ...HEADERS, 'content-encoding': coding, ...more }),
});

describeCheck(compressionCheck, {
  'the file as it is': { outcome: 'ok', says: 'none' },
  'no file': { evidence: { whole: answered(404) }, outcome: 'skipped' },
  'no answer': { evidence: { whole: null }, outcome: 'skipped' },
  'a label that changes no byte': { evidence: coded('binary'), outcome: 'ok', says: 'labelled "binary"' },
  'a coding where a digest will tell': {
    evidence: { ...coded('gzip'), given: { ...GIVEN, digest: digestOfHex('f'.repeat(64)) } },
    outcome: 'ok',
    says: 'labelled "gzip"',
  },
  'a coding of the way': {
    evidence: coded('gzip', { server: 'nginx' }),
    outcome: ['problem compressed transferFailed'],
    says: 'turn it off for images: "gzip off;"',
  },
});
