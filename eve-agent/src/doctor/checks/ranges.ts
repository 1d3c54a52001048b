import { decideResponse } from '../../download/decide-response.ts';
import { singleValue } from '../../download/validators.ts';
import { type Check, type Finding, skipped, warning } from '../check.ts';
import { type Answered, fileAnswer, partAnswer } from '../file-answer.ts';

const fromStart = 'use a web server that knows ranges (RFC 9110 §14), as datastore-app, nginx and Apache do';

/** What the agent's own rules make of the answer to a resume. */
function partFinding(whole: Answered, part: Answered, start: number): Finding | undefined {
  const { statusCode, headers, receivedAtMs } = part;
  if (statusCode === 200) {
    const says = [whole.headers['accept-ranges']].flat()[0] === 'bytes';
    return says
      ? warning(
          'range-ignored',
          'the datastore says that it takes ranges, and answers one with the whole file: on stock EVE an interrupted download fails for good',
          fromStart,
        )
      : warning('no-ranges', 'an interrupted download starts from the beginning: no ranges', fromStart);
  }
  const totalBytes = Number(singleValue(whole.headers, 'content-length') ?? Number.NaN);
  const decision = decideResponse(
    statusCode,
    headers,
    {
      url: '',
      position: start,
      // Validators have a check of their own.
      stored: {
        validators: { etag: null, lastModified: null },
        totalBytes: Number.isNaN(totalBytes) ? null : totalBytes,
      },
      expectedBytes: null,
      isDigestKnown: true,
    },
    receivedAtMs,
  );
  if (decision.kind === 'start-over') {
    return warning('content-range-wrong', `ranges cannot be used: ${decision.reason}`, fromStart);
  }
  if (decision.kind === 'store') return undefined;
  return warning('range-refused', `status ${statusCode} to a request for a later part`, fromStart);
}

export const rangesCheck: Check = {
  id: 'ranges',
  title: 'Ranges',
  judge(evidence) {
    const whole = fileAnswer(evidence);
    if (whole === null || evidence.part === null) return skipped('no later part was asked for');
    const part = partAnswer(evidence);
    if (part === null || part.rangeStart === null) {
      const why = evidence.part.kind === 'failed' ? evidence.part.message : 'no answer';
      return {
        summary: 'no answer',
        findings: [warning('range-no-answer', `no answer to a range: ${why}`, fromStart)],
      };
    }
    const finding = partFinding(whole, part, part.rangeStart);
    return {
      summary: `${part.statusCode} for bytes ${part.rangeStart} and on`,
      findings: finding === undefined ? [] : [finding],
    };
  },
};
