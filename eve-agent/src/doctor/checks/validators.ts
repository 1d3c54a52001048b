// SPDX-License-Identifier: Apache-2.0
import { printableText } from '@local-datastore/shared/text/printable-text';
import { ifRangeOf, isContradicted, readValidators, singleValue } from '../../transfer/validators.ts';
import { type Check, type Finding, skipped, warning } from '../check.ts';
import { fileAnswer, partAnswer } from '../file-answer.ts';

/** What says that two answers are of one version of the file (RFC 9110 §8.8). */
export const validatorsCheck: Check = {
  id: 'validators',
  title: 'ETag and Last-Modified',
  judge(evidence) {
    const whole = fileAnswer(evidence);
    if (whole === null) return skipped('no file was answered');
    const part = partAnswer(evidence);
    const findings: Finding[] = [];
    const stored = readValidators(whole.headers);
    const isAnswered = part?.statusCode === 200 || part?.statusCode === 206;
    if (isAnswered && isContradicted(stored, part.headers)) {
      const name =
        stored.etag !== null && singleValue(part.headers, 'etag') !== null ? 'ETag' : 'Last-Modified';
      findings.push(
        warning(
          'validators-unstable',
          `${name} differs from one answer to the next: a download that is resumed starts over`,
          'publish a file once and leave it as it is; behind a balancer, serve the same files everywhere',
        ),
      );
    }
    const [etag, lastModified] = ['etag', 'last-modified'].map((name) => singleValue(whole.headers, name));
    if (findings.length === 0 && ifRangeOf(stored) === null) {
      findings.push(
        warning(
          'no-validator',
          'neither a strong ETag nor a Last-Modified that is old enough: without a digest nothing tells two versions of the file apart',
          'give --sha256 with a download, or let the server send a strong ETag',
        ),
      );
    }
    const shown = [etag, lastModified].flatMap((value) => (value == null ? [] : [printableText(value)]));
    return {
      summary: shown.join(', ') || 'none',
      facts: { etag: etag ?? null, lastModified: lastModified ?? null },
      findings,
    };
  },
};
