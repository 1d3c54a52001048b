import { sizeText } from '@local-datastore/shared/text/quantities';
import { type Check, problem, skipped } from '../check.ts';
import type { Failure } from '../failure.ts';

const ADVICE: Readonly<Record<string, string>> = {
  IMAGE_NOT_FOUND: 'compare name and tag with those that the registry has: GET /v2/NAME/tags/list',
  PLATFORM_NOT_FOUND: 'choose one of those with --platform, or push the image for this one as well',
  ACCESS_DENIED: 'give a credential that may pull with --auth "Basic …" or "Bearer …"',
  MANIFEST_INVALID: 'see that a registry listens on this port, and push the image again',
  DIGEST_MISMATCH:
    'push the image again: what is stored there is damaged, or something on the way changes it',
  SIZE_MISMATCH: 'see what answers there: no manifest is so large',
  REDIRECT_REFUSED: 'let the registry answer itself',
};
const LAST_ADVICE = 'see the registry’s log';
const MISMATCHES = new Set(['DIGEST_MISMATCH', 'SIZE_MISMATCH']);

/** What a registry says of an image: challenge, token, index and manifest. */
export const imageCheck: Check = {
  id: 'image',
  title: 'Image',
  judge({ image }) {
    if (image === null) return skipped('no image was asked for');
    const { outcome } = image;
    if (outcome === null) return skipped('no registry to ask');
    if (outcome.kind === 'failed') {
      const { code, message } = outcome;
      const failure: Failure = code !== null && MISMATCHES.has(code) ? 'contentMismatch' : 'transferFailed';
      const kind = (code ?? 'FAILED')
        .replace(/^IMAGE_/, '')
        .toLowerCase()
        .replaceAll('_', '-');
      return {
        summary: image.name,
        findings: [problem(failure, `image-${kind}`, message, ADVICE[code ?? ''] ?? LAST_ADVICE)],
      };
    }
    const { digest, manifestDigest, platform, blobs, sizeBytes } = outcome;
    return {
      summary: `${digest}, ${platform ?? 'no platform stated'}, ${sizeText(sizeBytes)} in ${blobs} blobs`,
      facts: { digest, manifestDigest, platform, blobs, sizeBytes },
    };
  },
};
