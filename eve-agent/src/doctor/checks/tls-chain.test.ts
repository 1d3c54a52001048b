// SPDX-License-Identifier: Apache-2.0
import type { TlsEvidence } from '../observations.ts';
import { describeCheck, GIVEN, PROBED_AT_MS } from '../test-fixtures.ts';
import { tlsChainCheck } from './tls-chain.ts';

const DAY_MS = 86_400_000;
const CERTIFICATE = {
  ...{ subject: 'CN=ds.local', issuer: 'CN=authority', subjectAltName: 'IP Address:10.1.0.5' },
  validFromMs: PROBED_AT_MS - DAY_MS,
  validToMs: PROBED_AT_MS + DAY_MS,
  isForAddress: true,
  isForName: true,
};
const tls = (changes: Partial<TlsEvidence> = {}) => ({
  tls: { certificate: CERTIFICATE, handshakeError: null, isPlain: false, chainError: null, ...changes },
});
const UNTRUSTED = tls({ chainError: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
const NO_HANDSHAKE = { certificate: null, handshakeError: 'what listens there speaks no TLS' };

describeCheck(tlsChainCheck, {
  'a chain that is trusted': {
    evidence: tls(),
    outcome: 'ok',
    says: 'CN=ds.local, valid to 2026-01-03 12:00:00 UTC',
  },
  'no TLS': { outcome: 'skipped' },
  'plain HTTP': {
    evidence: tls({ ...NO_HANDSHAKE, isPlain: true }),
    outcome: ['problem tls-handshake transferFailed'],
    says: 'for plain HTTP write http://, or let TLS be spoken on port 80',
  },
  'no handshake': {
    evidence: { ...tls({ ...NO_HANDSHAKE, handshakeError: 'no cipher in common' }), target: null },
    outcome: ['problem tls-handshake transferFailed'],
    says: 'no TLS connection: no cipher in common',
  },
  'an expired one': {
    evidence: tls({ chainError: 'CERT_HAS_EXPIRED' }),
    outcome: ['problem certificate-expired transferFailed'],
    says: 'here it is 2026-01-02 12:00:00',
  },
  'one that is not valid yet': {
    evidence: tls({ chainError: 'CERT_NOT_YET_VALID' }),
    outcome: ['problem certificate-not-yet-valid transferFailed'],
  },
  'one that is not made for this': {
    evidence: tls({ chainError: 'INVALID_PURPOSE' }),
    outcome: ['problem certificate-unsound transferFailed'],
    says: 'have it issued anew',
  },
  'one of an unknown authority': {
    evidence: UNTRUSTED,
    outcome: ['problem chain-not-trusted transferFailed'],
    says: 'name its authority with --ca',
  },
  'one of another authority than was named': {
    evidence: { ...UNTRUSTED, given: { ...GIVEN, hasCa: true } },
    outcome: ['problem chain-not-trusted transferFailed'],
    says: 'does not lead to the authority of --ca',
  },
});
