// SPDX-License-Identifier: Apache-2.0
import type { Evidence } from '../evidence.ts';
import type { ImageOutcome } from '../observations.ts';
import { describeCheck, GIVEN, OF_IMAGE } from '../test-fixtures.ts';
import { readUrlForm } from '../url-form.ts';
import { imageCheck } from './image.ts';

type Failed = Extract<ImageOutcome, { kind: 'failed' }>;

const imageOf = (outcome: ImageOutcome | null, more: Partial<Evidence['image']> = {}) => ({
  image: { ...OF_IMAGE, outcome, ...more },
});
const failed = (code: string, more: Partial<Failed> = {}): Failed => ({
  ...{ kind: 'failed', code, message: `what is wrong with it: ${code}` },
  ...{ statusCode: null, tags: null, speaksTls: false },
  ...more,
});
const missing = (tags: readonly string[] | null) => imageOf(failed('IMAGE_NOT_FOUND', { tags }));
const NOT_FOUND = ['problem image-not-found transferFailed'];
const DENIED = ['problem image-access-denied transferFailed'];
const mirrored = (repository: string, code = 'IMAGE_NOT_FOUND') => ({
  ...imageOf(failed(code), { repository, name: `127.0.0.1:5055/${repository}:1` }),
  form: readUrlForm('http://127.0.0.1:5055/v2/'),
});
const CERTIFICATE = {
  ...{ subject: '', issuer: '', subjectAltName: '', validFromMs: 0, validToMs: 1 },
  ...{ isForAddress: true, isForName: true },
};
const TLS = { certificate: CERTIFICATE, handshakeError: null, isPlain: false, chainError: null };

describeCheck(imageCheck, {
  'a file': { outcome: 'skipped' },
  'a registry that is not found': { evidence: imageOf(null), outcome: 'skipped' },
  'an image': {
    evidence: imageOf(OF_IMAGE.outcome),
    outcome: 'ok',
    says: 'sha256:aa, linux/amd64, 2 KiB in 3 blobs',
  },
  'an artifact': {
    evidence: imageOf({
      ...{ kind: 'resolved', digest: 'sha256:aa', manifestDigest: 'sha256:aa', platform: null },
      ...{ blobs: 1, sizeBytes: 1 },
    }),
    outcome: 'ok',
    says: 'no platform stated',
  },
  'a tag that is like another': {
    evidence: missing(['2', 'latest', '1.0']),
    outcome: NOT_FOUND,
    says: 'did you mean the tag 1.0? the repository has 2, latest, 1.0',
  },
  'a tag like no other': {
    evidence: missing(['stable', 'latest']),
    outcome: NOT_FOUND,
    says: 'the repository has stable, latest',
  },
  'a repository without tags': { evidence: missing([]), outcome: NOT_FOUND, says: 'push it' },
  'a repository that is not there': {
    evidence: missing(null),
    outcome: NOT_FOUND,
    says: 'compare the name with those that the registry has',
  },
  'a digest that is not there': {
    evidence: imageOf(failed('IMAGE_NOT_FOUND'), { tag: null }),
    outcome: NOT_FOUND,
    says: 'compare name and digest',
  },
  'an image that a mirror does not find': {
    evidence: mirrored('ds.local/group/app'),
    outcome: NOT_FOUND,
    says: 'eve-agent doctor docker://ds.local/group/app:1',
  },
  'an image that a mirror does not reach, of a datastore at another port': {
    evidence: mirrored('ds.local_8080/app', 'HTTP_STATUS'),
    outcome: ['problem image-http-status transferFailed'],
    says: 'eve-agent doctor docker://ds.local:8080/app:1',
  },
  'an image of a registry at an address': {
    evidence: mirrored('group/app'),
    outcome: NOT_FOUND,
    says: 'compare the name',
  },
  'another platform': {
    evidence: imageOf(failed('PLATFORM_NOT_FOUND')),
    outcome: ['problem image-platform-not-found transferFailed'],
    says: '--platform',
  },
  'a private image': {
    evidence: imageOf(failed('ACCESS_DENIED', { statusCode: 401 })),
    outcome: DENIED,
    says: 'give a credential that may pull it with --auth "Basic …" or --registry-auth',
  },
  'a wrong password': {
    evidence: {
      ...imageOf(failed('ACCESS_DENIED', { statusCode: 401 })),
      given: { ...GIVEN, hasAuthorization: true },
    },
    outcome: DENIED,
    says: 'give another credential',
  },
  'a user who may not': {
    evidence: {
      ...imageOf(failed('ACCESS_DENIED', { statusCode: 403 })),
      given: { ...GIVEN, hasAuthorization: true },
    },
    outcome: DENIED,
    says: 'let the registry grant that user',
  },
  'a damaged manifest': {
    evidence: imageOf(failed('DIGEST_MISMATCH')),
    outcome: ['problem image-digest-mismatch contentMismatch'],
    says: 'push the image again',
  },
  'a registry that breaks off': {
    evidence: imageOf(failed('CONNECTION_LOST')),
    outcome: ['problem image-connection-lost transferFailed'],
    says: 'log',
  },
  'a registry that speaks TLS there': {
    evidence: imageOf(failed('CONNECTION_LOST', { speaksTls: true })),
    outcome: ['problem image-tls-spoken transferFailed'],
    says: '--scheme https',
  },
  'no TLS, of which another check speaks': {
    evidence: { ...imageOf(failed('CONNECTION_FAILED')), tls: { ...TLS, chainError: 'UNKNOWN' } },
    outcome: 'skipped',
  },
  'a certificate of another, of which another check speaks': {
    evidence: {
      ...imageOf(failed('CONNECTION_FAILED')),
      tls: { ...TLS, certificate: { ...CERTIFICATE, isForAddress: false, isForName: false } },
    },
    outcome: 'skipped',
  },
  'a failure behind sound TLS': {
    evidence: {
      ...imageOf(failed('CONNECTION_FAILED')),
      tls: { ...TLS, certificate: { ...CERTIFICATE, isForAddress: false } },
    },
    outcome: ['problem image-connection-failed transferFailed'],
  },
});
