import { printableText } from '../../discovery/printable-text.ts';
import { decideResponse } from '../../download/decide-response.ts';
import { type Check, type Finding, problem, skipped, warning } from '../check.ts';
import type { Evidence } from '../evidence.ts';
import { type Answered, compressionOf } from '../file-answer.ts';

/** Without what the user expects: that is judged by checks of its own. */
const ANYTHING = { position: 0, stored: null, expectedBytes: null, isDigestKnown: true };

function adviceFor(statusCode: number, hasAuthorization: boolean): string {
  if (statusCode === 401 || statusCode === 403) {
    return hasAuthorization ? 'give another credential with --auth' : 'give the credential with --auth';
  }
  if (statusCode === 404 || statusCode === 410) {
    return 'compare the path, case included, with what stands below the datastore’s root';
  }
  return statusCode >= 500 ? 'see the datastore’s log' : 'see what the web server is configured to do';
}

function statusFinding(whole: Answered, { form, given, target }: Evidence): Finding | undefined {
  const url = `${target?.url.origin}${target?.url.pathname}`;
  const { statusCode, headers } = whole;
  const decision = decideResponse(statusCode, headers, { ...ANYTHING, url }, whole.receivedAtMs);
  if (decision.kind === 'redirect') {
    return problem(
      'transferFailed',
      'redirect',
      `the datastore leads away to ${printableText(decision.location)}`,
      'serve the file where the URL says, or register the URL that it leads to',
    );
  }
  // Compression has a check of its own.
  if (decision.kind !== 'fail' || compressionOf(headers) !== null) return undefined;
  const code = decision.error.code === 'HTTP_STATUS' ? 'http-status' : 'response-invalid';
  const advice = adviceFor(statusCode, given.hasAuthorization);
  return problem('transferFailed', code, decision.error.message.replace(url, form.path), advice);
}

export const httpStatusCheck: Check = {
  id: 'http-status',
  title: 'HTTP status',
  judge(evidence) {
    const { whole, followed } = evidence;
    if (whole === null) return skipped('nothing was asked for');
    if (whole.kind === 'failed') {
      const message = `no answer to GET: ${whole.message}`;
      const advice = 'see that an HTTP server listens on this port, and its log';
      return {
        summary: 'no answer',
        findings: [problem('transferFailed', 'http-no-answer', message, advice)],
      };
    }
    const findings = followed.map((location) =>
      warning(
        'redirected',
        `the datastore redirects to ${printableText(location)}; stock EVE cannot follow to a name on .local`,
        'register the URL that it leads to',
      ),
    );
    const finding = statusFinding(whole, evidence);
    return {
      summary: String(whole.statusCode),
      facts: { statusCode: whole.statusCode },
      findings: finding === undefined ? findings : [...findings, finding],
    };
  },
};
