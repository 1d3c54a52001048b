import { printableText } from '../../discovery/printable-text.ts';
import { type Check, problem, skipped } from '../check.ts';
import { compressionOf, fileAnswer } from '../file-answer.ts';
import { compressionAdvice } from '../server-advice.ts';

export const compressionCheck: Check = {
  id: 'compression',
  title: 'Compression',
  judge(evidence) {
    const answer = fileAnswer(evidence);
    if (answer === null) return skipped('no file was answered');
    const encoding = compressionOf(answer.headers);
    if (encoding === null) return { summary: 'none' };
    const shown = printableText(encoding);
    const message = `the file comes with Content-Encoding: ${shown}, although that was not wanted`;
    const advice = compressionAdvice(answer.headers);
    return { summary: shown, findings: [problem('transferFailed', 'compressed', message, advice)] };
  },
};
