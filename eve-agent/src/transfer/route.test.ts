// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { Origin } from '../discovery/origin.ts';
import { Route } from './route.ts';

const RULES = { needsTls: false, isDigestKnown: true, allowsInternal: false };
const local = (url: URL, address = '10.1.0.5'): Origin => ({
  ...{ url, address, sourceAddress: '10.1.0.1', bridgeName: 'bn1' },
});
const ordinary = (url: URL): Origin => ({ url, address: null, sourceAddress: null, bridgeName: null });
const findLocal = async (url: URL) => local(url);
const findOrdinary = async (url: URL) => ordinary(url);

it('finds a local datastore by its name also where it leads to its own address', async () => {
  const route = new Route(new URL('http://ds.local/a.img'), RULES);
  await route.findNext(findLocal);
  expect(route.follow('http://10.1.0.5:8080/b.img').href).toBe('http://10.1.0.5:8080/b.img');
  const asked: string[] = [];
  const next = await route.findNext(async (url) => {
    asked.push(url.href);
    return local(url, '10.1.0.9');
  });
  expect([asked, next.url.href, next.address]).toEqual([
    ['http://ds.local/a.img'],
    'http://10.1.0.9:8080/b.img',
    '10.1.0.9',
  ]);
});

it('gives the credential to the origin that was asked for, by its name or its address', async () => {
  const route = new Route(new URL('http://ds.local/a.img'), RULES);
  await route.findNext(findLocal);
  expect(route.isAskedOrigin).toBe(true);
  route.follow('http://10.1.0.5/b.img');
  await route.findNext(findLocal);
  expect(route.isAskedOrigin).toBe(true);
  route.follow('http://10.1.0.5:8080/b.img');
  await route.findNext(findLocal);
  expect(route.isAskedOrigin).toBe(false);
});

it('lets ordinary DNS lead inside from what was asked for alone', async () => {
  const route = new Route(new URL('http://far.example/a.img'), RULES);
  expect(route.refusesInternal(await route.findNext(findOrdinary))).toBe(false);
  route.follow('http://other.example/a.img');
  expect(route.refusesInternal(await route.findNext(findOrdinary))).toBe(true);
});

it('follows no redirect without end, and says which one it refuses', async () => {
  const route = new Route(new URL('http://far.example/0'), RULES);
  for (const hop of [1, 2, 3, 4, 5]) {
    await route.findNext(findOrdinary);
    route.follow(`/${hop}`);
  }
  expect((await route.findNext(findOrdinary)).url.pathname).toBe('/5');
  expect(() => route.follow('/6')).toThrow('redirect to "/6" refused: more than 5 in a row');
});
