// SPDX-License-Identifier: Apache-2.0
import { digestOfHex } from '@local-datastore/shared/oci/digest';
import { printableText } from '@local-datastore/shared/text/printable-text';
import { type Check, type Finding, problem, skipped, warning } from '../check.ts';
import type { Evidence } from '../evidence.ts';
import { type Answered, judgeWhole, refusedCoding } from '../file-answer.ts';
import { isTlsWrong } from '../tls-verdict.ts';

function adviceForBlob(statusCode: number, { followed, given }: Evidence): string {
  if (followed.length > 0) {
    return 'see the log of the store that the registry leads to: it may have lost the blob, or a clock is wrong, by which the URL was signed';
  }
  if (statusCode === 401 || statusCode === 403) {
    const which = given.hasAuthorization ? 'another credential' : 'a credential';
    return `give ${which} that may pull with --auth or --registry-auth`;
  }
  if (statusCode === 404 || statusCode === 410) {
    return 'push the image again: the registry has its manifest, and has lost this blob of it';
  }
  return 'see the registry’s log';
}

function adviceFor(statusCode: number, hasAuthorization: boolean): string {
  if (statusCode === 401 || statusCode === 403) {
    return hasAuthorization ? 'give another credential with --auth' : 'give the credential with --auth';
  }
  if (statusCode === 404 || statusCode === 410) {
    return 'compare the path, case included, with what stands below the datastore’s root';
  }
  return statusCode >= 500 ? 'see the datastore’s log' : 'see what the web server is configured to do';
}

const REDIRECT_ADVICE = 'serve the file where the URL says, or register the URL that it leads to';
const BLOB_REDIRECT_ADVICE =
  'let the registry give its blobs itself (docker-registry: storage.redirect.disable), or reach it by a name that is not on .local';
/** The codes of what a redirect leads to and cannot be found. */
const NOT_LOCATED = new Set(['DATASTORE_NOT_FOUND', 'NO_BRIDGE', 'URL_INVALID', 'MDNS_UNAVAILABLE']);

function redirectFinding(evidence: Evidence): Finding | undefined {
  const { refusedRedirect } = evidence;
  if (refusedRedirect === null) return undefined;
  const { location, why } = refusedRedirect;
  return problem(
    'transferFailed',
    'redirect',
    `the redirect to "${printableText(location)}" is not followed: ${why}`,
    evidence.image === null ? REDIRECT_ADVICE : BLOB_REDIRECT_ADVICE,
  );
}

function statusFinding(whole: Answered, evidence: Evidence): Finding | undefined {
  const { form, given, target } = evidence;
  const decision = judgeWhole(evidence);
  // Compression has a check of its own.
  if (decision?.kind !== 'fail' || refusedCoding(evidence) !== null) return redirectFinding(evidence);
  const withDigest = { ...evidence, given: { ...given, digest: digestOfHex('0'.repeat(64)) } };
  if (judgeWhole(withDigest)?.kind === 'store') {
    return problem(
      'transferFailed',
      'end-unknown',
      'the datastore does not say how long the file is: a lost connection would pass for its end',
      'give --sha256 or --size, which a device configuration always has, or let the server send Content-Length',
    );
  }
  const code = decision.error.code === 'HTTP_STATUS' ? 'http-status' : 'response-invalid';
  const advice =
    evidence.image === null
      ? adviceFor(whole.statusCode, given.hasAuthorization)
      : adviceForBlob(whole.statusCode, evidence);
  const url = `${target?.url.origin}${target?.url.pathname}`;
  return problem('transferFailed', code, decision.error.message.replace(url, form.path), advice);
}

export const httpStatusCheck: Check = {
  id: 'http-status',
  title: 'HTTP status',
  judge(evidence) {
    const { whole, followed, image } = evidence;
    if (whole === null) return skipped('nothing was asked for');
    if (whole.kind === 'failed') {
      const to = followed.at(-1);
      if (to !== undefined && whole.code !== null && NOT_LOCATED.has(whole.code)) {
        const message = `the datastore leads away to ${printableText(to)}: ${whole.message}`;
        return {
          summary: 'leads away',
          findings: [
            problem(
              'transferFailed',
              'redirect',
              message,
              image === null ? REDIRECT_ADVICE : BLOB_REDIRECT_ADVICE,
            ),
          ],
        };
      }
      const isMalformed = whole.code === 'RESPONSE_INVALID';
      const advice = isMalformed
        ? 'see what answers on this port: it breaks the rules of HTTP'
        : 'see that an HTTP server listens on this port, and its log';
      const code = isMalformed ? 'response-invalid' : 'http-no-answer';
      return {
        summary: 'no answer',
        // What is wrong with TLS has checks of its own.
        findings: isTlsWrong(evidence) ? [] : [problem('transferFailed', code, whole.message, advice)],
      };
    }
    const location = followed.at(-1);
    const steps = followed.length > 1 ? ` in ${followed.length} steps` : '';
    const redirected = (to: string) =>
      warning(
        'redirected',
        `the datastore redirects${steps} to ${printableText(to)}; stock EVE cannot follow to a name on .local`,
        'register the URL that it leads to',
      );
    // Stock EVE, which cannot follow, pulls no image there.
    const findings = location === undefined || image !== null ? [] : [redirected(location)];
    const finding = statusFinding(whole, evidence);
    return {
      summary: String(whole.statusCode),
      facts: { statusCode: whole.statusCode },
      findings: finding === undefined ? findings : [...findings, finding],
    };
  },
};
