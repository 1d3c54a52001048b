// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { readPortMaps } from './port-maps.ts';

const match = (type: string, value: string) => ({ type, value });
const action = (more: object = {}) => ({ drop: false, limit: false, portmap: false, appPort: 0, ...more });
const rule = (matches: readonly ReturnType<typeof match>[], more: object = {}) => ({
  matches: [...matches],
  actions: [action(more)],
  dir: 'BOTH' as const,
});
const MAP = { portmap: true, appPort: 80 };

describe('readPortMaps', () => {
  it.each([
    ['tcp', 'tcp'],
    ['TCP', 'tcp'],
    ['6', 'tcp'],
    ['udp', 'udp'],
    ['17', 'udp'],
  ])('maps a port of %s', (protocol, expected) => {
    const rules = [rule([match('protocol', protocol), match('lport', '8080')], MAP)];
    expect(readPortMaps(rules, 'acls')).toEqual({
      maps: [{ protocol: expected, hostPort: 8080, appPort: 80 }],
      problems: [],
      warnings: [],
    });
  });

  it.each([
    [[match('lport', '8080')], MAP, /protocol tcp or udp/],
    [[match('protocol', 'icmp'), match('lport', '8080')], MAP, /protocol tcp or udp/],
    [[match('protocol', 'tcp')], MAP, /lport/],
    [[match('protocol', 'tcp'), match('lport', 'http')], MAP, /lport/],
    [[match('protocol', 'tcp'), match('lport', '70000')], MAP, /lport/],
    [[match('protocol', 'tcp'), match('lport', '8080')], { portmap: true }, /appPort/],
  ])('%j with %j is refused by what it lacks', (matches, map, why) => {
    expect(readPortMaps([rule(matches, map)], 'acls').problems).toEqual([
      expect.stringMatching(new RegExp(`^acls\\[0\\]: .*${why.source}`)),
    ]);
  });

  it.each<[string, ReturnType<typeof rule>[], number]>([
    ['all that is allowed', [rule([match('ip', '0.0.0.0/0')])], 0],
    ['none', [], 0],
    ['what is dropped', [rule([match('ip', '0.0.0.0/0')], { drop: true })], 1],
    ['what is limited', [rule([match('ip', '0.0.0.0/0')], { limit: true })], 1],
    ['what one host may', [rule([match('host', 'example.org')]), rule([match('ip', '10.0.0.1')])], 1],
  ])('%s', (_name, rules, count) => {
    expect(readPortMaps(rules, 'acls').warnings).toHaveLength(count);
  });
});
