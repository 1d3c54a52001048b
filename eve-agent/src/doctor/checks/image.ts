// SPDX-License-Identifier: Apache-2.0
import { isLocalHost } from '@local-datastore/shared/dns-sd/host-name';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { sizeText } from '@local-datastore/shared/text/quantities';
import { type Check, problem, skipped } from '../check.ts';
import type { Evidence } from '../evidence.ts';
import type { Failure } from '../failure.ts';
import { nearestText } from '../nearest-text.ts';
import type { ImageOutcome } from '../observations.ts';
import { isTlsWrong } from '../tls-verdict.ts';

type Failed = Extract<ImageOutcome, { kind: 'failed' }>;
type Asked = NonNullable<Evidence['image']>;

const CREDENTIAL = 'with --auth "Basic …" or --registry-auth';
const ADVICE: Readonly<Record<string, string>> = {
  PLATFORM_NOT_FOUND: 'choose one of those with --platform, or push the image for this one as well',
  MANIFEST_INVALID: 'see that a registry listens on this port, and push the image again',
  DIGEST_MISMATCH:
    'push the image again: what is stored there is damaged, or something on the way changes it',
  SIZE_MISMATCH: 'see what answers there: no manifest is so large',
  REDIRECT_REFUSED: 'let the registry answer itself',
};
const LAST_ADVICE = 'see the registry’s log';
const MISMATCHES = new Set(['DIGEST_MISMATCH', 'SIZE_MISMATCH']);

/** The image by its own name, where a mirror on this host was asked for it; undefined: it was no mirror. */
function behindMirror({ name, repository }: Asked, { form }: Evidence): string | undefined {
  const [host = ''] = repository.split('/');
  const isMirrored = form.hostKind !== 'local' && isLocalHost(host.replace(/_\d{1,5}$/, ''));
  return isMirrored
    ? `docker://${name.slice(name.indexOf('/') + 1).replace(/_(\d{1,5}\/)/, ':$1')}`
    : undefined;
}

function adviceOnMissing({ tags }: Failed, image: Asked): string {
  if (tags === null && image.tag === null) return 'compare name and digest with those that the registry has';
  if (tags === null)
    return 'compare the name with those that the registry has; it lists no tags for this one';
  if (tags.length === 0) return 'push it: the repository is there, and has no tags';
  const nearest = nearestText(image.tag ?? '', tags);
  const there = `the repository has ${tags.map((tag) => printableText(tag)).join(', ')}`;
  return nearest === undefined ? there : `did you mean the tag ${printableText(nearest)}? ${there}`;
}

function adviceFor(failed: Failed, image: Asked, evidence: Evidence): string {
  const { code, statusCode, speaksTls } = failed;
  if (speaksTls) {
    return 'TLS is spoken on this port: say --scheme https, or --ca with the registry’s authority';
  }
  const mirrored = behindMirror(image, evidence);
  if (mirrored !== undefined && (code === 'IMAGE_NOT_FOUND' || code === 'HTTP_STATUS')) {
    return `this is a mirror: ask where it has it from, eve-agent doctor ${printableText(mirrored)}`;
  }
  if (code === 'IMAGE_NOT_FOUND') return adviceOnMissing(failed, image);
  if (code !== 'ACCESS_DENIED') return ADVICE[code ?? ''] ?? LAST_ADVICE;
  if (!evidence.given.hasAuthorization) return `give a credential that may pull it ${CREDENTIAL}`;
  if (statusCode !== 403) return `give another credential, which may pull it, ${CREDENTIAL}`;
  return `let the registry grant that user to pull it, or give another credential ${CREDENTIAL}`;
}

/** What a registry says of an image: challenge, token, index and manifest. */
export const imageCheck: Check = {
  id: 'image',
  title: 'Image',
  judge(evidence) {
    const { image } = evidence;
    if (image === null) return skipped('no image was asked for');
    const { outcome } = image;
    if (outcome === null) return skipped('no registry to ask');
    if (outcome.kind === 'failed') {
      const { code, message } = outcome;
      if (code === 'CONNECTION_FAILED' && isTlsWrong(evidence)) return skipped('no TLS connection to ask by');
      const failure: Failure = code !== null && MISMATCHES.has(code) ? 'contentMismatch' : 'transferFailed';
      const kind = outcome.speaksTls
        ? 'tls-spoken'
        : (code ?? 'FAILED')
            .replace(/^IMAGE_/, '')
            .toLowerCase()
            .replaceAll('_', '-');
      return {
        summary: image.name,
        findings: [problem(failure, `image-${kind}`, message, adviceFor(outcome, image, evidence))],
      };
    }
    const { digest, manifestDigest, platform, blobs, sizeBytes } = outcome;
    return {
      summary: `${digest}, ${platform ?? 'no platform stated'}, ${sizeText(sizeBytes)} in ${blobs} blobs`,
      facts: { digest, manifestDigest, platform, blobs, sizeBytes },
    };
  },
};
