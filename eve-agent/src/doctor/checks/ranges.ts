// SPDX-License-Identifier: Apache-2.0
import { decideResponse } from '../../transfer/decide-response.ts';
import { mayWantWhole } from '../../transfer/decide-whole.ts';
import { isContradicted, readValidators, singleValue } from '../../transfer/validators.ts';
import { type Check, type Finding, skipped, warning } from '../check.ts';
import { type Answered, fileAnswer, partAnswer } from '../file-answer.ts';
import { rangesAdvice } from '../server-advice.ts';

const FROM_START = 'an interrupted download starts from the beginning';
const WITHOUT =
  'EVE 16 and later fails for good (bad response code: 200), EVE 14.5 and older starts from the beginning';

/** What the agent's own rules make of the answer to a resume. */
function partFinding(whole: Answered, part: Answered, start: number, isImage: boolean): Finding | undefined {
  const fromStart = rangesAdvice(whole.headers);
  const { statusCode, headers, receivedAtMs } = part;
  // The condition was not met: the file seems to be another, which the check of validators tells.
  if (statusCode === 200 && isContradicted(readValidators(whole.headers), headers)) return undefined;
  if (statusCode === 200) {
    const says = [whole.headers['accept-ranges']].flat()[0] === 'bytes';
    return says
      ? warning(
          'range-ignored',
          `the datastore says that it takes ranges, and answers one with the whole file: when interrupted, ${isImage ? FROM_START : WITHOUT}`,
          fromStart,
        )
      : warning(
          'no-ranges',
          `no ranges: ${FROM_START}${isImage ? '' : `; of stock EVE, ${WITHOUT}`}`,
          fromStart,
        );
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
  // As it is when the status comes every time.
  const wantsWhole = decision.kind === 'fail' && mayWantWhole(decision.error, 2, 2);
  const then = wantsWhole ? ': an interrupted download asks once for the whole, from the beginning' : '';
  return warning('range-refused', `status ${statusCode} to a request for a later part${then}`, fromStart);
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
        findings: [warning('range-no-answer', `no answer to a range: ${why}`, rangesAdvice(whole.headers))],
      };
    }
    const finding = partFinding(whole, part, part.rangeStart, evidence.image !== null);
    return {
      summary: `${part.statusCode} for bytes ${part.rangeStart} and on`,
      findings: finding === undefined ? [] : [finding],
    };
  },
};
