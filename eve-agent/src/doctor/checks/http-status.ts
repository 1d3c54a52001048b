import { printableText } from '@local-datastore/shared/text/printable-text';
import { type Check, type Finding, problem, skipped, warning } from '../check.ts';
import type { Evidence } from '../evidence.ts';
import { type Answered, judgeWhole, refusedCoding } from '../file-answer.ts';

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
/** The codes of what a redirect leads to and cannot be found. */
const NOT_LOCATED = new Set(['DATASTORE_NOT_FOUND', 'NO_BRIDGE', 'URL_INVALID', 'MDNS_UNAVAILABLE']);

function redirectFinding({ refusedRedirect }: Evidence): Finding | undefined {
  if (refusedRedirect === null) return undefined;
  const { location, why } = refusedRedirect;
  return problem(
    'transferFailed',
    'redirect',
    `the redirect to "${printableText(location)}" is not followed: ${why}`,
    REDIRECT_ADVICE,
  );
}

function statusFinding(whole: Answered, evidence: Evidence): Finding | undefined {
  const { form, given, target } = evidence;
  const decision = judgeWhole(evidence);
  // Compression has a check of its own.
  if (decision?.kind !== 'fail' || refusedCoding(evidence) !== null) return redirectFinding(evidence);
  const withDigest = { ...evidence, given: { ...given, sha256: '' } };
  if (judgeWhole(withDigest)?.kind === 'store') {
    return problem(
      'transferFailed',
      'end-unknown',
      'the datastore does not say how long the file is: a lost connection would pass for its end',
      'give --sha256 or --size, which a device configuration always has, or let the server send Content-Length',
    );
  }
  const code = decision.error.code === 'HTTP_STATUS' ? 'http-status' : 'response-invalid';
  const advice = adviceFor(whole.statusCode, given.hasAuthorization);
  const url = `${target?.url.origin}${target?.url.pathname}`;
  return problem('transferFailed', code, decision.error.message.replace(url, form.path), advice);
}

export const httpStatusCheck: Check = {
  id: 'http-status',
  title: 'HTTP status',
  judge(evidence) {
    const { whole, followed, tls } = evidence;
    const isNameWrong = tls?.certificate != null && !tls.certificate.isForAddress;
    if (whole === null) return skipped('nothing was asked for');
    if (whole.kind === 'failed') {
      const to = followed.at(-1);
      if (to !== undefined && whole.code !== null && NOT_LOCATED.has(whole.code)) {
        const message = `the datastore leads away to ${printableText(to)}: ${whole.message}`;
        return {
          summary: 'leads away',
          findings: [problem('transferFailed', 'redirect', message, REDIRECT_ADVICE)],
        };
      }
      const isMalformed = whole.code === 'RESPONSE_INVALID';
      const advice = isMalformed
        ? 'see what answers on this port: it breaks the rules of HTTP'
        : 'see that an HTTP server listens on this port, and its log';
      const code = isMalformed ? 'response-invalid' : 'http-no-answer';
      // What is wrong with TLS has checks of its own.
      const isOfTls = tls !== null && (tls.handshakeError !== null || tls.chainError !== null);
      return {
        summary: 'no answer',
        findings: isOfTls || isNameWrong ? [] : [problem('transferFailed', code, whole.message, advice)],
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
    const findings = location === undefined ? [] : [redirected(location)];
    const finding = statusFinding(whole, evidence);
    return {
      summary: String(whole.statusCode),
      facts: { statusCode: whole.statusCode },
      findings: finding === undefined ? findings : [...findings, finding],
    };
  },
};
