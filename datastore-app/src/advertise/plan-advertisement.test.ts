// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import type { AvahiConfiguration } from './avahi/load-avahi-files.ts';
import { type AdvertisementChoices, planAdvertisement } from './plan-advertisement.ts';

const PORTS = { http: 80, https: undefined };
const avahiService = (type: string, port: number) => ({
  file: '/etc/avahi/services/x.service',
  line: 3,
  name: '%h',
  replacesWildcards: true,
  type,
  subtypes: [],
  port,
  txt: [],
  protocol: 'any' as const,
  hostName: undefined,
  domainName: undefined,
});
const avahi = (more: Partial<AvahiConfiguration> = {}): AvahiConfiguration => ({
  directory: '/etc/avahi',
  settings: {},
  services: [],
  findings: [],
  ...more,
});
const choices = (more: Partial<AdvertisementChoices> = {}): AdvertisementChoices => ({
  hostLabel: 'ds',
  ownServices: ['workstation', 'http'],
  isExplicit: false,
  avahi: undefined,
  ...more,
});
const typesAndPorts = (plan: ReturnType<typeof planAdvertisement>) =>
  plan.services.map(({ type, port }) => `${type} ${port}`);

test("without Avahi's files: the datastore's own services, on the ports that are listened on", () => {
  const plan = planAdvertisement(choices({ ownServices: ['workstation', 'http', 'https'] }), {
    http: 8080,
    https: 8443,
  });
  expect(typesAndPorts(plan)).toEqual(['_workstation._tcp 9', '_http._tcp 8080', '_https._tcp 8443']);
  expect(plan.findings).toEqual([]);
});

test('service files take the place of http and https', () => {
  const services = [avahiService('_ipp._tcp', 631), avahiService('_http._tcp', 80)];
  const plan = planAdvertisement(choices({ avahi: avahi({ services }) }), PORTS);
  expect(typesAndPorts(plan)).toEqual(['_workstation._tcp 9', '_ipp._tcp 631', '_http._tcp 80']);
  expect(plan.findings).toEqual([]);
});

test('publish-workstation=no takes the workstation out; without service files http stays', () => {
  const settings = { publishesWorkstation: false };
  expect(typesAndPorts(planAdvertisement(choices({ avahi: avahi({ settings }) }), PORTS))).toEqual([
    '_http._tcp 80',
  ]);
});

test('what a person chose is stronger than service files, and says so', () => {
  const services = [avahiService('_ipp._tcp', 631)];
  const plan = planAdvertisement(
    choices({ ownServices: ['http'], isExplicit: true, avahi: avahi({ services }) }),
    PORTS,
  );
  expect(typesAndPorts(plan)).toEqual(['_http._tcp 80']);
  expect(plan.findings).toEqual([
    { severity: 'warning', message: expect.stringContaining('/etc/avahi/services are not advertised') },
  ]);
});

test.each([
  [{ usesIpv4: false }, 'use-ipv4=no: nothing is advertised'],
  [{ isPublishingOff: true }, 'disable-publishing=yes: nothing is advertised'],
])('%j turns advertising off, and says so', (settings, message) => {
  const services = [avahiService('_http._tcp', 80)];
  const plan = planAdvertisement(choices({ avahi: avahi({ settings, services }) }), PORTS);
  expect(plan.services).toEqual([]);
  expect(plan.findings).toEqual([{ severity: 'warning', message: expect.stringContaining(message) }]);
});

test.each([
  ['_http._tcp', 81, PORTS, 'advertised on port 81, but HTTP is served on port 80'],
  ['_https._tcp', 443, PORTS, 'advertised on port 443, but HTTPS is off'],
  ['_https._tcp', 443, { http: 80, https: 8443 }, 'advertised on port 443, but HTTPS is served on port 8443'],
])('warns of %s on port %i with %j, and advertises it as the file says', (type, port, ports, message) => {
  const plan = planAdvertisement(choices({ avahi: avahi({ services: [avahiService(type, port)] }) }), ports);
  expect(typesAndPorts(plan)).toContain(`${type} ${port}`);
  expect(plan.findings).toEqual([{ severity: 'warning', message: expect.stringContaining(message) }]);
});

test('warns when EVE would find nothing of it', () => {
  const services = [avahiService('_ipp._tcp', 631)];
  const settings = { publishesWorkstation: false };
  const plan = planAdvertisement(choices({ avahi: avahi({ settings, services }) }), PORTS);
  expect(plan.findings).toEqual([
    { severity: 'warning', message: expect.stringContaining('EVE does not find the datastore') },
  ]);
});

test('hands on what reading the files found', () => {
  const finding = { file: 'x', line: 1, severity: 'info', message: 'm' } as const;
  expect(planAdvertisement(choices({ avahi: avahi({ findings: [finding] }) }), PORTS).findings).toEqual([
    finding,
  ]);
});
