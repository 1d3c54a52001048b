// SPDX-License-Identifier: Apache-2.0
import { type AvahiFinding, type AvahiPlace, malformed } from './avahi-file.ts';
import { parseTxtRecord, type TxtValueFormat } from './txt-record.ts';
import { type PlacedElement, parseXmlFile } from './xml-element.ts';

/** One `<service>` of a service file. */
export interface AvahiService extends AvahiPlace {
  /** The group's `<name>`; every `%h` in it is the host name when `replacesWildcards`. */
  readonly name: string;
  readonly replacesWildcards: boolean;
  /** Lower case, such as `_http._tcp`. */
  readonly type: string;
  /** The labels in front of `_sub`. */
  readonly subtypes: readonly string[];
  readonly port: number;
  readonly txt: readonly Buffer[];
  readonly protocol: 'any' | 'ipv4' | 'ipv6';
  readonly hostName: string | undefined;
  readonly domainName: string | undefined;
}

const SERVICE_TYPE = /^_[a-z0-9-]{1,62}\._(?:tcp|udp)$/;
const SUBTYPE_LABEL = /^_[^\s.]{1,62}$/;
/** A TXT record beyond this does not fit into one datagram with all else (RFC 6763 §6.2). */
const MAX_TXT_BYTES = 1000;

/** What may stand in an element, after `avahi-service.dtd`: attributes with their values, and elements. */
const FORM: Readonly<
  Record<string, { attributes?: Readonly<Record<string, readonly string[]>>; children?: readonly string[] }>
> = {
  'service-group': { children: ['name', 'service'] },
  name: { attributes: { 'replace-wildcards': ['yes', 'no'] } },
  service: {
    attributes: { protocol: ['any', 'ipv4', 'ipv6'] },
    children: ['type', 'subtype', 'domain-name', 'host-name', 'port', 'txt-record'],
  },
  'txt-record': { attributes: { 'value-format': ['text', 'binary-hex', 'binary-base64'] } },
};

/** @throws ConfigurationError when the element, or one in it, holds what it may not */
function checkForm(element: PlacedElement): void {
  const { attributes = {}, children = [] } = FORM[element.name] ?? {};
  for (const [name, value] of Object.entries(element.attributes)) {
    const allowed = attributes[name];
    if (allowed === undefined) throw malformed(element, `<${element.name}> has no attribute "${name}"`);
    if (!allowed.includes(value)) {
      throw malformed(element, `${name}="${value}" is not allowed; ${allowed.join(', ')} are`);
    }
  }
  for (const child of element.children) {
    if (!children.includes(child.name)) {
      throw malformed(child, `<${child.name}> is not expected in <${element.name}>`);
    }
    checkForm(child);
  }
}

/** Text where only elements belong, which Avahi passes over. */
function findStrayText(element: PlacedElement): AvahiFinding[] {
  const isContainer = FORM[element.name]?.children !== undefined;
  const text = element.text.trim();
  const { file, line } = element;
  return [
    ...(isContainer && text !== ''
      ? [
          {
            file,
            line,
            severity: 'warning',
            message: `text in <${element.name}> is ignored: "${text}"`,
          } as const,
        ]
      : []),
    ...element.children.flatMap(findStrayText),
  ];
}

const childrenOf = (element: PlacedElement, name: string) =>
  element.children.filter((child) => child.name === name);

/** The only child of a name; undefined when there is none. */
function onlyChild(element: PlacedElement, name: string): PlacedElement | undefined {
  const [child, second] = childrenOf(element, name);
  if (second !== undefined) throw malformed(second, `<${element.name}> has more than one <${name}>`);
  return child;
}

function neededChild(element: PlacedElement, name: string): PlacedElement {
  const child = onlyChild(element, name);
  if (child === undefined) throw malformed(element, `<${element.name}> has no <${name}>`);
  return child;
}

function parseType(element: PlacedElement): string {
  const type = element.text.trim().toLowerCase();
  if (SERVICE_TYPE.test(type)) return type;
  throw malformed(element, `"${element.text.trim()}" is no service type such as _http._tcp`);
}

function parsePort(element: PlacedElement): number {
  const text = element.text.trim();
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw malformed(element, `"${text}" is no port from 1 to 65535`);
}

function parseSubtype(element: PlacedElement, type: string): string {
  const text = element.text.trim();
  const [label = '', ...rest] = text.split('.');
  if (SUBTYPE_LABEL.test(label) && rest.join('.').toLowerCase() === `_sub.${type}`) return label;
  throw malformed(element, `"${text}" is no subtype of ${type}, such as _name._sub.${type}`);
}

function parseTxt(service: PlacedElement): Buffer[] {
  const strings = childrenOf(service, 'txt-record').map((element) => {
    const format = (element.attributes['value-format'] ?? 'text') as TxtValueFormat;
    const bytes = parseTxtRecord(element.text, format);
    if (typeof bytes === 'string') throw malformed(element, `the txt-record "${element.text}" ${bytes}`);
    return bytes;
  });
  const sizeBytes = strings.reduce((sum, bytes) => sum + 1 + bytes.length, 0);
  if (sizeBytes <= MAX_TXT_BYTES) return strings;
  throw malformed(
    service,
    `the txt-records of the service take ${sizeBytes} bytes; at most ${MAX_TXT_BYTES} fit into a datagram`,
  );
}

function parseService(service: PlacedElement, name: PlacedElement): AvahiService {
  const type = parseType(neededChild(service, 'type'));
  return {
    file: service.file,
    line: service.line,
    name: name.text,
    replacesWildcards: name.attributes['replace-wildcards'] === 'yes',
    type,
    subtypes: childrenOf(service, 'subtype').map((subtype) => parseSubtype(subtype, type)),
    port: parsePort(neededChild(service, 'port')),
    txt: parseTxt(service),
    protocol: (service.attributes.protocol ?? 'any') as AvahiService['protocol'],
    hostName: onlyChild(service, 'host-name')?.text.trim(),
    domainName: onlyChild(service, 'domain-name')?.text.trim(),
  };
}

/**
 * Reads a service file of Avahi (`avahi.service(5)`): one group, one name, one service or more.
 *
 * @param file for messages
 * @throws ConfigurationError naming file, line and reason
 */
export function parseServiceFile(
  text: string,
  file: string,
): { readonly services: readonly AvahiService[]; readonly findings: readonly AvahiFinding[] } {
  const group = parseXmlFile(text, file);
  if (group.name !== 'service-group') {
    throw malformed(group, `<service-group> expected instead of <${group.name}>`);
  }
  checkForm(group);
  const name = neededChild(group, 'name');
  const services = childrenOf(group, 'service');
  if (services.length === 0) throw malformed(group, '<service-group> has no <service>');
  return {
    services: services.map((service) => parseService(service, name)),
    findings: findStrayText(group),
  };
}
