// SPDX-License-Identifier: Apache-2.0
import { codingHint, statedCoding } from '../../transfer/content-coding.ts';
import { readStatedSha256 } from '../../transfer/validators.ts';
import { type Check, problem, skipped } from '../check.ts';
import { fileAnswer } from '../file-answer.ts';

const FULL = 'add --full to read the whole file';
const PUSH_AGAIN =
  'push the image again: what is stored there is damaged, or something on the way changes it';

export const digestCheck: Check = {
  id: 'digest',
  title: 'Digest',
  judge(evidence) {
    const { given, wholeFile, image } = evidence;
    const answer = fileAnswer(evidence);
    if (answer === null) return skipped('no file was answered');
    if (wholeFile?.kind === 'failed') {
      const { message, code } = wholeFile;
      const finding =
        code === 'SIZE_MISMATCH'
          ? problem(
              'contentMismatch',
              'size-mismatch',
              message,
              image === null ? 'register the exact size' : PUSH_AGAIN,
            )
          : problem(
              'transferFailed',
              'file-broke-off',
              `the file could not be read to its end: ${message}`,
              'see the datastore’s log',
            );
      return { summary: 'unknown', findings: [finding] };
    }
    const algorithm = given.digest?.algorithm ?? 'sha256';
    // No header states another.
    const stated = algorithm === 'sha256' ? readStatedSha256(answer.headers) : null;
    const of = algorithm === 'sha256' ? 'Sha256' : 'Sha512';
    const facts = {
      [`read${of}`]: wholeFile?.digest.hex ?? null,
      [`stated${of}`]: stated,
      [`given${of}`]: given.digest?.hex ?? null,
    };
    const expected = given.digest?.hex ?? (wholeFile === null ? null : stated);
    const found = wholeFile?.digest.hex ?? stated;
    if (found === null) return skipped(`the datastore does not state one; ${FULL}`);
    const how = wholeFile === null ? 'as the datastore states' : 'as read';
    if (expected === null || expected === found) return { summary: `${algorithm} ${found}, ${how}`, facts };
    const whose = image === null ? 'of --sha256' : 'by which the manifest names it';
    const wanted = given.digest === null ? `${expected} that the datastore states` : `${expected} ${whose}`;
    const what = image === null ? 'the file' : 'the largest blob';
    const message = `${what} has ${algorithm} ${found}, ${how}, not ${wanted}${codingHint(statedCoding(answer.headers))}`;
    const advice = image === null ? 'publish the right file, or register the digest of this one' : PUSH_AGAIN;
    return {
      summary: found,
      facts,
      findings: [problem('contentMismatch', 'digest-mismatch', message, advice)],
    };
  },
};
