// SPDX-License-Identifier: Apache-2.0
import type { BridgeSelection, LinkState } from '../observations.ts';
import { describeCheck } from '../test-fixtures.ts';
import { bridgesCheck } from './bridges.ts';

const NONE: BridgeSelection = { kind: 'none', message: 'no bridge has an address. Name one' };
const link = (changes: Partial<LinkState>): LinkState => ({
  ...{ name: 'bn7', isBridge: true, isUp: true, hasCarrier: true, ipv4: ['10.7.0.1/24'], ...changes },
});

describeCheck(bridgesCheck, {
  'a bridge to ask on': { outcome: 'ok', says: 'bn1 (10.1.0.1/24)' },
  'a host that needs none': { evidence: { bridges: { kind: 'not-needed' } }, outcome: 'skipped' },
  'a system without ip': { evidence: { links: null }, outcome: 'ok' },
  'an interface that is no bridge': {
    evidence: { links: [link({ isBridge: false, isUp: false })] },
    outcome: 'ok',
  },
  'another bridge that is down': {
    evidence: { links: [link({ isUp: false })] },
    outcome: ['warning bridge-down'],
    says: 'ip link set bn7 up',
  },
  'other bridges without an address or a port': {
    evidence: { links: [link({ ipv4: [] }), link({ hasCarrier: false })] },
    outcome: ['warning bridge-without-ipv4', 'warning bridge-without-ports'],
  },
  'none at all': {
    evidence: { links: [], bridges: NONE },
    outcome: ['problem no-bridge usage'],
    says: 'no bridge has an address; stock EVE',
  },
  'none, as the only one is down': {
    evidence: { links: [link({ isUp: false })], bridges: NONE },
    outcome: ['problem bridge-down usage'],
  },
  'none, as the only one has no address': {
    evidence: { links: [link({ ipv4: [] })], bridges: NONE },
    outcome: ['problem bridge-without-ipv4 usage'],
  },
  'none, as the only one has no port': {
    evidence: { links: [link({ hasCarrier: false })], bridges: NONE },
    outcome: ['problem bridge-without-ports usage'],
  },
});
