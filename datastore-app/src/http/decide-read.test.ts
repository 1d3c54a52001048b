// SPDX-License-Identifier: Apache-2.0
import type { IncomingHttpHeaders } from 'node:http';
import { expect, test } from 'vitest';
import { decideRead } from './decide-read.ts';

const VALIDATORS = {
  entityTag: '"sha256:aa"',
  statTag: '"stat:1"',
  lastModified: 'Tue, 03 Feb 2026 04:05:06 GMT',
};
const DATE = VALIDATORS.lastModified;
const read = (headers: IncomingHttpHeaders, isPlain: boolean, entityTag = VALIDATORS.entityTag) => ({
  kind: 'read',
  headers,
  entityTag,
  isPlain,
});
const FAILED = { kind: 'condition-failed' };

test.each<[string, string, IncomingHttpHeaders, object]>([
  ['a plain request', 'GET', { host: 'ds' }, read({ host: 'ds' }, true)],
  ['one range', 'GET', { range: 'bytes=5-' }, read({ range: 'bytes=5-' }, false)],
  ['a suffix longer than the file', 'GET', { range: 'bytes=-500' }, read({ range: 'bytes=-100' }, false)],
  ['several ranges', 'GET', { range: 'bytes=0-1,5-6', host: 'ds' }, read({ host: 'ds' }, true)],
  ['a range of HEAD', 'HEAD', { range: 'bytes=5-' }, read({}, true)],
  [
    'a range of this file',
    'GET',
    { range: 'bytes=5-', 'if-range': VALIDATORS.entityTag },
    read({ range: 'bytes=5-' }, false),
  ],
  [
    'a range begun before the digest was known',
    'GET',
    { range: 'bytes=5-', 'if-range': VALIDATORS.statTag },
    read({ range: 'bytes=5-' }, false, VALIDATORS.statTag),
  ],
  ['a range of another file', 'GET', { range: 'bytes=5-', 'if-range': '"other"' }, read({}, true)],
  ['If-Range without a range', 'GET', { 'if-range': '"other"' }, read({}, true)],
  ['If-Match of this file', 'GET', { 'if-match': VALIDATORS.entityTag }, read({}, true)],
  ['If-Match of any', 'GET', { 'if-match': '*' }, read({}, true)],
  ['If-Match of another', 'GET', { 'if-match': '"other"' }, FAILED],
  ['If-Match of another, with a range', 'GET', { 'if-match': '"other"', range: 'bytes=5-' }, FAILED],
  [
    'If-Match before If-Unmodified-Since',
    'GET',
    { 'if-match': '*', 'if-unmodified-since': 'Tue, 03 Feb 2015 04:05:06 GMT' },
    read({}, true),
  ],
  [
    'conditions on caches',
    'GET',
    { 'if-none-match': '"x"', 'if-modified-since': DATE },
    read({ 'if-none-match': '"x"', 'if-modified-since': DATE }, false),
  ],
  [
    'conditions on caches, and a range',
    'GET',
    { 'if-none-match': '"x"', range: 'bytes=5-9' },
    read({ 'if-none-match': '"x"', range: 'bytes=5-9' }, false),
  ],
])('%s', (_, method, headers, expected) => {
  const given = structuredClone(headers);
  expect(decideRead(method, headers, VALIDATORS, 100)).toEqual(expected);
  // Whoever logs the request sees what the client sent.
  expect(headers).toEqual(given);
});
