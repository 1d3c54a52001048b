// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it, test } from 'vitest';
import { createNeighbourWatch } from './neighbour-watch.ts';
import { describeNeighbours, isTakenFor, printableName } from './neighbours.ts';

const HOST = 'Edge-DS.local';
const HTTP = 'x._http._tcp.local';
const target = (name: string, ttlSeconds = 120, owner = HTTP) => ({ owner, target: name, ttlSeconds });

describe('who is taken for us', () => {
  it.each<[string, string, boolean]>([
    ['my-Edge-DS.local', HTTP, true],
    ['my-Edge-DS.local.', `${HTTP}.`, true],
    ['Edge-DS.localdomain', HTTP, true],
    ['Edge-DS.local.evil', HTTP, true],
    ['my-Edge-DS.local', 'x._workstation._tcp.local', true],
    ['my-Edge-DS.local', 'x._https._tcp.local', true],
    // EVE asks for other services at no time.
    ['my-Edge-DS.local', 'x._ipp._tcp.local', false],
    ['my-Edge-DS.local', 'x._http._udp.local', false],
    ['my-Edge-DS.local', '_http._tcp.local', false],
    // EVE compares letter by letter.
    ['my-edge-ds.local', HTTP, false],
    ['Edge-DS.local', HTTP, false],
    ['Edge-DS.local.', HTTP, false],
    ['Edge-DS-2.local', HTTP, false],
    ['printer.local', HTTP, false],
    ['', HTTP, false],
  ])('%s of %s: %s', (name, owner, isTaken) => {
    expect(isTakenFor(HOST, target(name, 120, owner))).toBe(isTaken);
  });
});

function watch() {
  let now = 0;
  const neighbours = createNeighbourWatch({ nowMs: () => now }, { hostName: HOST });
  const names = () => neighbours.list().map(({ name, interfaceName }) => `${name} on ${interfaceName}`);
  const hear = (name: string, ttlSeconds?: number, interfaceName = 'eth0') =>
    neighbours.hear(interfaceName, '10.1.0.9', [target(name, ttlSeconds)]);
  return { neighbours, names, hear, at: (seconds: number) => (now = seconds * 1000) };
}

test('knows a neighbour on its link for as long as its record lives', () => {
  const { at, hear, names, neighbours } = watch();
  hear('my-Edge-DS.local.');
  hear('my-Edge-DS.local', 10, 'eth1');
  hear('printer.local');
  expect(names()).toEqual(['my-Edge-DS.local on eth0', 'my-Edge-DS.local on eth1']);
  at(10);
  expect(names()).toEqual(['my-Edge-DS.local on eth0']);
  at(119);
  hear('my-Edge-DS.local');
  at(130);
  expect(names()).toHaveLength(1);
  // A goodbye (RFC 6762 §10.1).
  hear('my-Edge-DS.local', 0);
  expect(names()).toEqual([]);
  hear('my-Edge-DS.local');
  neighbours.forget('eth0');
  expect(names()).toEqual([]);
});

test('believes no life without end', () => {
  const { at, hear, names } = watch();
  hear('my-Edge-DS.local', 0xffff_ffff);
  at(4500);
  expect(names()).toEqual([]);
});

test('asks again before a record dies, and seldom', () => {
  const { at, hear, neighbours } = watch();
  hear('my-Edge-DS.local');
  hear('our-Edge-DS.local');
  expect(neighbours.takeDue()).toEqual([]);
  at(96);
  expect(neighbours.takeDue()).toEqual(['eth0']);
  expect(neighbours.takeDue()).toEqual([]);
  at(97);
  hear('short-Edge-DS.local', 10);
  at(106);
  expect(neighbours.takeDue()).toEqual([]);
});

test('tells of each once, and not every moment', () => {
  const { at, hear, neighbours } = watch();
  const news = () => neighbours.takeNews().map(({ name }) => name);
  hear('my-Edge-DS.local', 4500);
  expect([news(), news()]).toEqual([['my-Edge-DS.local'], []]);
  hear('our-Edge-DS.local', 4500);
  at(59);
  expect(news()).toEqual([]);
  at(60);
  expect([news(), news()]).toEqual([['our-Edge-DS.local'], []]);
});

test('is bounded, and a flood of names takes nobody out', () => {
  const { hear, names } = watch();
  hear('my-Edge-DS.local');
  for (let n = 0; n < 100_000; n += 1) hear(`n${n}-Edge-DS.local`);
  expect(names()).toHaveLength(100);
  expect(names()[0]).toBe('my-Edge-DS.local on eth0');
});

test('names them for people, whatever stands in the names', () => {
  expect(printableName(`a\u001b[31m\u202e${'b'.repeat(300)}.`)).toMatch(/^a\?\[31m\?b+$/);
  expect(printableName('b'.repeat(300))).toHaveLength(255);
  const neighbour = (n: number) => ({
    interfaceName: 'eth0',
    name: `n${n}-ds.local`,
    address: `10.1.0.${n}`,
  });
  expect(describeNeighbours([], 'ds.local')).toBeUndefined();
  expect(describeNeighbours([neighbour(1)], 'ds.local')).toMatch(
    /^n1-ds\.local \(10\.1\.0\.1 on eth0\): stock EVE takes every host whose name contains ds\.local /,
  );
  expect(
    describeNeighbours(
      Array.from({ length: 9 }, (_, n) => neighbour(n)),
      'ds.local',
    ),
  ).toContain('n4-ds.local (10.1.0.4 on eth0) and 4 more: ');
});
