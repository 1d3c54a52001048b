// SPDX-License-Identifier: Apache-2.0
import { singleValue } from '../../transfer/validators.ts';
import { type Check, problem, skipped, warning } from '../check.ts';
import { fileAnswer } from '../file-answer.ts';

/** EVE `maxSizeBytes` must be exact. */
export const sizeCheck: Check = {
  id: 'size',
  title: 'Size',
  judge(evidence) {
    const { given, wholeFile, image } = evidence;
    const answer = fileAnswer(evidence);
    if (answer === null) return skipped('no file was answered');
    const length = singleValue(answer.headers, 'content-length');
    const sizeBytes =
      wholeFile?.kind === 'read' ? wholeFile.sizeBytes : length === null ? null : Number(length);
    if (sizeBytes === null) {
      const message =
        'the datastore does not say how long the file is (no Content-Length); stock EVE goes by maxSizeBytes alone';
      const advice = 'serve it as a plain file, not by a program that makes it up on the way';
      return { summary: 'unknown', findings: [warning('size-unknown', message, advice)] };
    }
    const facts = { sizeBytes, givenBytes: given.sizeBytes };
    if (given.sizeBytes === null || given.sizeBytes === sizeBytes) {
      const asGiven = image === null ? 'as given' : 'as the manifest says';
      const exact = given.sizeBytes === null ? `${sizeBytes} bytes: for EVE, maxSizeBytes` : asGiven;
      return { summary: exact, facts };
    }
    const isFile = image === null;
    const message = `${isFile ? 'the file' : 'the blob'} has ${sizeBytes} bytes, not the ${given.sizeBytes} that ${isFile ? '--size' : 'the manifest'} says`;
    const advice = isFile
      ? 'register the exact size, or publish the right file; EVE fails when it is one byte off'
      : 'push the image again: what is stored there is damaged';
    return {
      summary: `${sizeBytes} bytes`,
      facts,
      findings: [problem('contentMismatch', 'size-mismatch', message, advice)],
    };
  },
};
