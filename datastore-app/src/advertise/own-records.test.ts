// SPDX-License-Identifier: Apache-2.0
import { DNSPacket } from '@homebridge/ciao/lib/coder/DNSPacket.js';
import '@homebridge/ciao/lib/coder/records/index.js';
import { type Answer, encode } from 'dns-packet';
import { describe, expect, it } from 'vitest';
import { ignoreOwnRecords, isOwnProbe, type OwnClaims } from './own-records.ts';

const ADDRESS = '10.1.0.5';
const OTHER_INTERFACE = '10.1.0.6';
const FORMER = '10.1.0.4';
const STRANGER = '10.1.0.9';

const claims: OwnClaims = {
  hostLabel: 'Edge-DS',
  instances: [
    {
      type: '_http._tcp',
      instanceName: 'My images v1.2',
      port: 80,
      subtypes: [],
      txt: [Buffer.from('path=/')],
    },
    {
      type: '_workstation._tcp',
      instanceName: 'Edge-DS [02]',
      port: 9,
      subtypes: [],
      txt: [Buffer.alloc(0)],
    },
  ],
  isOwnAddress: (address) => [ADDRESS, OTHER_INTERFACE].includes(address),
  wasOwnAddress: (address) => address === FORMER,
};
const HTTP = 'My images v1.2._http._tcp.local';
const WORKSTATION = 'Edge-DS [02]._workstation._tcp.local';

const a = (data: string, name = 'Edge-DS.local', ttl = 120): Answer => ({ type: 'A', name, ttl, data });
const srv = (name: string, port: number, target = 'Edge-DS.local', ttl = 120): Answer => ({
  type: 'SRV',
  name,
  ttl,
  data: { port, target },
});
const txt = (name: string, ...data: string[]): Answer => ({ type: 'TXT', name, ttl: 4500, data });
const nsec = (name: string): Answer => ({
  type: 'NSEC',
  name,
  ttl: 120,
  data: { nextDomain: name, rrtypes: ['A', 'AAAA'] },
});

const SENDER = { address: STRANGER, port: 5353, family: 'IPv4' };
const decode = (bytes: Buffer) => DNSPacket.decode(SENDER, bytes);
const response = (answers: Answer[], additionals: Answer[] = []) =>
  decode(encode({ type: 'response', answers, additionals }));

/** The names of the records that are left of a response. */
function leftOf(packet: DNSPacket): string[] {
  ignoreOwnRecords(packet, claims);
  return [...packet.answers.values(), ...packet.additionals.values()].map(({ name }) =>
    name.replace(/\.$/, ''),
  );
}

describe('our own records that come back', () => {
  it.each<[string, Answer[], Answer[]]>([
    [
      'an announcement',
      [srv(HTTP, 80), txt(HTTP, 'path=/'), a(ADDRESS)],
      [nsec('Edge-DS.local'), nsec(HTTP)],
    ],
    ['a part of it, without the address', [srv(HTTP, 80)], []],
    ['another part', [txt(HTTP, 'path=/')], [nsec(HTTP)]],
    ['an answer of an interface on the same link', [srv(WORKSTATION, 9), a(OTHER_INTERFACE)], []],
    ['all addresses of the host', [a(ADDRESS), a(OTHER_INTERFACE)], []],
    ['one that was sent before the address changed', [a(FORMER), srv(HTTP, 80)], []],
    ['in another case', [a(ADDRESS, 'EDGE-ds.LOCAL'), srv(HTTP.toUpperCase(), 80, 'edge-DS.local')], []],
    ['with the TTL of a cache', [a(ADDRESS, 'Edge-DS.local', 3), srv(HTTP, 80, 'Edge-DS.local', 3)], []],
    ['an empty text', [txt(WORKSTATION, '')], []],
  ])('%s: claims nothing', (_what, answers, additionals) => {
    expect(leftOf(response(answers, additionals))).toEqual([]);
  });

  it.each<[string, Answer[], string[]]>([
    ['another address', [a(STRANGER)], ['Edge-DS.local']],
    ['ours and another address', [a(ADDRESS), a(STRANGER)], ['Edge-DS.local']],
    [
      'an IPv6 address',
      [{ type: 'AAAA', name: 'Edge-DS.local', ttl: 120, data: 'fe80::9' }],
      ['Edge-DS.local'],
    ],
    ['our service on another port', [srv(HTTP, 8080), a(ADDRESS)], [HTTP]],
    ['our service on another host', [srv(HTTP, 80, 'printer.local')], [HTTP]],
    ['our service with another text', [txt(HTTP, 'path=/x')], [HTTP]],
    ['our service with more text', [txt(HTTP, 'path=/', 'x')], [HTTP]],
    ['the port of another service of ours', [srv(WORKSTATION, 80)], [WORKSTATION]],
    [
      'an alias of our name',
      [{ type: 'CNAME', name: 'Edge-DS.local', ttl: 120, data: 'x.local' }],
      ['Edge-DS.local'],
    ],
    ['a goodbye', [a(ADDRESS, 'Edge-DS.local', 0)], ['Edge-DS.local']],
    ['our address under another name', [a(ADDRESS, 'my-Edge-DS.local')], ['my-Edge-DS.local']],
    ['a service of another name', [srv('x._http._tcp.local', 80)], ['x._http._tcp.local']],
  ])('%s: stays', (_what, answers, left) => {
    expect(leftOf(response(answers))).toEqual(left);
  });
});

describe('probes', () => {
  const probe = (...authorities: Answer[]) =>
    decode(encode({ type: 'query', questions: [{ name: HTTP, type: 'SRV' }], authorities }));
  it.each<[string, Answer[], boolean]>([
    ['of ours', [srv(HTTP, 80), txt(HTTP, 'path=/'), a(ADDRESS)], true],
    ['of ours for two services at once', [srv(HTTP, 80), srv(WORKSTATION, 9), a(ADDRESS)], true],
    ['of another interface of ours', [a(OTHER_INTERFACE)], true],
    ['of ours beside a foreign one', [a(ADDRESS), a(STRANGER, 'other.local')], true],
    ['of another host', [srv(HTTP, 80), a(STRANGER)], false],
    ['of who took over our former address', [a(FORMER)], false],
    ['for a service of ours on another port', [srv(HTTP, 81), a(ADDRESS)], false],
    ['for another name', [a(STRANGER, 'other.local')], false],
    ['for nothing', [], false],
  ])('%s: %s, ours is %s', (_what, authorities, isOurs) => {
    expect(isOwnProbe(probe(...authorities), claims)).toBe(isOurs);
  });
});
