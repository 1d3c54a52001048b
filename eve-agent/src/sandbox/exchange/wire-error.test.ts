// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';
import { describe, expect, it } from 'vitest';
import { InternalAddressError } from '../../transfer/flow.ts';
import { reviveError, toWireError, wireErrorSchema } from './wire-error.ts';

const across = (error: unknown) =>
  reviveError(wireErrorSchema.parse(JSON.parse(JSON.stringify(toWireError(error)))));

describe('an error that crosses', () => {
  it('keeps what decisions are made by', () => {
    const details = {
      statusCode: 503,
      reached: 'response',
      retryAfterMs: 2000,
      names: ['a', 'b'],
      none: null,
      yes: true,
    };
    const error = new CodedError('HTTP_STATUS', 'the answer was 503', { retryable: true, details });
    const crossed = across(error);
    expect(crossed).toBeInstanceOf(CodedError);
    expect(crossed).toMatchObject({
      code: 'HTTP_STATUS',
      message: 'the answer was 503',
      retryable: true,
      details,
    });
  });

  it('keeps the code of the system', () => {
    const error = Object.assign(new Error('connect ECONNREFUSED 10.1.0.2:80'), { code: 'ECONNREFUSED' });
    expect(across(error)).toMatchObject({ code: 'ECONNREFUSED', message: error.message });
  });

  it('stays the refusal of a place inside', () => {
    const crossed = across(new InternalAddressError('metadata.google.internal'));
    expect(crossed).toBeInstanceOf(InternalAddressError);
    expect(crossed.message).toBe('metadata.google.internal is a loopback, link-local or metadata address');
  });

  it.each<[string, unknown, string]>([
    ['an error without a code', new Error('so it is'), 'so it is'],
    ['what is no error', 'a text', 'a text'],
    ['a code that is none', Object.assign(new Error('odd'), { code: 'no code\n' }), 'odd'],
  ])('%s is its message', (_, error, message) => {
    expect(across(error)).toMatchObject({ message });
  });

  it('is cut where it is longer than anybody reads', () => {
    const details = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`d${i}`, 'x'.repeat(5000)]));
    const crossed = across(new CodedError('A', 'y'.repeat(10_000), { details })) as CodedError;
    expect(crossed.message).toHaveLength(2000);
    expect(Object.keys(crossed.details)).toHaveLength(24);
    expect(crossed.details.d0).toHaveLength(2000);
  });

  it('acts on no terminal, whoever sent it', () => {
    const wire = { ...toWireError(new Error('')), message: 'a\u001b[2Jb\u202e' };
    expect(reviveError(wireErrorSchema.parse(wire)).message).toBe('a\\027[2Jb\\226\\128\\174');
  });

  it.each<[string, object]>([
    ['of another kind', { kind: 'fatal' }],
    ['with a code of another form', { code: 'a b' }],
    ['with a message too long', { message: 'x'.repeat(2001) }],
    ['with more than it has', { stack: 'x' }],
    ['with details of another form', { details: { a: { b: 1 } } }],
  ])('is refused %s', (_, part) => {
    expect(wireErrorSchema.safeParse({ ...toWireError(new Error('x')), ...part }).success).toBe(false);
  });
});
