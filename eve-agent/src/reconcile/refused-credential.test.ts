// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { ContentError, TransferError } from '../transfer/errors.ts';
import { judgeFailure } from './judge-failure.ts';
import { explainRefusal } from './refused-credential.ts';
import { datastoreOf, desiredOf, treeOf, uuidOf } from './test-fixtures.ts';

const status = (statusCode: number) =>
  new TransferError('HTTP_STATUS', `the datastore answered ${statusCode}`, { details: { statusCode } });

it.each<[string, Error, object, boolean]>([
  ['401', status(401), { cipherData: { cipherData: 'eA==' } }, true],
  ['403', status(403), { cipherData: { cipherData: 'eA==' } }, true],
  ['401 where nothing is encrypted', status(401), {}, false],
  ['404', status(404), { cipherData: { cipherData: 'eA==' } }, false],
  ['another failure', new ContentError('SIZE_MISMATCH', 'x'), { cipherData: { cipherData: 'eA==' } }, false],
])('cipherData is named as the reason of a refusal: %s', (_name, error, more, isNamed) => {
  const source = desiredOf([treeOf(1)], [datastoreOf(1, more)]).trees.get(uuidOf(1))?.sources[0];
  if (source === undefined) throw new Error('no source');
  const judgement = judgeFailure(error);
  const explained = explainRefusal(judgement, error, source);
  expect(explained.message.includes('cipherData')).toBe(isNamed);
  expect({ ...explained, message: '' }).toEqual({ ...judgement, message: '' });
});
