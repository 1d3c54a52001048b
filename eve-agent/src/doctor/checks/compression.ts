// SPDX-License-Identifier: Apache-2.0
import { printableText } from '@local-datastore/shared/text/printable-text';
import { type Check, problem, skipped } from '../check.ts';
import { fileAnswer, refusedCoding } from '../file-answer.ts';
import { compressionAdvice } from '../server-advice.ts';

export const compressionCheck: Check = {
  id: 'compression',
  title: 'Compression',
  judge(evidence) {
    const answer = fileAnswer(evidence);
    if (answer === null) return skipped('no file was answered');
    const coding = refusedCoding(evidence);
    if (coding === null) {
      const label = [answer.headers['content-encoding'] ?? []].flat().join(', ');
      return { summary: label === '' ? 'none' : `labelled "${printableText(label)}", taken as it comes` };
    }
    const shown = printableText(coding);
    const message = `the file comes with Content-Encoding: ${shown}, although that was not wanted`;
    const advice = compressionAdvice(answer.headers);
    return { summary: shown, findings: [problem('transferFailed', 'compressed', message, advice)] };
  },
};
