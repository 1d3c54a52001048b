// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '@local-datastore/shared/errors';
import { describe, expect, test } from 'vitest';
import { parseDaemonConfig } from './daemon-config.ts';

const FILE = '/etc/avahi/avahi-daemon.conf';
const parse = (...lines: string[]) => parseDaemonConfig(lines.join('\n'), FILE);

test('reads what is honoured, whatever the case, blanks and comments', () => {
  const { settings, findings } = parse(
    '# comment',
    '; another',
    '% a third',
    '',
    '  [Server]',
    'Host-Name = my-ds.local\r',
    'use-ipv4=TRUE',
    'use-ipv6=no',
    'allow-interfaces= eth0 , eth1,',
    'deny-interfaces=eth2',
    '[publish]',
    'publish-workstation=1',
    'disable-publishing=false',
    'publish-addresses=yes',
  );
  expect(settings).toEqual({
    hostLabel: 'my-ds',
    usesIpv4: true,
    allowedInterfaces: ['eth0', 'eth1'],
    deniedInterfaces: ['eth2'],
    publishesWorkstation: true,
    isPublishingOff: false,
  });
  expect(findings).toEqual([]);
});

test('leaves open what the file does not say, and takes the second of two values', () => {
  expect(parse('[server]', '[publish]').settings).toEqual({});
  expect(parse('').settings).toEqual({});
  expect(parse('[server]', 'host-name=a', 'host-name=b').settings).toEqual({ hostLabel: 'b' });
  expect(parse('[server]', 'allow-interfaces=').settings).toEqual({ allowedInterfaces: [] });
});

test.each([
  ['server', 'use-ipv6=yes'],
  ['server', 'domain-name=example.org'],
  ['server', 'host-name-from-machine-id=yes'],
  ['server', 'check-response-ttl=yes'],
  ['server', 'disallow-other-stacks=y'],
  ['publish', 'publish-addresses=no'],
  ['publish', 'publish-hinfo=yes'],
  ['publish', 'add-service-cookie=yes'],
  ['publish', 'publish-dns-servers=10.0.0.1'],
  ['publish', 'publish-resolv-conf-dns-servers=yes'],
  ['publish', 'publish-a-on-ipv6=yes'],
  ['reflector', 'enable-reflector=yes'],
  ['reflector', 'reflect-ipv=yes'],
])('[%s] %s is reported by name as not supported', (section, setting) => {
  const { settings, findings } = parse(`[${section}]`, '', setting);
  expect(settings).toEqual({});
  expect(findings).toEqual([
    {
      file: FILE,
      line: 3,
      severity: 'warning',
      message: expect.stringContaining(`${setting} is not supported: `),
    },
  ]);
});

test.each([
  ['server', 'domain-name=local'],
  ['server', 'check-response-ttl=no'],
  ['publish', 'publish-hinfo=no'],
  ['publish', 'publish-dns-servers='],
  ['reflector', 'enable-reflector=no'],
])('[%s] %s asks for nothing that is not done', (section, setting) => {
  expect(parse(`[${section}]`, setting).findings).toEqual([]);
});

test.each([
  ['server', 'ratelimit-burst=1000'],
  ['server', 'cache-entries-max=4096'],
  ['server', 'enable-dbus=warn'],
  ['wide-area', 'enable-wide-area=yes'],
  ['publish', 'publish-domain=yes'],
  ['rlimits', 'rlimit-nofile=768'],
])('[%s] %s is told to be without effect', (section, setting) => {
  expect(parse(`[${section}]`, setting).findings).toEqual([
    {
      file: FILE,
      line: 2,
      severity: 'info',
      message: expect.stringContaining(`${setting} has no effect here: `),
    },
  ]);
});

describe('a malformed file', () => {
  test.each([
    [['[server'], 1, 'no closing bracket'],
    [['host-name=a'], 1, 'before the first section'],
    [['[server]', 'host-name'], 2, 'no key=value'],
    [['[server]', '', '[printers]'], 3, 'no section [printers]; known are [server]'],
    [['[server]', 'hostname=a'], 2, 'no key "hostname" in the section [server]'],
    [['[publish]', 'host-name=a'], 2, 'no key "host-name" in the section [publish]'],
    [['[server]', 'use-ipv4=maybe'], 2, 'use-ipv4=maybe: yes or no expected'],
    [['[server]', 'use-ipv6='], 2, 'use-ipv6=: yes or no expected'],
    [['[server]', 'host-name=my_ds'], 2, 'host name "my_ds"'],
    [['[server]', 'host-name='], 2, 'host name ""'],
    [['[server]', 'allow-interfaces=eth0,a/b'], 2, '"a/b" is no name of a network interface'],
  ])('%j: line %i: %s', (lines, line, reason) => {
    expect(() => parse(...lines)).toThrow(ConfigurationError);
    expect(() => parse(...lines)).toThrow(`${FILE}, line ${line}: `);
    expect(() => parse(...lines)).toThrow(reason);
  });
});
