// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import { parseCertificates, parsePrivateKey } from './pem.ts';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const plain = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const secured = { cipher: 'aes-256-cbc', passphrase: 'secret' };

it.each([
  ['of PKCS #8', plain],
  ['of SEC 1', privateKey.export({ type: 'sec1', format: 'pem' }) as string],
  ['behind a text', `of the laboratory\n${plain}`],
])('a key %s', (_title, pem) => {
  expect(parsePrivateKey(pem).asymmetricKeyType).toBe('ec');
});

it.each([
  ['nothing', '', 'it holds no PEM private key'],
  ['a torn key', plain.slice(0, 100), 'it holds no PEM private key'],
  [
    'an encrypted key',
    privateKey.export({ type: 'pkcs8', format: 'pem', ...secured }) as string,
    'it is encrypted',
  ],
  [
    'an encrypted key of the older form',
    privateKey.export({ type: 'sec1', format: 'pem', ...secured }) as string,
    'it is encrypted',
  ],
])('%s is no key that could be used', (_title, pem, why) => {
  expect(() => parsePrivateKey(pem)).toThrow(why);
});

it.each([
  ['nothing', '', 'it holds no PEM certificate'],
  ['a key', plain, 'it holds no PEM certificate'],
  [
    'a damaged certificate',
    '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
    'it holds no valid certificate',
  ],
])('%s is no certificate', (_title, pem, why) => {
  expect(() => parseCertificates(pem)).toThrow(why);
});
