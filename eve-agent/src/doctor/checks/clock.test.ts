// SPDX-License-Identifier: Apache-2.0
import { answered, describeCheck, failed, HEADERS, PROBED_AT_MS } from '../test-fixtures.ts';
import { clockCheck } from './clock.ts';

const at = (skewSeconds: number) => ({
  whole: answered(200, { ...HEADERS, date: new Date(PROBED_AT_MS + skewSeconds * 1000).toUTCString() }),
});

describeCheck(clockCheck, {
  'the same time': { outcome: 'ok' },
  'five minutes apart': { evidence: at(300), outcome: 'ok', says: '"skewSeconds":300' },
  'five minutes and a second ahead': {
    evidence: at(301),
    outcome: ['warning clock-skew'],
    says: '301 s ahead of this host’s',
  },
  'a day behind': { evidence: at(-86_400), outcome: ['warning clock-skew'], says: '86400 s behind' },
  'a refusal with another time': {
    evidence: { whole: answered(404, { date: new Date(0).toUTCString() }) },
    outcome: ['warning clock-skew'],
  },
  'no answer': { evidence: { whole: failed('reset') }, outcome: 'skipped' },
  'no question': { evidence: { whole: null }, outcome: 'skipped' },
  'no time': { evidence: { whole: answered(200) }, outcome: 'skipped' },
  'a time that is none': { evidence: { whole: answered(200, { date: 'now' }) }, outcome: 'skipped' },
});
