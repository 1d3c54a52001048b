// SPDX-License-Identifier: Apache-2.0
import { type Service, WORKSTATION_PORT } from '@local-datastore/shared/dns-sd/service-types';
import { planAvahiServices } from './avahi/avahi-services.ts';
import type { AvahiConfiguration } from './avahi/load-avahi-files.ts';
import { type AdvertisedService, serviceType } from './service-instances.ts';

/** The ports that are really listened on; https is undefined where TLS is off. */
export interface ListenPorts {
  readonly http: number;
  readonly https: number | undefined;
}

/** Something about advertising that a person should know. */
export interface AdvertisementFinding {
  readonly severity: 'warning' | 'info';
  readonly message: string;
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
}

export interface AdvertisementPlan {
  /** None: nothing is advertised. */
  readonly services: readonly AdvertisedService[];
  readonly findings: readonly AdvertisementFinding[];
}

export interface AdvertisementChoices {
  /** Without `.local`. */
  readonly hostLabel: string;
  /** The datastore's own services, in EVE's order. */
  readonly ownServices: readonly Service[];
  /** Whether they were chosen by a person, which is stronger than Avahi's files. */
  readonly isExplicit: boolean;
  readonly avahi: AvahiConfiguration | undefined;
}

const warning = (message: string): AdvertisementFinding => ({ severity: 'warning', message });

/** What EVE and browsers would trip over. */
function findPortProblems(
  services: readonly AdvertisedService[],
  ports: ListenPorts,
): AdvertisementFinding[] {
  return services.flatMap(({ type, port, instanceName }) => {
    const name = `${instanceName ?? ''} ${type}`.trim();
    if (type === serviceType('http') && port !== ports.http) {
      return [warning(`${name} is advertised on port ${port}, but HTTP is served on port ${ports.http}`)];
    }
    if (type === serviceType('https') && ports.https === undefined) {
      return [warning(`${name} is advertised on port ${port}, but HTTPS is off`)];
    }
    if (type === serviceType('https') && port !== ports.https) {
      return [warning(`${name} is advertised on port ${port}, but HTTPS is served on port ${ports.https}`)];
    }
    return [];
  });
}

/** What EVE's downloader asks for (`findDSmDNS`). */
const EVE_TYPES = new Set((['workstation', 'http', 'https'] as const).map(serviceType));

function servicesOf(
  { hostLabel, ownServices, isExplicit, avahi }: AdvertisementChoices,
  ports: ListenPorts,
): AdvertisementPlan {
  const portOf = { workstation: WORKSTATION_PORT, http: ports.http, https: ports.https ?? 0 };
  const own = (services: readonly Service[]) =>
    services.map((service) => ({ type: serviceType(service), port: portOf[service] }));
  if (avahi === undefined || isExplicit || ownServices.length === 0) {
    const isPassedOver = avahi !== undefined && avahi.services.length > 0;
    const message = `--advertise is given, so the services of ${avahi?.directory}/services are not advertised`;
    return { services: own(ownServices), findings: isPassedOver ? [warning(message)] : [] };
  }
  const { usesIpv4 = true, isPublishingOff = false, publishesWorkstation = true } = avahi.settings;
  if (isPublishingOff) {
    return { services: [], findings: [warning('disable-publishing=yes: nothing is advertised')] };
  }
  if (!usesIpv4) {
    const message = 'use-ipv4=no: nothing is advertised, since only IPv4 is (stock EVE asks for IPv4 only)';
    return { services: [], findings: [warning(message)] };
  }
  // As Avahi has it: without text.
  const workstation = own(publishesWorkstation ? ['workstation'] : []).map((each) => ({ ...each, txt: [] }));
  if (avahi.services.length === 0) {
    const others = own(ownServices.filter((service) => service !== 'workstation'));
    return { services: [...workstation, ...others], findings: [] };
  }
  const planned = planAvahiServices(avahi.services, hostLabel);
  return { services: [...workstation, ...planned.services], findings: planned.findings };
}

/**
 * Which services are advertised, and what is wrong with them. Avahi's files are weaker than what a person
 * chose and stronger than the defaults: service files take the place of http and https.
 *
 * @throws ConfigurationError naming file, line and reason when a service file has a name that is none
 */
export function planAdvertisement(choices: AdvertisementChoices, ports: ListenPorts): AdvertisementPlan {
  const { services, findings } = servicesOf(choices, ports);
  const isFoundByEve = services.some(({ type }) => EVE_TYPES.has(type));
  return {
    services,
    findings: [
      ...(choices.avahi?.findings ?? []),
      ...findings,
      ...findPortProblems(services, ports),
      ...(services.length > 0 && !isFoundByEve
        ? [warning(`EVE does not find the datastore: it asks for ${[...EVE_TYPES].join(', ')} only`)]
        : []),
    ],
  };
}
