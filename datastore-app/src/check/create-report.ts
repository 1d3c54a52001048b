// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import { plainReason } from '@local-datastore/shared/text/plain-reason';
import { findNeighbours } from '../advertise/find-neighbours.ts';
import { describeTooManyAddresses, ownAddresses } from '../advertise/link-addresses.ts';
import { describeNeighbours } from '../advertise/neighbours.ts';
import { listNetworkLinks, type NetworkLink } from '../advertise/network-links.ts';
import {
  type AdvertisementChoices,
  type AdvertisementPlan,
  planAdvertisement,
} from '../advertise/plan-advertisement.ts';
import { selectInterfaces } from '../advertise/responder-plan.ts';
import { planServiceInstances } from '../advertise/service-instances.ts';
import type { ServeOptions } from '../config.ts';
import { inspectAuthority } from '../tls/authority.ts';
import type { TlsChoice } from '../tls/decide-tls.ts';
import { readGivenIdentity } from '../tls/given-identity.ts';
import { checkCertificate } from './check-certificate.ts';
import { whyPortTaken } from './check-port.ts';
import { checkStorage } from './check-storage.ts';
import type { CheckedInterface, CheckedListener, CheckReport, Problem } from './report.ts';

export interface CheckDeps {
  readonly listLinks?: () => NetworkLink[];
  readonly whyPortTaken?: typeof whyPortTaken;
  readonly findNeighbours?: typeof findNeighbours;
  readonly now?: () => number;
}

/** The parts of the effective configuration; what cannot be had throws its ConfigurationError. */
export interface CheckInput {
  readonly options: ServeOptions;
  readonly tls: () => TlsChoice;
  readonly choices: (isTlsOn: boolean) => AdvertisementChoices;
  /** @throws ConfigurationError when the write token cannot be had; makes none */
  readonly writeTokenFile: () => Promise<string | undefined>;
  readonly readCredential: () => unknown;
  /** Why the grants of the registry cannot be used. @throws ConfigurationError when it keeps from starting */
  readonly whyNoGrants: () => Promise<string | undefined>;
  /** The same of the upstreams. @throws ConfigurationError when it keeps from starting */
  readonly whyNoUpstreams: () => Promise<string | undefined>;
}

/** The only ports that stock EVE takes: one in the FQDN switches its local mode off. */
const EVE_PORTS = { http: 80, https: 443 };

/** Collects what goes wrong instead of stopping at the first. */
function createProblems() {
  const problems: Problem[] = [];
  return {
    problems,
    async attempt<T>(work: () => T | Promise<T>): Promise<T | undefined> {
      try {
        return await work();
      } catch (error) {
        problems.push({ severity: 'error', message: plainReason(errorMessage(error)) });
        return undefined;
      }
    },
  };
}

function describeInterfaces(
  links: readonly NetworkLink[],
  hostLabel: string,
  { services }: AdvertisementPlan,
): CheckedInterface[] {
  return links.map((link) => ({
    name: link.name,
    address: link.address,
    addresses: ownAddresses(link),
    services: planServiceInstances(hostLabel, link.mac, services).map(({ txt, ...instance }) => ({
      ...instance,
      txt: txt.filter(({ length }) => length > 0).map((bytes) => bytes.toString()),
    })),
  }));
}

function findInterfaceProblems(missing: readonly string[], selectedCount: number): Problem[] {
  const absent = missing.map(
    (name) => `interface ${name} is absent, down or without an IPv4 address; it is waited for`,
  );
  const none = 'no network interface has an IPv4 address to advertise; it is waited for';
  return [...absent, ...(selectedCount + absent.length === 0 ? [none] : [])].map((message) => ({
    severity: 'warning',
    message,
  }));
}

const asWarning = (message: string | undefined): Problem[] =>
  message === undefined ? [] : [{ severity: 'warning', message }];

/** The report on a configuration that cannot even be read. */
export function unreadableReport(message: string): CheckReport {
  return {
    isFine: false,
    hostName: null,
    interfaces: [],
    images: null,
    state: null,
    listeners: [],
    tls: 'off',
    certificate: null,
    writeTokenFile: null,
    problems: [{ severity: 'error', message }],
  };
}

/**
 * Looks at everything that `serve` would do with a configuration, and does none of it. Where something would be
 * advertised, it asks for neighbours that EVE may take for this host.
 */
export async function createReport(deps: CheckDeps, input: CheckInput): Promise<CheckReport> {
  const { listLinks = listNetworkLinks, whyPortTaken: askPort = whyPortTaken, now = Date.now } = deps;
  const askNeighbours = deps.findNeighbours ?? findNeighbours;
  const { options } = input;
  const { problems, attempt } = createProblems();

  const tls = (await attempt(input.tls)) ?? { kind: 'off' };
  const isTlsOn = tls.kind !== 'off';
  const given = tls.kind === 'given' ? await attempt(() => readGivenIdentity(tls)) : undefined;
  await attempt(input.readCredential);
  problems.push(...asWarning(await attempt(input.whyNoGrants)));
  problems.push(...asWarning(await attempt(input.whyNoUpstreams)));
  if (tls.kind === 'authority') await attempt(() => inspectAuthority(options.state, { now }));
  const writeTokenFile = (await attempt(input.writeTokenFile)) ?? null;
  const storage = await checkStorage(options);
  problems.push(...storage.problems);

  const choices = await attempt(() => input.choices(isTlsOn));
  const ports = { http: options.port, https: isTlsOn ? options.tlsPort : undefined };
  const plan = (choices && (await attempt(() => planAdvertisement(choices, ports)))) ?? {
    services: [],
    findings: [],
  };
  problems.push(...plan.findings);
  const isAdvertised = plan.services.length > 0;
  const links = listLinks();
  const { selected, missing } = selectInterfaces(links, options.interface ?? [], options.excludedInterfaces);
  if (isAdvertised) {
    problems.push(...findInterfaceProblems(missing, selected.length));
    problems.push(...selected.flatMap((link) => asWarning(describeTooManyAddresses(link))));
    const hostName = `${options.hostName}.local`;
    const neighbours = (await attempt(() => askNeighbours(selected, links, hostName))) ?? [];
    problems.push(...asWarning(describeNeighbours(neighbours, hostName)));
  }

  const addresses = selected.flatMap(ownAddresses);
  const { certificate, ...certificateCheck } = given
    ? checkCertificate(given.leaf, addresses, now())
    : { certificate: null, problems: [] };
  problems.push(...certificateCheck.problems);

  const listeners: CheckedListener[] = [];
  for (const scheme of isTlsOn ? (['http', 'https'] as const) : (['http'] as const)) {
    const port = scheme === 'http' ? options.port : options.tlsPort;
    const trouble = (await askPort(options.address, port)) ?? null;
    listeners.push({ scheme, address: options.address ?? null, port, trouble });
    if (trouble !== null)
      problems.push({ severity: 'error', message: `${trouble} (or the datastore runs already)` });
    if (port !== EVE_PORTS[scheme]) {
      const message = `${scheme} is served on port ${port}: stock EVE takes port ${EVE_PORTS[scheme]} alone`;
      problems.push({ severity: 'warning', message });
    }
  }
  return {
    isFine: problems.every(({ severity }) => severity !== 'error'),
    hostName: isAdvertised ? `${options.hostName}.local` : null,
    interfaces: isAdvertised ? describeInterfaces(selected, options.hostName, plan) : [],
    images: storage.images,
    state: storage.state,
    listeners,
    tls: tls.kind,
    certificate,
    writeTokenFile,
    problems,
  };
}
