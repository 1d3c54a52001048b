// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import {
  type CiaoService,
  getResponder,
  type Protocol,
  type Responder,
  type ServiceState,
} from '@homebridge/ciao';
import { createOutgoingAddresses, type OutgoingAddressesOptions } from './outgoing-addresses.ts';
import { createLane, hearOwnLinkOnly, type LinkHearing, namesHost } from './own-link.ts';
import { partByType, type ServiceInstance } from './service-instances.ts';

/** How long goodbyes and cancelled probes may take before the sockets are closed all the same. */
const CLOSE_LIMIT_MS = 2000;

export interface NameConflict {
  /** Who answers to our name, where known. */
  readonly otherAddress: string | undefined;
  /** Given: the host name is ours, but not the name of this instance. */
  readonly instance?: ServiceInstance;
}

/** Answers for one host name on one interface, until it is closed. */
export interface HostResponder {
  /** Resolves when every service was probed and its first announcement is on its way. */
  readonly announced: Promise<void>;
  /** Resolves when somebody else holds the name. Nothing more is sent then but what `close` sends. */
  readonly conflict: Promise<NameConflict>;
  /** Sends goodbyes for what was announced (RFC 6762 §10.1) and frees the sockets. Idempotent. */
  close(): Promise<void>;
}

export type HostResponderOptions = LinkHearing & OutgoingAddressesOptions;

export type StartHostResponder = (options: HostResponderOptions) => HostResponder;

/** Makes a service that reports a conflict instead of taking another name. */
function createService(
  lane: Responder,
  { interfaceName, hostLabel }: HostResponderOptions,
  { type, instanceName, port, subtypes, txt }: ServiceInstance,
  onConflict: () => void,
): CiaoService {
  const [name = '', protocol = ''] = type.split('.').map((label) => label.slice(1));
  const service = lane.createService({
    name: hostLabel,
    type: name,
    protocol: protocol as Protocol,
    hostname: hostLabel,
    port,
    subtypes: subtypes.map((subtype) => subtype.slice(1)),
    // ciao 1.3.12 always adds loopback to its interfaces.
    restrictedAddresses: [interfaceName],
    disabledIpv6: true,
  });
  // Given at once, ciao 1.3.12 would take a number at the end of the name, as in `Images (2)`, over to the host.
  void service.updateName(instanceName);
  // ciao 1.3.12 takes texts of the form `key=value` alone, and where there is none compares what it hears,
  // one empty string, with no string at all: it finds itself in conflict and probes for ever.
  Object.assign(service, { txt });
  // ciao 1.3.12 meets a conflict by renaming to `name-(2)`, probes for that name and announces it; the event
  // `name-change` comes only then. The prober asks for the rename here, a second before it probes again:
  // time enough to close before the new name was ever on the wire.
  service.incrementName = onConflict;
  return service;
}

/**
 * Ends a service. One that was announced gets its goodbye also when ciao 1.3.12 is probing for it again, as it
 * does on hearing a conflicting record; by itself it would only stop.
 */
async function withdraw(service: CiaoService, wasAnnounced: boolean): Promise<void> {
  const state: string = service.serviceState;
  if (wasAnnounced && state !== 'announced' && state !== 'announcing') {
    await service.end();
    // What the cancelled prober leaves behind is set in the next turn.
    await nextTurn();
    service.serviceState = 'announced' as ServiceState;
  }
  await service.destroy();
}

/**
 * Publishes instances of different types, all on one host name.
 *
 * @param part a number of its own for every responder on the interface
 */
function startPart(
  options: HostResponderOptions,
  instances: readonly ServiceInstance[],
  part: number,
  reportConflict: (conflict: NameConflict) => void,
): Pick<HostResponder, 'announced' | 'close'> {
  const { interfaceName, hostLabel } = options;
  // Without `interface`, ciao 1.3.12 passes over every veth (`ip -o link` prints it as `eth0@if7`). It shares a
  // responder among callers with equal options, so the options of the parts must differ.
  const interfaces = Array.from({ length: part + 1 }, () => interfaceName);
  const responder = getResponder({ interface: interfaces, disableIpv6: true });
  // ciao 1.3.12 takes a sibling service on the same host name for a conflict and renames both. Its only
  // look-up for that is this method, and every service of this responder is on our one host name.
  responder.getAnnouncedServices = () => new Map<string, CiaoService>().values();

  let lastResponse: { readonly source: string; readonly namesOurHost: boolean } | undefined;
  const outgoing = createOutgoingAddresses(responder, options);
  const lanes = instances.map(() => createLane(responder));
  hearOwnLinkOnly(
    responder,
    lanes,
    { ...options, whileAnswering: outgoing.whileAnswering },
    (packet, source) => {
      lastResponse = { source, namesOurHost: namesHost(packet, `${hostLabel}.local`) };
    },
  );
  const services = instances.map((instance, index) =>
    createService(lanes[index] ?? responder, options, instance, () =>
      reportConflict({
        otherAddress: lastResponse?.source,
        ...(lastResponse?.namesOurHost === false && { instance }),
      }),
    ),
  );

  for (const service of services) outgoing.adopt(service);

  const announced = new Set<CiaoService>();
  let isClosing = false;
  const advertised = Promise.allSettled(
    services.map(async (service) => {
      await service.advertise();
      // A service that is destroyed before resolves as well.
      if (!isClosing) announced.add(service);
    }),
  );
  return {
    announced: advertised.then(() => {}),
    async close() {
      isClosing = true;
      // Closing a responder that has not bound its sockets yet would leak them, so destroyed services are
      // awaited: their `advertise()` returns after the binding.
      const withdrawn = services.map((service) => withdraw(service, announced.has(service)));
      const ended = Promise.allSettled([...withdrawn, advertised]);
      await Promise.race([ended, delay(CLOSE_LIMIT_MS, undefined, { ref: false })]);
      await responder.shutdown();
    },
  };
}

/**
 * Probes and announces services on one interface, all on one host name, IPv4 only, by @homebridge/ciao.
 * ciao shares a responder among callers with equal options, so one on the same interface must be closed
 * before the next starts.
 */
export const startHostResponder: StartHostResponder = (options) => {
  const { promise: conflict, resolve: reportConflict } = Promise.withResolvers<NameConflict>();
  const parts = partByType(options.instances).map((instances, part) =>
    startPart(options, instances, part, reportConflict),
  );
  let closed: Promise<void> | undefined;
  return {
    announced: Promise.all(parts.map(({ announced }) => announced)).then(() => {}),
    conflict,
    close() {
      closed ??= Promise.all(parts.map((part) => part.close())).then(() => {});
      return closed;
    },
  };
};
