// SPDX-License-Identifier: Apache-2.0
import { parseHostLabel } from '@local-datastore/shared/dns-sd/host-name';
import { errorMessage } from '@local-datastore/shared/errors';
import { type AvahiFinding, malformed } from './avahi-file.ts';
import { type IniEntry, parseBoolean, parseIniFile, parseList } from './ini-file.ts';

/** What `avahi-daemon.conf` says and this datastore does. Absent keys leave it to the datastore. */
export interface AvahiDaemonSettings {
  /** Without `.local`. */
  readonly hostLabel?: string;
  readonly usesIpv4?: boolean;
  readonly allowedInterfaces?: readonly string[];
  readonly deniedInterfaces?: readonly string[];
  readonly publishesWorkstation?: boolean;
  /** Nothing at all is to be published. */
  readonly isPublishingOff?: boolean;
}

type Settings = { -readonly [Key in keyof AvahiDaemonSettings]: AvahiDaemonSettings[Key] };

/** What is done with a key: it changes the settings, or says why it does not. */
type KeyRule =
  | { readonly kind: 'honoured'; read(settings: Settings, entry: IniEntry): void }
  | { readonly kind: 'without-effect'; readonly why: string }
  | { readonly kind: 'unsupported'; isAsked(entry: IniEntry): boolean; readonly why: string };

const honoured = (read: (settings: Settings, entry: IniEntry) => void): KeyRule => ({
  kind: 'honoured',
  read,
});
const withoutEffect = (why: string): KeyRule => ({ kind: 'without-effect', why });
/** A boolean of which only `yes` asks for something. */
const unsupportedYes = (why: string): KeyRule => ({ kind: 'unsupported', isAsked: parseBoolean, why });
const unsupportedNo = (why: string): KeyRule => ({
  kind: 'unsupported',
  isAsked: (entry) => !parseBoolean(entry),
  why,
});
const unsupportedValue = (why: string): KeyRule => ({
  kind: 'unsupported',
  isAsked: ({ value }) => value !== '',
  why,
});

/** The kernel's limit for the name of an interface. */
const INTERFACE_NAME = /^[^\s/:]{1,15}$/;

function parseInterfaces(entry: IniEntry): string[] {
  const names = parseList(entry);
  const wrong = names.find((name) => !INTERFACE_NAME.test(name));
  if (wrong === undefined) return names;
  throw malformed(entry, `${entry.key}: "${wrong}" is no name of a network interface`);
}

function parseHostName(entry: IniEntry): string {
  try {
    return parseHostLabel(entry.value);
  } catch (error) {
    throw malformed(entry, errorMessage(error));
  }
}

const BY_DBUS = 'nothing registers with this datastore by D-Bus';
const NO_CACHE = 'the datastore answers and does not browse';
const ONLY_IPV4 = 'only IPv4 is advertised (stock EVE asks for IPv4 only)';
const LIMIT = 'the datastore has limits of its own';

