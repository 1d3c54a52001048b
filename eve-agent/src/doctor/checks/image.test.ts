import { describeCheck } from '../test-fixtures.ts';
import { imageCheck } from './image.ts';

const imageOf = (outcome: object | null) =>
  ({ image: { name: 'ds.local/a:1', outcome: outcome as never } }) as const;
const failed = (code: string) => imageOf({ kind: 'failed', code, message: `what is wrong with it: ${code}` });

describeCheck(imageCheck, {
  'a file': { outcome: 'skipped' },
  'a registry that is not found': { evidence: imageOf(null), outcome: 'skipped' },
  'an image': {
    evidence: imageOf({
      ...{ kind: 'resolved', digest: 'sha256:aa', manifestDigest: 'sha256:bb', platform: 'linux/amd64' },
      ...{ blobs: 3, sizeBytes: 2048 },
    }),
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
  'no such tag': {
    evidence: failed('IMAGE_NOT_FOUND'),
    outcome: ['problem image-not-found transferFailed'],
    says: 'tags/list',
  },
  'another platform': {
    evidence: failed('PLATFORM_NOT_FOUND'),
    outcome: ['problem image-platform-not-found transferFailed'],
    says: '--platform',
  },
  'a private image': {
    evidence: failed('ACCESS_DENIED'),
    outcome: ['problem image-access-denied transferFailed'],
    says: '--auth',
  },
  'a damaged manifest': {
    evidence: failed('DIGEST_MISMATCH'),
    outcome: ['problem image-digest-mismatch contentMismatch'],
    says: 'push the image again',
  },
  'a registry that breaks off': {
    evidence: failed('CONNECTION_LOST'),
    outcome: ['problem image-connection-lost transferFailed'],
    says: 'log',
  },
});
