// SPDX-License-Identifier: Apache-2.0
import { answered, describeCheck, failed, PART_HEADERS } from '../test-fixtures.ts';
import { acceptRangesCheck } from './accept-ranges.ts';

const { 'accept-ranges': _, ...WITHOUT } = PART_HEADERS;

describeCheck(acceptRangesCheck, {
  'the field on the 206': { outcome: 'ok' },
  'no part that was asked for': { evidence: { part: null }, outcome: 'skipped' },
  'a part that nobody answered': { evidence: { part: failed('reset') }, outcome: 'skipped' },
  'the whole in place of the part': { evidence: { part: answered(200, WITHOUT) }, outcome: 'skipped' },
  'a 206 without it': {
    evidence: { part: answered(206, { ...WITHOUT, server: 'nginx/1.22' }, 50) },
    outcome: ['warning accept-ranges-missing'],
    says: 'add_header Accept-Ranges bytes;',
  },
  'a 206 that says none': {
    evidence: { part: answered(206, { ...WITHOUT, 'accept-ranges': 'none' }, 50) },
    outcome: ['warning accept-ranges-missing'],
    says: 'none',
  },
});
