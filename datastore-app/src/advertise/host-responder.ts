import { setTimeout as delay } from 'node:timers/promises';
import { type CiaoService, getResponder, type Responder } from '@homebridge/ciao';
import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import type { PacketOrigin } from './packet-origin.ts';
import type { ServiceInstance } from './service-instances.ts';

type ResponsePacket = Parameters<Responder['handleResponse']>[0];

/** How long goodbyes and cancelled probes may take before the sockets are closed all the same. */
const CLOSE_LIMIT_MS = 2000;

export interface NameConflict {
  /** Who answers to our name, where known. */
  readonly otherAddress: string | undefined;
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

export interface HostResponderOptions {
  readonly interfaceName: string;
  /** The host name without `.local`. */
  readonly hostLabel: string;
  readonly instances: readonly ServiceInstance[];
  /** Attributes a packet by its source address. */
  readonly originOf: (source: string) => PacketOrigin;
  /** Whether any interface of this host has the address. */
  readonly isOwnAddress: (address: string) => boolean;
}

export type StartHostResponder = (options: HostResponderOptions) => HostResponder;

/**
 * Whether a response comes from ourselves by way of a reflector: it names our host, with our addresses only.
 * ciao 1.3.12 does not look at the data while it probes, so it would take the echo for a conflict.
 */
function isEcho(packet: ResponsePacket, { hostLabel, isOwnAddress }: HostResponderOptions): boolean {
  const addresses = [...packet.answers.values(), ...packet.additionals.values()].flatMap((record) =>
    'ipAddress' in record && isSameHost(record.name, `${hostLabel}.local`) ? [String(record.ipAddress)] : [],
  );
  return addresses.length > 0 && addresses.every(isOwnAddress);
}

/**
 * Lets the responder hear its own link only.
 *
 * @homebridge/ciao 1.3.12 takes whatever its socket receives, which on Linux is the traffic of every
 * interface. It would answer a query of one bridge on another, and take our own records on another interface,
 * which name another address, for a conflict. Our own queries stay audible: readiness asks with them.
 */
function hearOwnLinkOnly(
  responder: Responder,
  options: HostResponderOptions,
  onResponse: (source: string) => void,
): void {
  const { interfaceName, originOf } = options;
  const handleQuery = responder.handleQuery.bind(responder);
  const handleResponse = responder.handleResponse.bind(responder);
  responder.handleQuery = (packet, endpoint) => {
    if (endpoint.interface !== interfaceName) return;
    const origin = originOf(endpoint.address);
    const isProbe = packet.authorities.size > 0;
    if (origin === 'other-link' || (origin === 'ourselves' && isProbe)) return;
    handleQuery(packet, endpoint);
  };
  responder.handleResponse = (packet, endpoint) => {
    if (endpoint.interface !== interfaceName || originOf(endpoint.address) !== 'this-link') return;
    if (isEcho(packet, options)) return;
    onResponse(endpoint.address);
    handleResponse(packet, endpoint);
  };
}

/**
 * Probes and announces services on one interface, all on one host name, IPv4 only, by @homebridge/ciao.
 * ciao shares a responder among callers with equal options, so one on the same interface must be closed
 * before the next starts.
 */
export const startHostResponder: StartHostResponder = (options) => {
  const { interfaceName, hostLabel, instances } = options;
  // Without `interface`, ciao 1.3.12 passes over every veth (`ip -o link` prints it as `eth0@if7`).
  const responder = getResponder({ interface: [interfaceName], disableIpv6: true });
  // ciao 1.3.12 takes a sibling service on the same host name for a conflict and renames both. Its only
  // look-up for that is this method, and every service of this responder is on our one host name.
  responder.getAnnouncedServices = () => new Map<string, CiaoService>().values();

  const { promise: conflict, resolve: reportConflict } = Promise.withResolvers<NameConflict>();
  let lastResponseFrom: string | undefined;
  hearOwnLinkOnly(responder, options, (source) => {
    lastResponseFrom = source;
  });

  const services = instances.map(({ service, instanceName, port, txt }) => {
    const ciaoService = responder.createService({
      name: instanceName,
      type: service,
      hostname: hostLabel,
      port,
      // With an empty TXT, ciao 1.3.12 finds itself in conflict and probes for ever.
      txt,
      // ciao 1.3.12 always adds loopback to its interfaces.
      restrictedAddresses: [interfaceName],
      disabledIpv6: true,
    });
    // ciao 1.3.12 meets a conflict by renaming to `name-(2)`, probes for that name and announces it; the event
    // `name-change` comes only then. The prober asks for the rename here, a second before it probes again:
    // time enough to close before the new name was ever on the wire.
    ciaoService.incrementName = () => reportConflict({ otherAddress: lastResponseFrom });
    return ciaoService;
  });
  const advertised = Promise.allSettled(services.map((service) => service.advertise()));

  let closed: Promise<void> | undefined;
  const close = async () => {
    // Closing a responder that has not bound its sockets yet would leak them, so destroyed services are
    // awaited: their `advertise()` returns after the binding.
    const ended = Promise.allSettled([...services.map((service) => service.destroy()), advertised]);
    await Promise.race([ended, delay(CLOSE_LIMIT_MS, undefined, { ref: false })]);
    await responder.shutdown();
  };
  return {
    announced: advertised.then(() => {}),
    conflict,
    close() {
      closed ??= close();
      return closed;
    },
  };
};
