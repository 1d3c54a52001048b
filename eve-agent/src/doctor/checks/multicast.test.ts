// SPDX-License-Identifier: Apache-2.0
import type { BridgeHearing, SilentNeighbour } from '../observations.ts';
import { a, BN2, describeCheck, heard, hearingOf, multicastOf } from '../test-fixtures.ts';
import { multicastCheck } from './multicast.ts';

/** Where nothing was heard. */
const silence = (changes: Partial<BridgeHearing> = {}, portRefusal?: string) => ({
  multicast: multicastOf([], {
    hearings: [hearingOf({ heardCount: 0, ...changes })],
    ...(portRefusal !== undefined && { portRefusal }),
  }),
});
const neighbour = (changes: Partial<SilentNeighbour>): Partial<BridgeHearing> => ({
  silentNeighbours: [{ address: '10.1.0.5', isServing: false, answersUnicast: false, ...changes }],
});
const HELD = 'UDP port 5353 is held by avahi-daemon';

describeCheck(multicastCheck, {
  'messages on the bridge': { outcome: 'ok', says: '1 messages on bn1' },
  'nothing that was asked': { evidence: { multicast: null }, outcome: 'skipped' },
  'nobody at all': {
    evidence: silence(),
    outcome: ['problem nothing-heard datastoreNotFound'],
    says: 'on bn1 within 2 s',
  },
  'a neighbour that answers by unicast alone': {
    evidence: silence(neighbour({ answersUnicast: true })),
    outcome: ['problem multicast-swallowed datastoreNotFound'],
    says: '10.1.0.5 on bn1 answers a question that is sent to it alone',
  },
  'a neighbour that serves, and says nothing': {
    evidence: silence(neighbour({ isServing: true })),
    outcome: ['problem multicast-swallowed datastoreNotFound'],
    says: 'takes connections',
  },
  'a neighbour that is no datastore': {
    evidence: silence(neighbour({})),
    outcome: ['problem nothing-heard datastoreNotFound'],
  },
  'a question that may not go out': {
    evidence: silence({ sendError: 'EPERM' }),
    outcome: ['problem multicast-send-refused datastoreNotFound'],
    says: 'on bn1: EPERM',
  },
  'a question that does not come back': {
    evidence: silence({ isOwnQuestionHeard: false }),
    outcome: ['problem multicast-input-blocked datastoreNotFound'],
  },
  'a port that another program holds': {
    evidence: silence({ isOwnQuestionHeard: false }, HELD),
    outcome: ['problem mdns-port-refused datastoreNotFound', 'problem nothing-heard datastoreNotFound'],
    says: HELD,
  },
  'a port that another program holds, and a neighbour that serves': {
    evidence: silence({ isOwnQuestionHeard: false, ...neighbour({ isServing: true }) }, HELD),
    outcome: ['problem mdns-port-refused datastoreNotFound', 'problem multicast-swallowed datastoreNotFound'],
  },
  'a bridge that is silent beside one that is not': {
    evidence: {
      multicast: multicastOf([heard([a()])], {
        hearings: [hearingOf(), hearingOf({ bridge: BN2, heardCount: 0, isOwnQuestionHeard: false })],
      }),
    },
    outcome: ['warning multicast-input-blocked'],
    says: 'on bn2 not even our own question',
  },
  'answers in spite of a port that another program holds': {
    evidence: { multicast: multicastOf([heard([a()])], { portRefusal: HELD }) },
    outcome: ['warning mdns-port-refused'],
  },
});
