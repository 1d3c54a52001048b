// SPDX-License-Identifier: Apache-2.0
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { answered, describeCheck, failed, GIVEN, HEADERS, OF_IMAGE } from '../test-fixtures.ts';
import { digestCheck } from './digest.ts';

const [RIGHT, OTHER] = ['a'.repeat(64), 'b'.repeat(64)];
const LONG = 'c'.repeat(128);
const stating = (sha256: string) => answered(200, { ...HEADERS, etag: `"sha256:${sha256}"` });
const read = (sha256: string) => ({ kind: 'read', sizeBytes: 100, digest: digestOfHex(sha256) }) as const;

describeCheck(digestCheck, {
  'one that the datastore states': {
    evidence: { whole: stating(RIGHT) },
    outcome: 'ok',
    says: `${RIGHT}, as the datastore states`,
  },
  'one that was given, and is stated': {
    evidence: { whole: stating(RIGHT), given: { ...GIVEN, digest: digestOfHex(RIGHT) } },
    outcome: 'ok',
  },
  'one that was read, and is stated': {
    evidence: { whole: stating(RIGHT), wholeFile: read(RIGHT) },
    outcome: 'ok',
    says: `${RIGHT}, as read`,
  },
  'one that was read where none is stated': { evidence: { wholeFile: read(RIGHT) }, outcome: 'ok' },
  'none that is stated': { outcome: 'skipped', says: 'add --full' },
  'no file': { evidence: { whole: answered(404) }, outcome: 'skipped' },
  'another than was given, as stated': {
    evidence: { whole: stating(OTHER), given: { ...GIVEN, digest: digestOfHex(RIGHT) } },
    outcome: ['problem digest-mismatch contentMismatch'],
    says: `${RIGHT} of --sha256`,
  },
  'another than was given, as read': {
    evidence: { wholeFile: read(OTHER), given: { ...GIVEN, digest: digestOfHex(RIGHT) } },
    outcome: ['problem digest-mismatch contentMismatch'],
    says: `sha256 ${OTHER}, as read`,
  },
  'another than is stated': {
    evidence: { whole: stating(RIGHT), wholeFile: read(OTHER) },
    outcome: ['problem digest-mismatch contentMismatch'],
    says: `${RIGHT} that the datastore states`,
  },
  'a file of another size': {
    evidence: { wholeFile: failed('too short', 'SIZE_MISMATCH') },
    outcome: ['problem size-mismatch contentMismatch'],
  },
  'a file that breaks off': {
    evidence: { wholeFile: failed('reset') },
    outcome: ['problem file-broke-off transferFailed'],
    says: 'could not be read to its end: reset',
  },
  'a damaged blob of an image': {
    evidence: { image: OF_IMAGE, wholeFile: read(OTHER), given: { ...GIVEN, digest: digestOfHex(RIGHT) } },
    outcome: ['problem digest-mismatch contentMismatch'],
    says: `the largest blob has sha256 ${OTHER}, as read, not ${RIGHT} by which the manifest names it`,
  },
  'a blob of another size': {
    evidence: { image: OF_IMAGE, wholeFile: failed('too short', 'SIZE_MISMATCH') },
    outcome: ['problem size-mismatch contentMismatch'],
    says: 'push the image again',
  },
  'a blob by sha512, of which a sha256 is stated': {
    evidence: { image: OF_IMAGE, whole: stating(OTHER), given: { ...GIVEN, digest: digestOfHex(LONG) } },
    outcome: 'skipped',
  },
  'a blob by sha512 that was read': {
    evidence: {
      ...{ image: OF_IMAGE, whole: stating(OTHER), given: { ...GIVEN, digest: digestOfHex(LONG) } },
      wholeFile: read(LONG),
    },
    outcome: 'ok',
    says: `sha512 ${LONG}, as read`,
  },
});
