// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { mountApi } from './mounts.ts';

const { wishOf } = mountApi(() => {});

describe('where reading needs a credential', () => {
  it.each([
    '/',
    '/-/',
    '/-/assets/main-1.js',
    '/-/manual',
    '/-/manual/',
    '/-/manual/install.html',
    '/-/ca.pem',
  ])('%s does not', (path) => {
    expect(wishOf('GET', path)).toEqual({ action: 'read', resource: { kind: 'public' } });
  });

  it.each(['/-/list', '/-/manuals', '/-/Manual/', '/-/manual.html', '/-/api/v1/images'])(
    '%s does',
    (path) => {
      expect(wishOf('GET', path)).toEqual({ action: 'read', resource: { kind: 'own' } });
    },
  );
});

it('takes what is sent to the manual for a change', () => {
  expect(wishOf('POST', '/-/manual/')).toMatchObject({ action: 'write' });
});
