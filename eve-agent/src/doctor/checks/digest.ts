import { codingHint, statedCoding } from '../../transfer/content-coding.ts';
import { readStatedSha256 } from '../../transfer/validators.ts';
import { type Check, problem, skipped } from '../check.ts';
import { fileAnswer } from '../file-answer.ts';

const FULL = 'add --full to read the whole file';

export const digestCheck: Check = {
  id: 'digest',
  title: 'Digest',
  judge(evidence) {
    const { given, wholeFile } = evidence;
    const answer = fileAnswer(evidence);
    if (answer === null) return skipped('no file was answered');
    if (wholeFile?.kind === 'failed') {
      const { message, code } = wholeFile;
      const finding =
        code === 'SIZE_MISMATCH'
          ? problem('contentMismatch', 'size-mismatch', message, 'register the exact size')
          : problem(
              'transferFailed',
              'file-broke-off',
              `the file could not be read to its end: ${message}`,
              'see the datastore’s log',
            );
      return { summary: 'unknown', findings: [finding] };
    }
    const stated = readStatedSha256(answer.headers);
    const facts = { readSha256: wholeFile?.sha256 ?? null, statedSha256: stated, givenSha256: given.sha256 };
    const expected = given.sha256 ?? (wholeFile === null ? null : stated);
    const found = wholeFile?.sha256 ?? stated;
    if (found === null) return skipped(`the datastore does not state one; ${FULL}`);
    const how = wholeFile === null ? 'as the datastore states' : 'as read';
    if (expected === null || expected === found) return { summary: `sha256 ${found}, ${how}`, facts };
    const wanted =
      given.sha256 === null ? `${expected} that the datastore states` : `${expected} of --sha256`;
    const message = `the file has sha256 ${found}, ${how}, not ${wanted}${codingHint(statedCoding(answer.headers))}`;
    const advice = 'publish the right file, or register the digest of this one';
    return {
      summary: found,
      facts,
      findings: [problem('contentMismatch', 'digest-mismatch', message, advice)],
    };
  },
};
