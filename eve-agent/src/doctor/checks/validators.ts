import { printableText } from '../../discovery/printable-text.ts';
import { ifRangeOf, readValidators, singleValue } from '../../download/validators.ts';
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
    const names = ['etag', 'last-modified'] as const;
    const [etag, lastModified] = names.map((name) => singleValue(whole.headers, name));
    if (part !== null && (part.statusCode === 200 || part.statusCode === 206)) {
      const unstable = names.filter(
        (name) => singleValue(whole.headers, name) !== singleValue(part.headers, name),
      );
      if (unstable.length > 0) {
        findings.push(
          warning(
            'validators-unstable',
            `${unstable.join(' and ')} differ from one answer to the next: a download that is resumed starts over`,
            'publish a file once and leave it as it is; behind a balancer, serve the same files everywhere',
          ),
        );
      }
    }
    if (findings.length === 0 && ifRangeOf(readValidators(whole.headers)) === null) {
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
