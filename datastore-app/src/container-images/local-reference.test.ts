// SPDX-License-Identifier: Apache-2.0
import { formatManifestReference } from '@local-datastore/shared/oci/reference';
import { describe, expect, it } from 'vitest';
import { exportFileName, parseLocalReference } from './local-reference.ts';

const HEX = 'a'.repeat(64);

it.each([
  ['app', 'app', 'latest'],
  ['lab/app:1.2', 'lab/app', '1.2'],
  ['lab/app:V1_x', 'lab/app', 'V1_x'],
  [`lab/app@sha256:${HEX}`, 'lab/app', `sha256:${HEX}`],
  [`lab/app:1@sha256:${HEX}`, 'lab/app', `sha256:${HEX}`],
])('reads %s', (text, repository, reference) => {
  const parsed = parseLocalReference(text);
  if (parsed.kind === 'invalid') throw new Error(parsed.reason);
  expect([parsed.repository, formatManifestReference(parsed.reference)]).toEqual([repository, reference]);
});

it.each([
  ['', 'needs a name'],
  ['Lab/App:1', 'use "lab/app"'],
  ['lab//app', 'lower-case letters'],
  ['lab/app:', 'A tag is'],
  ['lab/app:-1', 'A tag is'],
  ['lab/app:a:b', 'A tag is'],
  ['lab/app@sha256:12', 'no digest'],
  ['lab/app@md5:12', 'no digest'],
  ['localhost:5000/lab/app', 'A tag is'],
])('refuses %j', (text, reason) => {
  expect(parseLocalReference(text)).toEqual({ kind: 'invalid', reason: expect.stringContaining(reason) });
});

describe('a file that is exported', () => {
  it.each([
    ['lab/app:1.2', undefined, 'lab-app-1.2.tar'],
    ['app', { os: 'linux', architecture: 'arm', variant: 'v7' }, 'app-latest-linux-arm-v7.tar'],
    [`app@sha256:${HEX}`, undefined, 'app-aaaaaaaaaaaa.tar'],
  ])('%s is called by what it is', (text, platform, name) => {
    const parsed = parseLocalReference(text);
    if (parsed.kind === 'invalid') throw new Error(parsed.reason);
    expect(exportFileName(parsed, platform)).toBe(name);
  });
});
