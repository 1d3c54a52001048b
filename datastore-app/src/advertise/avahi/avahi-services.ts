// SPDX-License-Identifier: Apache-2.0
import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import { type AdvertisedService, MAX_LABEL_BYTES } from '../service-instances.ts';
import { type AvahiFinding, malformed } from './avahi-file.ts';
import type { AvahiService } from './service-file.ts';

/** RFC 6335 §5.1: without the underscore. ciao 1.3.12 takes no longer one either. */
const MAX_TYPE_NAME_LENGTH = 15;

/** The group's name as an instance name. */
function instanceNameOf(service: AvahiService, hostLabel: string): string {
  const { name, replacesWildcards } = service;
  const instanceName = replacesWildcards ? name.replaceAll('%h', hostLabel) : name;
  const sizeBytes = Buffer.byteLength(instanceName);
  if (sizeBytes === 0) throw malformed(service, 'the <name> is empty');
  if (sizeBytes > MAX_LABEL_BYTES) {
    throw malformed(
      service,
      `the name "${instanceName}" has ${sizeBytes} bytes; ${MAX_LABEL_BYTES} are possible`,
    );
  }
  // RFC 6763 §4.1.1.
  if (/\p{Cc}/u.test(instanceName)) {
    throw malformed(
      service,
      `the name ${JSON.stringify(instanceName)} has control characters or line breaks`,
    );
  }
  return instanceName;
}

/** Why a service cannot be advertised although its file is right; undefined when it can. */
function whyUnsupported(service: AvahiService, instanceName: string, hostLabel: string): string | undefined {
  const { hostName, domainName, protocol, type } = service;
  if (protocol === 'ipv6') return 'protocol="ipv6": only IPv4 is advertised';
  if (domainName !== undefined && !isSameHost(domainName, 'local')) {
    return `domain-name ${domainName}: multicast DNS is spoken below .local only`;
  }
  const isOurHost =
    hostName === undefined || isSameHost(hostName, hostLabel) || isSameHost(hostName, `${hostLabel}.local`);
  if (!isOurHost) {
    return `host-name ${hostName}: only services of this host, ${hostLabel}.local, are advertised`;
  }
  const [typeName = ''] = type.slice(1).split('.');
  if (typeName.length > MAX_TYPE_NAME_LENGTH) {
    return `type ${type}: "${typeName}" has more than ${MAX_TYPE_NAME_LENGTH} characters`;
  }
  if (instanceName.includes('.')) return `name "${instanceName}": names with a dot cannot be published`;
  return undefined;
}

/**
 * What of the service files can be advertised on a host name. What cannot is reported by name.
 *
 * @throws ConfigurationError naming file, line and reason when a name is none
 */
export function planAvahiServices(
  services: readonly AvahiService[],
  hostLabel: string,
): { readonly services: readonly AdvertisedService[]; readonly findings: readonly AvahiFinding[] } {
  const findings: AvahiFinding[] = [];
  const planned: AdvertisedService[] = [];
  const publishedBy = new Map<string, AvahiService>();
  for (const service of services) {
    const { file, line, type, port, subtypes, txt } = service;
    const instanceName = instanceNameOf(service, hostLabel);
    const fullName = `${instanceName}.${type}`;
    const same = publishedBy.get(fullName.toLowerCase());
    const reason =
      same === undefined
        ? whyUnsupported(service, instanceName, hostLabel)
        : `${same.file}, line ${same.line}, has that name already`;
    if (reason !== undefined) {
      findings.push({
        file,
        line,
        severity: 'warning',
        message: `the service ${fullName} is not advertised; ${reason}`,
      });
      continue;
    }
    publishedBy.set(fullName.toLowerCase(), service);
    planned.push({ type, port, instanceName, subtypes, txt });
  }
  return { services: planned, findings };
}
