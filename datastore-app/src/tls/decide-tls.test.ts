// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { decideTls } from './decide-tls.ts';

it.each([
  [{}, { kind: 'off' }],
  [{ tls: 'off' }, { kind: 'off' }],
  [{ tls: 'authority' }, { kind: 'authority' }],
  [
    { tlsCertificate: 'c.pem', tlsKey: 'k.pem' },
    { kind: 'given', certificateFile: 'c.pem', keyFile: 'k.pem' },
  ],
] as const)('takes %j', (options, choice) => {
  expect(decideTls(options)).toEqual(choice);
});

it.each([
  [{ tlsCertificate: 'c.pem' }, 'one is missing'],
  [{ tlsKey: 'k.pem' }, '--tls-certificate and --tls-key belong together'],
  [{ tls: 'authority', tlsCertificate: 'c.pem', tlsKey: 'k.pem' }, '--tls authority contradicts'],
  [{ tls: 'off', tlsKey: 'k.pem' }, '--tls off contradicts'],
] as const)('refuses %j', (options, message) => {
  expect(() => decideTls(options)).toThrow(message);
});
