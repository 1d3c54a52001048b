// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { parseDockerAuths } from './docker-auths.ts';

const basic = (pair: string) => Buffer.from(pair).toString('base64');
const of = (auths: object, more: object = {}) => parseDockerAuths(JSON.stringify({ auths, ...more }));

it.each([
  ['ds.local', 'ds.local', 'a/b', 'u:p'],
  ['ds.local:5000', 'ds.local:5000', 'a', 'u:p'],
  ['http://ds.local', 'ds.local', 'a', 'u:p'],
  ['https://ds.local/v2/', 'ds.local', 'a', 'u:p'],
  ['DS.Local', 'ds.local', 'a', 'u:p'],
  ['https://index.docker.io/v1/', 'registry-1.docker.io', 'library/nginx', 'u:p'],
  ['docker.io', 'registry-1.docker.io', 'library/nginx', 'u:p'],
  ['ds.local/group', 'ds.local', 'group/app', 'u:p'],
  ['ds.local/group/app', 'ds.local', 'group/app', 'u:p'],
  ['ds.local', 'ds.local:5000', 'a', null],
  ['ds.local/group', 'ds.local', 'grouping/app', null],
  ['ds.local/group', 'ds.local', 'other', null],
  ['my-ds.local', 'ds.local', 'a', null],
  ['ds.local', 'ds.local.example', 'a', null],
])('the entry %s is for %s/%s: %s', (key, host, repository, pair) => {
  const found = of({ [key]: { auth: basic('u:p') } }).find(host, repository);
  expect(found).toBe(pair === null ? null : `Basic ${basic(pair)}`);
});

it('takes the longest entry, and passwords with colons and without "auth"', () => {
  const auths = of({
    'ds.local': { auth: basic('all:1') },
    'ds.local/group': { username: 'some', password: 'a:b:ü' },
    'ds.local/group/none': {},
  });
  expect(auths.find('ds.local', 'other')).toBe(`Basic ${basic('all:1')}`);
  expect(auths.find('ds.local', 'group/app')).toBe(`Basic ${basic('some:a:b:ü')}`);
  expect(auths.find('ds.local', 'group/none')).toBe(`Basic ${basic('some:a:b:ü')}`);
});

describe('refuses, and repeats no secret', () => {
  it.each([
    ['c2VjcmV0OnNlY3JldA==', 'it is no JSON'],
    ['[]', 'not as it has to be'],
    ['{"auths":{"a.local":"secret"}}', '"auths.a.local" is not'],
    [JSON.stringify({ auths: { a: { auth: basic('secret') } } }), 'not the base64 of NAME:PASSWORD'],
    [JSON.stringify({ auths: { a: { auth: basic('u:secret\r\nX: y') } } }), 'control character'],
    [JSON.stringify({ auths: { a: { identitytoken: 'secret' } } }), 'identity token'],
    [JSON.stringify({ auths: { a: {} }, credsStore: 'desktop' }), 'credential helper'],
  ])('%s', (text, why) => {
    let message = '';
    try {
      parseDockerAuths(text);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toContain(why);
    expect(message).not.toMatch(/secret|c2Vjcm/);
  });
});

it('knows nothing where nothing stands', () => {
  expect(parseDockerAuths('{}').find('ds.local', 'a')).toBeNull();
});
