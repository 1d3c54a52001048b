// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { Tls } from './answers.ts';
import { hasOwnAuthority, toldPlace } from './told-place.ts';

const asked = new URL('http://10.1.0.5:8080');
const tls: Tls = {
  ...{ kind: 'authority', subject: 'ds', notAfter: '', fingerprint256: '' },
  ...{ names: ['ds.local', 'mapped.example'], addresses: ['10.1.0.5', 'fd00::1'] },
};

it.each([
  [undefined, 'http://10.1.0.5:8080'],
  [{ publicUrl: null }, 'http://10.1.0.5:8080'],
  [{}, 'http://10.1.0.5:8080'],
  [{ publicUrl: 'https://images.example:8443' }, 'https://images.example:8443'],
])('of %j clients are told of %s', (status, origin) => {
  expect(toldPlace(status, asked).origin).toBe(origin);
});

it.each<[Parameters<typeof hasOwnAuthority>[0], string, boolean]>([
  [{ publicUrl: null, tls }, 'https://10.1.0.5', true],
  [{ publicUrl: 'https://images.example', tls }, 'https://images.example', false],
  [{ publicUrl: 'https://mapped.example:8443', tls }, 'https://mapped.example:8443', true],
  [{ publicUrl: 'https://[fd00::1]:8443', tls }, 'https://[fd00::1]:8443', true],
  [{ publicUrl: null, tls: null }, 'https://10.1.0.5', false],
  [{ publicUrl: null, tls: { ...tls, kind: 'given' } }, 'https://10.1.0.5', false],
  [undefined, 'https://10.1.0.5', false],
])('%j at %s: of the authority %s', (status, place, expected) => {
  expect(hasOwnAuthority(status, new URL(place))).toBe(expected);
});
