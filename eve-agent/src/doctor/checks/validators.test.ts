// SPDX-License-Identifier: Apache-2.0
import { answered, describeCheck, HEADERS, PART_HEADERS } from '../test-fixtures.ts';
import { validatorsCheck } from './validators.ts';

const { etag: _, ...NO_ETAG } = HEADERS;
const OLD = 'Thu, 01 Jan 2026 00:00:00 GMT';
const DATED = { ...NO_ETAG, 'last-modified': OLD };

describeCheck(validatorsCheck, {
  'a strong ETag': { outcome: 'ok', says: '"one"' },
  'a date that is old enough': {
    evidence: { whole: answered(200, DATED), part: null },
    outcome: 'ok',
    says: OLD,
  },
  'no file': { evidence: { whole: answered(404) }, outcome: 'skipped' },
  'no answer': { evidence: { whole: null }, outcome: 'skipped' },
  'another ETag on the part': {
    evidence: { part: answered(206, { ...PART_HEADERS, etag: '"two"' }, 50) },
    outcome: ['warning validators-unstable'],
    says: 'ETag differs',
  },
  'another date on the part': {
    evidence: {
      whole: answered(200, DATED),
      part: answered(206, { ...DATED, 'last-modified': 'Fri, 02 Jan 2026 00:00:00 GMT' }, 50),
    },
    outcome: ['warning validators-unstable'],
    says: 'Last-Modified differs',
  },
  'a refusal of the part, which says nothing of the file': {
    evidence: { part: answered(404, { etag: '"error page"' }, 50) },
    outcome: 'ok',
  },
  neither: { evidence: { whole: answered(200, NO_ETAG) }, outcome: ['warning no-validator'] },
  'a weak ETag alone': {
    evidence: { whole: answered(200, { ...NO_ETAG, etag: 'W/"one"' }) },
    outcome: ['warning no-validator'],
  },
  'a date of this very second': {
    evidence: { whole: answered(200, { ...NO_ETAG, 'last-modified': HEADERS.date }), part: null },
    outcome: ['warning no-validator'],
  },
});
