// SPDX-License-Identifier: Apache-2.0
import { answered, describeCheck, failed, HEADERS, PART_HEADERS } from '../test-fixtures.ts';
import { rangesCheck } from './ranges.ts';

const part = (statusCode: number, headers: Record<string, string> = {}) => ({
  part: answered(statusCode, headers, 50),
});
const { 'accept-ranges': _, ...SILENT } = HEADERS;

describeCheck(rangesCheck, {
  'the part': { outcome: 'ok', says: '206 for bytes 50 and on' },
  'no question for a part': { evidence: { part: null }, outcome: 'skipped' },
  'no file': { evidence: { whole: answered(404) }, outcome: 'skipped' },
  'the whole, as it is another file by now': {
    evidence: part(200, { ...HEADERS, etag: '"two"' }),
    outcome: 'ok',
  },
  'the whole, although ranges are promised': {
    evidence: part(200, HEADERS),
    outcome: ['warning range-ignored'],
  },
  'the whole, and no promise': {
    evidence: { whole: answered(200, SILENT), ...part(200, SILENT) },
    outcome: ['warning no-ranges'],
    says: 'bad response code: 200',
  },
  'another part': {
    evidence: part(206, { ...PART_HEADERS, 'content-range': 'bytes 0-49/100' }),
    outcome: ['warning content-range-wrong'],
    says: 'got "bytes 0-49/100"',
  },
  'a part that does not say which': {
    evidence: part(206, HEADERS),
    outcome: ['warning content-range-wrong'],
  },
  'a refusal of the range alone': {
    evidence: part(403),
    outcome: ['warning range-refused'],
    says: 'status 403 to a request for a later part: an interrupted download asks once for the whole',
  },
  'a refusal of the file': { evidence: part(404), outcome: ['warning range-refused'], says: 'status 404' },
  'a redirect': {
    evidence: part(302, { location: 'http://other.local/' }),
    outcome: ['warning range-refused'],
    says: 'status 302',
  },
  'a range that ends before it begins': {
    evidence: part(416, { 'content-range': 'bytes */50' }),
    outcome: ['warning content-range-wrong'],
  },
  'no answer': {
    evidence: { part: failed('reset') },
    outcome: ['warning range-no-answer'],
    says: 'no answer to a range: reset',
  },
});
