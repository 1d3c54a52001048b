// SPDX-License-Identifier: Apache-2.0
import { a, describeCheck, heard, multicastOf } from '../test-fixtures.ts';
import { strictParserCheck } from './strict-parser.ts';

const DISCARDED = { wire: 'a name runs past the end' };

describeCheck(strictParserCheck, {
  'messages that can be read': { outcome: 'ok', says: '1 of 1 can be read' },
  'nothing that was asked': { evidence: { multicast: null }, outcome: 'skipped' },
  nobody: { evidence: { multicast: multicastOf([]) }, outcome: 'skipped' },
  'one of another host that cannot': {
    evidence: { multicast: multicastOf([heard([a('10.1.0.9', 'other.local')], DISCARDED)]) },
    outcome: 'ok',
    says: '0 of 1 can be read',
  },
  'the host’s, time and again': {
    evidence: { multicast: multicastOf([heard([a()], DISCARDED), heard([a()], DISCARDED)]) },
    outcome: ['warning message-discarded'],
    says: 'discards a whole message of 10.1.0.5: a name runs past the end',
  },
  'one that nobody can read': {
    evidence: { multicast: multicastOf([heard([], { ...DISCARDED, message: null })]) },
    outcome: ['warning message-discarded'],
  },
  'an NSEC record without types': {
    evidence: {
      multicast: multicastOf([heard([a()], { wire: 'an NSEC record has a window block of 0 bytes' })]),
    },
    outcome: ['warning nsec-empty-bitmap'],
  },
});
