// SPDX-License-Identifier: Apache-2.0
import { describeCheck } from '../test-fixtures.ts';
import { tlsNameCheck } from './tls-name.ts';

const certificateFor = (isForAddress: boolean, isForName: boolean) => ({
  tls: {
    certificate: {
      ...{ subject: 'CN=ds.local', issuer: 'CN=authority', subjectAltName: 'DNS:ds.local' },
      ...{ validFromMs: 0, validToMs: 1, isForAddress, isForName },
    },
    ...{ handshakeError: null, isPlain: false, chainError: null },
  },
});
const NO_CERTIFICATE = { certificate: null, handshakeError: 'reset', isPlain: false, chainError: null };

describeCheck(tlsNameCheck, {
  'a certificate for the address': {
    evidence: certificateFor(true, false),
    outcome: 'ok',
    says: 'DNS:ds.local',
  },
  'no TLS': { outcome: 'skipped' },
  'no certificate': { evidence: { tls: NO_CERTIFICATE }, outcome: 'skipped' },
  'no target': { evidence: { ...certificateFor(false, false), target: null }, outcome: 'skipped' },
  'one for the name alone': {
    evidence: certificateFor(false, true),
    outcome: ['warning certificate-name'],
    says: 'issue it with the subject alternative name IP:10.1.0.5',
  },
  'one for somebody else': {
    evidence: certificateFor(false, false),
    outcome: ['problem certificate-name transferFailed'],
    says: 'the certificate is not for 10.1.0.5',
  },
  'one for somebody else than a host of ordinary DNS': {
    evidence: {
      ...certificateFor(false, false),
      target: { url: new URL('https://example.com/a.img'), location: null },
    },
    outcome: ['problem certificate-name transferFailed'],
    says: 'issue it with example.com among its subject alternative names',
  },
});
