// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { explainFailure } from './explain-failure.ts';
import { UpstreamError } from './upstream-error.ts';

const withCode = (code: string) => Object.assign(new Error(`raw words of ${code}`), { code });

it.each<[string, Error, string]>([
  ['a name that nobody has', withCode('ENOTFOUND'), 'its name is not known'],
  ['a name on .local that nobody has', withCode('LOCAL_HOST_NOT_FOUND'), 'answers by multicast DNS'],
  ['a name service that is away', withCode('EAI_AGAIN'), 'the name service does not answer'],
  ['no way', withCode('ENETUNREACH'), 'no way to its network'],
  ['another authority', withCode('SELF_SIGNED_CERT_IN_CHAIN'), 'its authority is not known here'],
  ['another name', withCode('ERR_TLS_CERT_ALTNAME_INVALID'), 'for another name'],
  ['a wrong clock', withCode('CERT_NOT_YET_VALID'), 'the clock here'],
  ['silence', withCode('ETIMEDOUT'), 'does not answer in time'],
  ['another protocol', withCode('HPE_INVALID_CONSTANT'), 'does not speak HTTP'],
  ['what it comes of', new TypeError('fetch failed', { cause: withCode('ECONNREFUSED') }), 'nothing listens'],
  ['all of its addresses', new AggregateError([withCode('ECONNREFUSED')], 'all failed'), 'nothing listens'],
  ['what nobody has seen before', withCode('EWHATEVER'), 'raw words of EWHATEVER'],
  ['the name of a member of every object', withCode('constructor'), 'raw words'],
])('says %s in plain words', (_title, error, words) => {
  const explained = explainFailure('hub.example', error);
  expect(explained).toMatchObject({ code: 'UNREACHABLE', retryable: true });
  expect(explained.message).toContain('hub.example cannot be reached: ');
  expect(explained.message).toContain(words);
});

it('leaves what was explained before as it is', () => {
  const error = new UpstreamError('DENIED', 'no');
  expect(explainFailure('h', error)).toBe(error);
});
