// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { createOwnNames, decideOrigin } from './request-origin.ts';

const TRUSTED = ['images.example'];
const isOwnName = createOwnNames(['ds.local', 'box.lan', ...TRUSTED]);
const decide = (
  headers: Record<string, string>,
  { isOwnPath = true, isReading = false }: { isOwnPath?: boolean; isReading?: boolean } = {},
) => decideOrigin({ isOwnPath, isReading, headers }, isOwnName, TRUSTED).kind;

describe('Host', () => {
  it.each([
    'ds.local',
    'DS.local',
    'ds.local.',
    'ds.local:8080',
    'ds.local:',
    'box.lan',
    'images.example:443',
    'localhost',
    'localhost:80',
    'sub.localhost',
    'ds',
    'datastore:80',
    '10.1.0.5',
    '10.1.0.5:8080',
    '[fe80::1]',
    '[::ffff:10.1.0.5]:80',
  ])('%s is ours', (host) => expect(decide({ host }, { isReading: true })).toBe('allowed'));

  it.each([
    'evil.example',
    'ds.local.evil.example',
    'evil-ds.local',
    '10.1.0.5.evil.example',
    'ds.local:80:80',
    'ds.local:x',
    'a@ds.local',
    'ds.local/..',
    '[fe80::1',
    '[]',
    '',
    '.',
    'ds local',
  ])('%s is not', (host) => expect(decide({ host }, { isReading: true })).toBe('unknown-host'));

  it('need not be said, and does not matter for images', () => {
    expect(decide({}, { isReading: true })).toBe('allowed');
    expect(decide({ host: 'evil.example' }, { isReading: true, isOwnPath: false })).toBe('allowed');
    expect(decide({ host: 'files.corp.example' }, { isOwnPath: false })).toBe('allowed');
  });
});

describe('a change', () => {
  it.each([
    ['of a program', {}],
    ['of our page', { origin: 'http://ds.local' }],
    ['of our page, by another spelling', { origin: 'http://DS.local.:80' }],
    ['of our page on HTTPS', { origin: 'https://ds.local' }],
    ['of our page behind a proxy', { origin: 'https://images.example:8443' }],
    [
      'of our page, where the browser tells of the site',
      { origin: 'http://ds.local', 'sec-fetch-site': 'same-origin' },
    ],
    ['that a person caused', { 'sec-fetch-site': 'none' }],
  ])('%s is allowed', (_, headers: Record<string, string>) => {
    expect(decide({ host: 'ds.local', ...headers })).toBe('allowed');
  });

  it.each([
    ['another site', { origin: 'http://evil.example' }],
    ['a name that begins as ours', { origin: 'http://ds.local.evil.example' }],
    ['a name that ends as ours', { origin: 'http://evil-ds.local' }],
    ['another port of our host', { origin: 'http://ds.local:8081' }],
    ['a sandbox or a file', { origin: 'null' }],
    ['an extension', { origin: 'chrome-extension://abcdef' }],
    ['an origin with a path', { origin: 'http://ds.local/x' }],
    ['an origin with a user', { origin: 'http://ds.local@evil.example' }],
    ['an empty origin', { origin: '' }],
    ['two origins', { origin: 'http://ds.local, http://evil.example' }],
    ['another site, by its form', { 'sec-fetch-site': 'cross-site' }],
    ['another host of the site', { 'sec-fetch-site': 'same-site' }],
    ['an unknown kind of site', { 'sec-fetch-site': 'elsewhere' }],
  ])('of %s is foreign, of images too', (_, headers: Record<string, string>) => {
    expect(decide({ host: 'ds.local', ...headers })).toBe('foreign-origin');
    expect(decide({ host: 'ds.local', ...headers }, { isOwnPath: false })).toBe('foreign-origin');
    expect(decide({ host: 'ds.local', ...headers }, { isReading: true })).toBe('allowed');
  });

  it('compares the port with the one that was asked', () => {
    expect(decide({ host: 'ds.local:8080', origin: 'http://ds.local:8080' })).toBe('allowed');
    expect(decide({ host: 'ds.local:8080', origin: 'http://ds.local' })).toBe('foreign-origin');
    expect(decide({ host: '10.1.0.5', origin: 'http://10.1.0.6' })).toBe('foreign-origin');
  });
});
