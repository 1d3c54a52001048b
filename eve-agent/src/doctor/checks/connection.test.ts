// SPDX-License-Identifier: Apache-2.0
import type { ConnectionEvidence } from '../observations.ts';
import { describeCheck, OF_IMAGE } from '../test-fixtures.ts';
import { connectionCheck } from './connection.ts';

const not = (kind: Exclude<ConnectionEvidence['kind'], 'open'>) => ({
  evidence: { connection: { kind, message: `it is ${kind}` } },
  outcome: [`problem connection-${kind} transferFailed`],
  says: `it is ${kind}`,
});

describeCheck(connectionCheck, {
  'an open one': { outcome: 'ok', says: '10.1.0.5 port 80 from 10.1.0.1' },
  'an open one to a host of ordinary DNS': {
    evidence: { target: { url: new URL('https://example.com/a.img'), location: null } },
    outcome: 'ok',
    says: 'example.com port 443',
  },
  'no address': { evidence: { target: null }, outcome: 'skipped' },
  'no try': { evidence: { connection: null }, outcome: 'skipped' },
  'a refused one': not('refused'),
  'no answer': not('timeout'),
  'no host': not('unreachable'),
  'any other failure': not('failed'),
  'a name that is at no address': not('unknown-host'),
  'a mirror that does not run': {
    evidence: {
      ...{ image: OF_IMAGE, connection: { kind: 'refused', message: 'ECONNREFUSED' } },
      target: { url: new URL('http://127.0.0.1:5055/v2/'), location: null },
    },
    outcome: ['problem connection-refused transferFailed'],
    says: 'eve-agent mirror',
  },
  'a registry at another port': {
    evidence: { image: OF_IMAGE, connection: { kind: 'refused', message: 'ECONNREFUSED' } },
    outcome: ['problem connection-refused transferFailed'],
    says: 'belongs to the name of the image',
  },
});