/** Every key that avahi-daemon 0.8 knows, by section. */
const RULES: Readonly<Record<string, Readonly<Record<string, KeyRule>>>> = {
  server: {
    'host-name': honoured((settings, entry) => {
      settings.hostLabel = parseHostName(entry);
    }),
    'host-name-from-machine-id': unsupportedYes('the host name comes from host-name or --host-name'),
    'domain-name': {
      kind: 'unsupported',
      isAsked: ({ value }) => !/^\.?local\.?$/i.test(value),
      why: 'multicast DNS is spoken below .local only',
    },
    'browse-domains': withoutEffect(NO_CACHE),
    'use-ipv4': honoured((settings, entry) => {
      settings.usesIpv4 = parseBoolean(entry);
    }),
    'use-ipv6': unsupportedYes(ONLY_IPV4),
    'allow-interfaces': honoured((settings, entry) => {
      settings.allowedInterfaces = parseInterfaces(entry);
    }),
    'deny-interfaces': honoured((settings, entry) => {
      settings.deniedInterfaces = parseInterfaces(entry);
    }),
    'check-response-ttl': unsupportedYes('EVE asks with an IP TTL of 1'),
    'use-iff-running': withoutEffect('an interface is used when it is up and has an IPv4 address'),
    'enable-dbus': withoutEffect(BY_DBUS),
    'disallow-other-stacks': unsupportedYes('port 5353 is shared with other responders'),
    'allow-point-to-point': withoutEffect('an interface is used when it is up and has an IPv4 address'),
    'cache-entries-max': withoutEffect(NO_CACHE),
    'clients-max': withoutEffect(BY_DBUS),
    'objects-per-client-max': withoutEffect(BY_DBUS),
    'entries-per-entry-group-max': withoutEffect(BY_DBUS),
    'ratelimit-interval-usec': withoutEffect(LIMIT),
    'ratelimit-burst': withoutEffect(LIMIT),
  },
  'wide-area': {
    'enable-wide-area': withoutEffect(NO_CACHE),
  },
  publish: {
    'disable-publishing': honoured((settings, entry) => {
      settings.isPublishingOff = parseBoolean(entry);
    }),
    'disable-user-service-publishing': withoutEffect(BY_DBUS),
    'add-service-cookie': unsupportedYes('services have no cookie'),
    'publish-addresses': unsupportedNo('without an address nobody finds the datastore; it is published'),
    'publish-hinfo': unsupportedYes('no HINFO record is published'),
    'publish-workstation': honoured((settings, entry) => {
      settings.publishesWorkstation = parseBoolean(entry);
    }),
    'publish-domain': withoutEffect('EVE does not ask for browsing domains; none is published'),
    'publish-dns-servers': unsupportedValue('DNS servers are not published'),
    'publish-resolv-conf-dns-servers': unsupportedYes('DNS servers are not published'),
    'publish-aaaa-on-ipv4': withoutEffect(ONLY_IPV4),
    'publish-a-on-ipv6': unsupportedYes(ONLY_IPV4),
  },
  reflector: {
    'enable-reflector': unsupportedYes('nothing is reflected from one network to another'),
    'reflect-ipv': unsupportedYes('nothing is reflected from one network to another'),
    'reflect-filters': withoutEffect('nothing is reflected'),
  },
  rlimits: Object.fromEntries(
    ['as', 'core', 'data', 'fsize', 'nofile', 'stack', 'nproc'].map((name) => [
      `rlimit-${name}`,
      withoutEffect('limits are set where the datastore is started'),
    ]),
  ),
};

/**
 * Reads an `avahi-daemon.conf`. As with Avahi, a section or a key that does not exist is an error, and of a
 * key that is given twice the second counts.
 *
 * @param file for messages
 * @throws ConfigurationError naming file, line and reason
 */
export function parseDaemonConfig(
  text: string,
  file: string,
): { readonly settings: AvahiDaemonSettings; readonly findings: readonly AvahiFinding[] } {
  const { sections, entries } = parseIniFile(text, file);
  const unknown = sections.find(({ name }) => RULES[name] === undefined);
  if (unknown !== undefined) {
    const known = Object.keys(RULES).map((name) => `[${name}]`);
    throw malformed(unknown, `there is no section [${unknown.name}]; known are ${known.join(', ')}`);
  }
  const settings: Settings = {};
  const findings: AvahiFinding[] = [];
  for (const entry of entries) {
    const { line, section, key, value } = entry;
    const rule = RULES[section]?.[key];
    const setting = `${key}=${value}`;
    if (rule === undefined) throw malformed(entry, `there is no key "${key}" in the section [${section}]`);
    if (rule.kind === 'honoured') rule.read(settings, entry);
    if (rule.kind === 'without-effect') {
      findings.push({ file, line, severity: 'info', message: `${setting} has no effect here: ${rule.why}` });
    }
    if (rule.kind === 'unsupported' && rule.isAsked(entry)) {
      findings.push({ file, line, severity: 'warning', message: `${setting} is not supported: ${rule.why}` });
    }
  }
  return { settings, findings };
}
