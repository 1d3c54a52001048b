// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError } from '@local-datastore/shared/errors';
import { describe, expect, test } from 'vitest';
import { parseServiceFile } from './service-file.ts';

const FILE = 'http.service';
const parse = (text: string) => parseServiceFile(text, FILE);
const HTTP = '<type>_http._tcp</type><port>80</port>';
const group = (services: string, name = '<name>ds</name>') =>
  `<service-group>\n${name}\n${services}\n</service-group>`;

test('reads a group with everything', () => {
  const { services, findings } = parse(`<?xml version="1.0" standalone='no'?><!--*-nxml-*-->
<!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<!-- ä & < -->
<service-group>
  <name replace-wildcards="yes">Ämter &amp; %h</name>
  <service protocol="ipv4">
    <type> _HTTP._tcp </type>
    <subtype>_a._sub._http._tcp</subtype>
    <subtype>_b._sub._http._tcp</subtype>
    <domain-name>local</domain-name>
    <host-name>my-ds.local</host-name>
    <port> 8080 </port>
    <txt-record>path=/ with blanks </txt-record>
    <txt-record>flag</txt-record>
  </service>
  <service><port>69</port><type>_tftp._udp</type></service>
</service-group>
`);
  const name = { file: FILE, name: 'Ämter & %h', replacesWildcards: true };
  expect(services).toEqual([
    {
      ...name,
      line: 6,
      type: '_http._tcp',
      subtypes: ['_a', '_b'],
      port: 8080,
      txt: [Buffer.from('path=/ with blanks '), Buffer.from('flag')],
      protocol: 'ipv4',
      hostName: 'my-ds.local',
      domainName: 'local',
    },
    {
      ...name,
      line: 16,
      type: '_tftp._udp',
      subtypes: [],
      port: 69,
      txt: [],
      protocol: 'any',
      hostName: undefined,
      domainName: undefined,
    },
  ]);
  expect(findings).toEqual([]);
});

test.each([
  ['text', 'a=b', Buffer.from('a=b')],
  ['text', 'a=', Buffer.from('a=')],
  ['binary-hex', 'k=00fF', Buffer.from([0x6b, 0x3d, 0, 0xff])],
  ['binary-hex', 'k', Buffer.from('k')],
  ['binary-hex', 'k=', Buffer.from('k=')],
  ['binary-base64', 'k=AP8=', Buffer.from([0x6b, 0x3d, 0, 0xff])],
])('reads a txt-record in the format %s: %s', (format, text, bytes) => {
  const record = `<txt-record value-format="${format}">${text}</txt-record>`;
  expect(parse(group(`<service>${HTTP}${record}</service>`)).services[0]?.txt).toEqual([bytes]);
});

test('tells of text that has no place', () => {
  expect(parse(group(`stray<service>${HTTP}</service>`)).findings).toEqual([
    { file: FILE, line: 1, severity: 'warning', message: 'text in <service-group> is ignored: "stray"' },
  ]);
});

const service = (content: string) => group(`<service>${content}</service>`);
const txt = (content: string, format = 'text') =>
  service(`${HTTP}<txt-record value-format="${format}">${content}</txt-record>`);

describe('a malformed file', () => {
  test.each([
    ['', 1, 'Root element'],
    ['<service-group>\n<name>ds</nam>', 2, 'Missing end tag'],
    ['<service-group>\n\n<name>&unknown;</name></service-group>', 3, 'entity'],
    ['<services/>', 1, '<service-group> expected instead of <services>'],
    [group('<service/>', ''), 1, '<service-group> has no <name>'],
    [group(''), 1, '<service-group> has no <service>'],
    [group(`<service>${HTTP}</service>`, '<name>a</name>\n<name>b</name>'), 3, 'more than one <name>'],
    [
      group(`<service>${HTTP}</service>\n<service-list/>`),
      4,
      '<service-list> is not expected in <service-group>',
    ],
    [service(`${HTTP}<name>x</name>`), 3, '<name> is not expected in <service>'],
    [service('<type>_http._tcp</type>'), 3, '<service> has no <port>'],
    [service('<port>80</port>'), 3, '<service> has no <type>'],
    [service(`${HTTP}<port>81</port>`), 3, 'more than one <port>'],
    [service('<type>http</type><port>80</port>'), 3, '"http" is no service type'],
    [service('<type>_http._sctp</type><port>80</port>'), 3, 'no service type'],
    ...['', '0', '65536', '-1', '80a', '0x50', '1e3'].map(
      (port) =>
        [service(`<type>_http._tcp</type><port>${port}</port>`), 3, `"${port}" is no port`] as [
          string,
          number,
          string,
        ],
    ),
    [service(`${HTTP}<subtype>_a</subtype>`), 3, '"_a" is no subtype of _http._tcp'],
    [service(`${HTTP}<subtype>_a._sub._ipp._tcp</subtype>`), 3, 'no subtype of _http._tcp'],
    [service(`${HTTP}<subtype>_a.b._sub._http._tcp</subtype>`), 3, 'no subtype of _http._tcp'],
    [group(`<service proto="any">${HTTP}</service>`), 3, '<service> has no attribute "proto"'],
    [
      group(`<service protocol="ipv5">${HTTP}</service>`),
      3,
      'protocol="ipv5" is not allowed; any, ipv4, ipv6 are',
    ],
    [
      group(`<service>${HTTP}</service>`, '<name replace-wildcards="true">a</name>'),
      2,
      '"true" is not allowed',
    ],
    [txt('a=b', 'hex'), 3, 'value-format="hex" is not allowed'],
    [txt('k=abc', 'binary-hex'), 3, 'does not hold pairs of hexadecimal digits'],
    [txt('k=a b', 'binary-base64'), 3, 'does not hold base64'],
    [txt(''), 3, 'is empty'],
    [txt('=b'), 3, 'has no key'],
    [txt(`k=${'a'.repeat(254)}`), 3, 'has 256 bytes; at most 255'],
    [
      service(HTTP + `<txt-record>k=${'a'.repeat(200)}</txt-record>`.repeat(5)),
      3,
      'take 1015 bytes; at most 1000',
    ],
  ])('%j: line %i: %s', (text, line, reason) => {
    expect(() => parse(text)).toThrow(ConfigurationError);
    expect(() => parse(text)).toThrow(`${FILE}, line ${line}: `);
    expect(() => parse(text)).toThrow(reason);
  });
});

test('never hangs or throws anything else on half a file', () => {
  const whole = group(`<service protocol="any">${HTTP}<txt-record>a=b</txt-record></service>`);
  for (let end = 0; end < whole.length; end += 1) {
    expect(() => parse(whole.slice(0, end))).toThrow(ConfigurationError);
  }
});
