// SPDX-License-Identifier: Apache-2.0
import { CodedError, ConfigurationError } from '@local-datastore/shared/errors';
import { expect, test } from 'vitest';
import { DiscoveryError } from '../discovery/discovery-error.ts';
import { exitCodeOf, StoppedBySignal } from './exit-code.ts';

test.each([
  ['a bad option', new ConfigurationError('x'), 2],
  ['a bad URL', new DiscoveryError('URL_INVALID', 'x'), 2],
  ['no bridge', new DiscoveryError('NO_BRIDGE', 'x'), 2],
  ['nothing found', new DiscoveryError('DATASTORE_NOT_FOUND', 'x'), 3],
  ['a code that nobody knows', new CodedError('SOMETHING', 'x'), 1],
  ['any other error', new TypeError('x'), 1],
  ['what is no error', 'x', 1],
  ['SIGINT', new StoppedBySignal('SIGINT'), 130],
  ['SIGTERM', new StoppedBySignal('SIGTERM'), 143],
])('%s ends with its code', (_, error, exitCode) => {
  expect(exitCodeOf(error)).toBe(exitCode);
});
