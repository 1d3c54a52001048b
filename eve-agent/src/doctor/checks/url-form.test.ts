// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { runCheck } from '../check.ts';
import type { Evidence } from '../evidence.ts';
import { OF_IMAGE } from '../test-fixtures.ts';
import { readUrlForm } from '../url-form.ts';
import { urlFormCheck } from './url-form.ts';

/** The check reads nothing but the form, and whether it is of an image. */
const judge = (url: string, image: Evidence['image'] = null) =>
  runCheck(urlFormCheck, { form: readUrlForm(url), image } as Evidence);
const codes = (url: string) => judge(url).findings.map(({ code }) => code);

test('a URL as stock EVE wants it, and how to register it', () => {
  expect(judge('http://ds.local/dir/a.img?v=1')).toMatchObject({
    verdict: 'ok',
    facts: {
      host: 'ds.local',
      port: null,
      hostKind: 'local',
      fqdn: 'http://ds.local',
      imageUrl: 'dir/a.img?v=1',
    },
  });
  for (const url of ['http://ds.local./a.img', 'https://Ds.local/a.img', 'http://bücher.local/a.img']) {
    expect(codes(url)).toEqual([]);
  }
});

test.each([
  ['http://ds.local:80/a.img', ['port-in-url']],
  ['https://ds.local:443/a.img', ['port-in-url']],
  ['http://ds.Local/a.img', ['local-suffix-case']],
  ['http://DS.LOCAL:8080/a.img', ['port-in-url', 'local-suffix-case']],
  ['http://10.1.0.5/a.img', ['address-in-url']],
  ['http://[fe80::1]:8080/a.img', ['address-in-url']],
  ['http://example.com:8080/a.img', []],
  ['http://ds.local', ['no-image-in-url']],
  ['http://ds.local/?v=1', ['no-image-in-url']],
  ['http://ds.local/dir//a.img', ['path-not-clean']],
  ['http://ds.local/dir/../a.img', ['path-not-clean']],
])('%s: %j', (url, expected) => {
  const { verdict, findings } = judge(url);
  expect(findings.map(({ code }) => code)).toEqual(expected);
  expect(verdict).toBe(expected.length === 0 ? 'ok' : 'warning');
});

test('a user name, as stock EVE takes it', () => {
  const form = readUrlForm('http://me:secret@ds.local/a.img');
  const evidence = { form, eve: {}, image: null } as Evidence;
  const { verdict, findings } = runCheck(urlFormCheck, evidence);
  expect({ verdict, codes: findings.map(({ code }) => code) }).toEqual({
    ...{ verdict: 'warning', codes: ['user-in-url'] },
  });
  expect(JSON.stringify(findings)).not.toContain('secret');
});

describe('what is no URL of an image', () => {
  test.each([
    ['ds.local', 'url-without-scheme', 'write http://ds.local'],
    ['ds.local/a.img', 'url-without-scheme', 'write http://ds.local/a.img'],
    ['', 'url-invalid', 'http://'],
    ['ftp://ds.local/a', 'url-invalid', 'http://'],
    ['http://me:secret@ds.local/a', 'url-invalid', 'http://'],
  ])('"%s": %s', (url, code, advice) => {
    const { verdict, findings } = judge(url);
    expect({ verdict, codes: findings.map((each) => each.code) }).toEqual({
      verdict: 'problem',
      codes: [code],
    });
    expect(findings[0]?.advice).toContain(advice);
    expect(findings[0]?.failure).toBe('usage');
    expect(JSON.stringify([findings, readUrlForm(url)])).not.toContain('secret');
  });
});

test.each([
  ['http://ds.local/v2/', 'ds.local by multicast DNS, over http', ['registry-on-local']],
  ['https://registry-1.docker.io/v2/', 'registry-1.docker.io by ordinary DNS, over https', []],
  ['http://127.0.0.1:5000/v2/', '127.0.0.1 an address, over http', []],
])('of an image it says where the registry is: %s', (url, where, found) => {
  const { summary, findings } = judge(url, { ...OF_IMAGE, name: 'host/a:1', outcome: null });
  expect([summary, findings.map(({ code }) => code)]).toEqual([`host/a:1 (${where})`, found]);
});
