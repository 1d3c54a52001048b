// SPDX-License-Identifier: Apache-2.0
import type { TlsEvidence } from '../observations.ts';
import { answered, describeCheck, failed, GIVEN, HEADERS, OF_IMAGE } from '../test-fixtures.ts';
import { httpStatusCheck } from './http-status.ts';

const status = (statusCode: number, says: string) => ({
  evidence: { whole: answered(statusCode) },
  outcome: ['problem http-status transferFailed'],
  says,
});
const NO_HANDSHAKE: TlsEvidence = {
  ...{ certificate: null, handshakeError: 'no cipher', isPlain: false, chainError: null },
};
const ELSEWHERE = 'http://other.local/a.img';

describeCheck(httpStatusCheck, {
  'the file': { outcome: 'ok', says: '200' },
  'no question': { evidence: { whole: null }, outcome: 'skipped' },
  'no answer': {
    evidence: { whole: failed('reset') },
    outcome: ['problem http-no-answer transferFailed'],
    says: 'see that an HTTP server listens',
  },
  'what is no HTTP': {
    evidence: { whole: failed('no head', 'RESPONSE_INVALID') },
    outcome: ['problem response-invalid transferFailed'],
    says: 'it breaks the rules of HTTP',
  },
  'no answer for want of TLS, of which another check speaks': {
    evidence: { whole: failed('no TLS'), tls: NO_HANDSHAKE },
    outcome: 'ok',
  },
  'a path that is not there': status(404, 'compare the path'),
  'a credential that is wanted': status(401, 'give the credential with --auth'),
  'a fault of the datastore': status(500, 'see the datastore’s log'),
  'any other refusal': status(405, 'see what the web server is configured to do'),
  'a credential that is refused': {
    evidence: { whole: answered(403), given: { ...GIVEN, hasAuthorization: true } },
    outcome: ['problem http-status transferFailed'],
    says: 'give another credential',
  },
  'a part that nobody asked for': {
    evidence: { whole: answered(206, HEADERS) },
    outcome: ['problem response-invalid transferFailed'],
  },
  'a length that is none': {
    evidence: { whole: answered(200, { 'content-length': 'all' }) },
    outcome: ['problem response-invalid transferFailed'],
  },
  'no length': { evidence: { whole: answered(200) }, outcome: ['problem end-unknown transferFailed'] },
  'a coding, of which another check speaks': {
    evidence: { whole: answered(200, { ...HEADERS, 'content-encoding': 'gzip' }) },
    outcome: 'ok',
  },
  'a redirect that was followed': {
    evidence: { followed: [ELSEWHERE] },
    outcome: ['warning redirected'],
    says: ELSEWHERE,
  },
  'several redirects that were followed': {
    evidence: { followed: ['http://ds.local/b.img', ELSEWHERE] },
    outcome: ['warning redirected'],
    says: `in 2 steps to ${ELSEWHERE}`,
  },
  'a redirect that is not followed': {
    evidence: {
      whole: answered(302, { location: ELSEWHERE }),
      refusedRedirect: { location: ELSEWHERE, why: 'it leads to another host' },
    },
    outcome: ['problem redirect transferFailed'],
    says: 'it leads to another host',
  },
  'a redirect to a host that is not found': {
    evidence: { whole: failed('not found', 'DATASTORE_NOT_FOUND'), followed: [ELSEWHERE] },
    outcome: ['problem redirect transferFailed'],
    says: `leads away to ${ELSEWHERE}`,
  },
  'a blob that the registry has lost': {
    evidence: { image: OF_IMAGE, whole: answered(404) },
    outcome: ['problem http-status transferFailed'],
    says: 'push the image again',
  },
  'a blob that is for others': {
    evidence: { image: OF_IMAGE, whole: answered(401) },
    outcome: ['problem http-status transferFailed'],
    says: 'give a credential that may pull',
  },
  'a blob that a store refuses to which it was led': {
    evidence: { image: OF_IMAGE, whole: answered(403), followed: [ELSEWHERE] },
    outcome: ['problem http-status transferFailed'],
    says: 'a clock is wrong',
  },
  'a blob that came from elsewhere': { evidence: { image: OF_IMAGE, followed: [ELSEWHERE] }, outcome: 'ok' },
  'a blob to which a redirect is not followed': {
    evidence: {
      ...{ image: OF_IMAGE, whole: answered(307, { location: ELSEWHERE }) },
      refusedRedirect: { location: ELSEWHERE, why: 'it leads to another host' },
    },
    outcome: ['problem redirect transferFailed'],
    says: 'storage.redirect.disable',
  },
});
