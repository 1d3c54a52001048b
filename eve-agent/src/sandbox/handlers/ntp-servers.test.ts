// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '@local-datastore/shared/errors';
import { expect, test } from 'vitest';
import { parseNtpServers } from './ntp-servers.ts';

test('servers are addresses and names, in their order', () => {
  expect(
    parseNtpServers(['10.0.0.5', 'ds.local', 'fe80::1%eth0', '2001:db8::1', 'Time.Site.Local.', 'ntp1']),
  ).toEqual([
    { kind: 'address', address: '10.0.0.5' },
    { kind: 'name', host: 'ds.local' },
    { kind: 'address', address: 'fe80::1%eth0' },
    { kind: 'address', address: '2001:db8::1' },
    { kind: 'name', host: 'Time.Site.Local.' },
    { kind: 'name', host: 'ntp1' },
  ]);
});

test.each<[string, string[], string]>([
  ['no server', [], '0 servers'],
  ['too many', Array.from({ length: 17 }, (_, index) => `10.0.0.${index + 1}`), '17 servers'],
  ['a number', ['167772165'], '"167772165" is neither'],
  ['an address that is too short', ['10.0.5'], '"10.0.5" is neither'],
  ['nothing', [''], '"" is neither'],
  ['a port', ['10.0.0.5:123'], '"10.0.0.5:123" is neither'],
  ['a URL', ['ntp://ds.local'], 'ntp://ds.local'],
  ['no host name', ['.local'], '".local" is neither'],
  ['an address that is none', ['10.0.0.256'], '"10.0.0.256" is neither'],
  ['a group', ['224.0.1.1'], 'not the address of one host'],
  ['a group of IPv6', ['ff05::101'], 'not the address of one host'],
  ['broadcast', ['255.255.255.255'], 'not the address of one host'],
  ['any address', ['0.0.0.0'], 'not the address of one host'],
  ['any address of IPv6', ['::'], 'not the address of one host'],
  ['one twice', ['10.0.0.5', 'ds.local', 'DS.local'], 'there twice'],
])('%s is refused', (_, texts, why) => {
  expect(() => parseNtpServers(texts)).toThrow(ConfigurationError);
  expect(() => parseNtpServers(texts)).toThrow(why);
});
