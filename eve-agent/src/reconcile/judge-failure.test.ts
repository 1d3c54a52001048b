// SPDX-License-Identifier: Apache-2.0
import { CodedError } from '@local-datastore/shared/errors';
import { expect, it } from 'vitest';
import { SpaceError, TargetError } from '../content/errors.ts';
import { DiscoveryError } from '../discovery/discovery-error.ts';
import { ContentError, TransferError } from '../transfer/errors.ts';
import { FAILURE_CODES, judgeFailure } from './judge-failure.ts';

type Code = TransferError['code'];
const soon = (code: Code, reached?: string) =>
  new TransferError(code, 'x', { retryable: true, details: reached === undefined ? {} : { reached } });
const status = (retryable: boolean, details = {}) =>
  new TransferError('HTTP_STATUS', 'x', { retryable, details });

it.each([
  // Of the whole datastore: no connection, or none that may be used.
  [soon('CONNECTION_FAILED', 'nothing'), 'gone', 'retry'],
  [soon('CONNECTION_FAILED'), 'gone', 'retry'],
  [soon('STALLED', 'nothing'), 'gone', 'retry'],
  [new TransferError('CONNECTION_FAILED', 'certificate'), 'gone', 'retry-steadily'],
  [new CodedError('DATASTORE_NOT_FOUND', 'x', { retryable: true }), 'gone', 'retry'],
  [new DiscoveryError('NO_BRIDGE', 'x'), 'gone', 'retry'],
  [new DiscoveryError('MDNS_UNAVAILABLE', 'x'), 'gone', 'retry-steadily'],
  // Of this one file, for all that is known: the datastore was there.
  [soon('CONNECTION_FAILED', 'connection'), 'silent', 'retry'],
  [soon('STALLED', 'connection'), 'silent', 'retry'],
  [soon('STALLED'), 'silent', 'retry'],
  // Of this one file: the datastore answered.
  [soon('STALLED', 'response'), 'answered', 'retry'],
  [soon('CONNECTION_LOST', 'response'), 'answered', 'retry'],
  [soon('CONNECTION_LOST'), 'answered', 'retry'],
  [status(true, { retryAfterMs: 7 }), 'answered', 'retry'],
  [status(false), 'answered', 'retry-slowly'],
  [new TransferError('RESPONSE_INVALID', 'x'), 'answered', 'retry-steadily'],
  [new TransferError('REDIRECT_REFUSED', 'x'), 'answered', 'retry-steadily'],
  [new ContentError('DIGEST_MISMATCH', 'x'), 'answered', 'mismatch'],
  [new ContentError('SIZE_MISMATCH', 'x'), 'answered', 'mismatch'],
  // Of this host: a hash worker that ends, a disk that is full.
  [new Error('x'), 'unknown', 'retry-steadily'],
  [new CodedError('NEVER_SEEN', 'x'), 'unknown', 'retry-steadily'],
  [new SpaceError('NO_SPACE', 'x'), 'unknown', 'retry-steadily'],
  [new TargetError('TARGET_BUSY', 'x'), 'unknown', 'retry'],
  [new TargetError('TARGET_UNWRITABLE', 'x'), 'unknown', 'retry-steadily'],
])('%s: the datastore is %s; %s', (error, datastore, remedy) => {
  expect(judgeFailure(error)).toMatchObject({ datastore, remedy, message: error.message });
});

it.each([
  [new TransferError('STALLED', 'x'), 'STALLED'],
  [new CodedError('NEVER_SEEN', 'x'), 'UNEXPECTED'],
  [new CodedError('constructor', 'x'), 'UNEXPECTED'],
  ['x', 'UNEXPECTED'],
])('gives %s one of its codes', (error, code) => {
  expect(judgeFailure(error).code).toBe(code);
  expect(FAILURE_CODES).toContain(code);
});

it('takes over what the server asked for', () => {
  expect(judgeFailure(status(true, { retryAfterMs: 7 })).retryAfterMs).toBe(7);
});
