import { printableText } from '../../discovery/printable-text.ts';
import { decideResponse } from '../../download/decide-response.ts';
import { type Check, type Finding, problem, skipped, warning } from '../check.ts';
import { type Evidence, MAX_REDIRECTS } from '../evidence.ts';
import { type Answered, compressionOf } from '../file-answer.ts';

/** Without the size that the user expects: that is judged by a check of its own. */
const ANYTHING = { position: 0, stored: null, expectedBytes: null };

function adviceFor(statusCode: number, hasAuthorization: boolean): string {
  if (statusCode === 401 || statusCode === 403) {
    return hasAuthorization ? 'give another credential with --auth' : 'give the credential with --auth';
  }
  if (statusCode === 404 || statusCode === 410) {
    return 'compare the path, case included, with what stands below the datastore’s root';
  }
  return statusCode >= 500 ? 'see the datastore’s log' : 'see what the web server is configured to do';
}

function statusFinding(whole: Answered, { form, given, target, followed }: Evidence): Finding | undefined {
  const url = `${target?.url.origin}${target?.url.pathname}`;
  const { statusCode, headers } = whole;
  const decide = (isDigestKnown: boolean) =>
    decideResponse(statusCode, headers, { ...ANYTHING, url, isDigestKnown }, whole.receivedAtMs);
  // A size tells as well as a digest whether all has arrived.
  const decision = decide(given.sha256 !== null || given.sizeBytes !== null);
  if (decision.kind === 'redirect') {
    const location = printableText(decision.location);
    return problem(
      'transferFailed',
      'redirect',
      followed.length < MAX_REDIRECTS
        ? `the datastore leads away to ${location}`
        : `the datastore redirects more than ${MAX_REDIRECTS} times in a row, at last to ${location}`,
      'serve the file where the URL says, or register the URL that it leads to',
    );
  }
  if (decision.kind === 'fail' && decide(true).kind === 'store') {
    return problem(
      'transferFailed',
      'end-unknown',
      'the datastore does not say how long the file is: a lost connection would pass for its end',
      'give --sha256 or --size, which a device configuration always has, or let the server send Content-Length',
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
