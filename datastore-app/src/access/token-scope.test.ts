// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { parseScopes, scopeText } from './token-scope.ts';

const texts = (...scopes: string[]) => parseScopes(scopes).map(scopeText);

it.each([
  [[], []],
  [[''], []],
  [['repository:lab/app:pull'], ['repository:lab/app:pull']],
  [['repository:lab/app:pull,push'], ['repository:lab/app:pull,push']],
  [['repository:lab/app:push,push,pull'], ['repository:lab/app:push,pull']],
  [['repository:lab/app:*'], ['repository:lab/app:pull,push,delete']],
  [['repository:lab/app:pull,fly'], ['repository:lab/app:pull']],
  [['repository:lab/app:'], ['repository:lab/app:']],
  [['repository(plugin):lab/app:pull'], ['repository:lab/app:pull']],
  [['repository:host:5000/app:pull'], ['repository:host:5000/app:pull']],
  [['registry:catalog:*'], ['registry:catalog:*']],
  [['registry:catalog:pull'], ['registry:catalog:*']],
  [['registry:other:*'], []],
  [['repository:a:pull repository:b:push'], ['repository:a:pull', 'repository:b:push']],
  [
    ['repository:a:pull', 'repository:b:push'],
    ['repository:a:pull', 'repository:b:push'],
  ],
  [['repository'], []],
  [['repository:a'], []],
  [['::'], []],
  [['vault:a:pull'], []],
  [[`repository:${'a'.repeat(600)}:pull`], []],
])('%j is %j', (scopes, found) => expect(texts(...scopes)).toEqual(found));

it('takes no more than a client that mounts many blobs asks for', () => {
  const many = Array.from({ length: 1000 }, (_, index) => `repository:r${index}:pull`);
  expect(texts(...many)).toHaveLength(100);
  expect(texts(many.join(' '))).toHaveLength(100);
});
