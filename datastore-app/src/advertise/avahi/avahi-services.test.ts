// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { planAvahiServices } from './avahi-services.ts';
import type { AvahiService } from './service-file.ts';

const service = (more: Partial<AvahiService> = {}): AvahiService => ({
  file: 'http.service',
  line: 5,
  name: '%h',
  replacesWildcards: true,
  type: '_http._tcp',
  subtypes: [],
  port: 80,
  txt: [],
  protocol: 'any',
  hostName: undefined,
  domainName: undefined,
  ...more,
});
const nameOf = (more: Partial<AvahiService>) =>
  planAvahiServices([service(more)], 'ds').services[0]?.instanceName;

test('puts the host name in the place of %h, everywhere, if it is to be replaced', () => {
  expect(nameOf({ name: '%h on %h' })).toBe('ds on ds');
  expect(nameOf({ name: '%h', replacesWildcards: false })).toBe('%h');
});

test.each([
  {},
  { protocol: 'ipv4' as const },
  { domainName: 'local' },
  { domainName: 'Local.' },
  { hostName: 'ds' },
  { hostName: 'DS.local' },
])('advertises %j', (more) => {
  const { services, findings } = planAvahiServices([service(more)], 'ds');
  expect(services).toEqual([{ type: '_http._tcp', port: 80, instanceName: 'ds', subtypes: [], txt: [] }]);
  expect(findings).toEqual([]);
});

test.each([
  [{ protocol: 'ipv6' as const }, 'protocol="ipv6"'],
  [{ domainName: 'example.org' }, 'domain-name example.org'],
  [{ hostName: 'printer.local' }, 'host-name printer.local'],
  [{ type: '_a-very-long-type._tcp' }, '"a-very-long-type" has more than 15 characters'],
  [{ name: 'v1.2' }, 'name "v1.2": names with a dot'],
])('reports by name that %j is not advertised', (more, reason) => {
  const { services, findings } = planAvahiServices([service({ port: 81, name: 'b' }), service(more)], 'ds');
  expect(services.map(({ port }) => port)).toEqual([81]);
  expect(findings).toEqual([
    { file: 'http.service', line: 5, severity: 'warning', message: expect.stringContaining(reason) },
  ]);
});

test('reports the second service of a name', () => {
  const { services, findings } = planAvahiServices(
    [service(), service({ file: 'z.service', line: 7, name: 'DS', port: 81 })],
    'ds',
  );
  expect(services.map(({ port }) => port)).toEqual([80]);
  expect(findings).toEqual([
    {
      file: 'z.service',
      line: 7,
      severity: 'warning',
      message: 'the service DS._http._tcp is not advertised; http.service, line 5, has that name already',
    },
  ]);
});

test.each([
  ['', 'the <name> is empty'],
  ['a'.repeat(64), 'has 64 bytes; 63 are possible'],
  ['ä'.repeat(32), 'has 64 bytes'],
  ['\n  ds\n', 'line breaks'],
])('refuses the name %j', (name, reason) => {
  expect(() => planAvahiServices([service({ name })], 'ds')).toThrow('http.service, line 5: ');
  expect(() => planAvahiServices([service({ name })], 'ds')).toThrow(reason);
});
