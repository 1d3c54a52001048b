import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import {
  type CiaoService,
  getResponder,
  type Protocol,
  type Responder,
  type ServiceState,
} from '@homebridge/ciao';
import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import type { PacketOrigin } from './packet-origin.ts';
import { partByType, type ServiceInstance } from './service-instances.ts';

type Packet = Parameters<Responder['handleResponse']>[0];
type PacketHandler = Pick<Responder, 'handleQuery' | 'handleResponse'>;

/** How long goodbyes and cancelled probes may take before the sockets are closed all the same. */
const CLOSE_LIMIT_MS = 2000;
/** Of one query that are told of. */
const MAX_QUESTIONS = 16;
/** RFC 1035 §2.3.4. */
const MAX_NAME_LENGTH = 255;

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

export interface HostResponderOptions {
  readonly interfaceName: string;
  /** The host name without `.local`. */
  readonly hostLabel: string;
  readonly instances: readonly ServiceInstance[];
  /** Attributes a packet by its source address. */
  readonly originOf: (source: string) => PacketOrigin;
  /** Whether any interface of this host has the address. */
  readonly isOwnAddress: (address: string) => boolean;
  /** Hears of every query of another host on this link: who asked, and for what (`_http._tcp.local`). */
  readonly onQuery?: (source: string, names: readonly string[]) => void;
}

export type StartHostResponder = (options: HostResponderOptions) => HostResponder;

/** Whether a response holds a record of a name. */
function hasRecordOf(packet: Packet, name: string): boolean {
  return [...packet.answers.values(), ...packet.additionals.values()].some((record) =>
    isSameHost(record.name, name),
  );
}

/**
 * Whether a response comes from ourselves by way of a reflector: it names our host, with our addresses only.
 * ciao 1.3.12 does not look at the data while it probes, so it would take the echo for a conflict.
 */
function isEcho(packet: Packet, { hostLabel, isOwnAddress }: HostResponderOptions): boolean {
  const addresses = [...packet.answers.values(), ...packet.additionals.values()].flatMap((record) =>
    'ipAddress' in record && isSameHost(record.name, `${hostLabel}.local`) ? [String(record.ipAddress)] : [],
  );
  return addresses.length > 0 && addresses.every(isOwnAddress);
}

/** The names that a query asks for, as text of bounded length without the last dot. */
function questionsOf(packet: Packet): string[] {
  return [...packet.questions.values()]
    .slice(0, MAX_QUESTIONS)
    .map(({ name }) => name.slice(0, MAX_NAME_LENGTH).replace(/\.$/, ''));
}

/**
 * Takes goodbyes out of a response. Who gives a name up claims nothing, but @homebridge/ciao 1.3.12 does not
 * look at the TTL and would take it for a conflict: an address at any time, every record while it probes.
 * Otherwise it should hear goodbyes to our records, which it then announces again (RFC 6762 §6.6).
 */
function ignoreGoodbyes(packet: Packet, isProbing: boolean): void {
  for (const records of [packet.answers, packet.additionals]) {
    for (const [key, record] of records) {
      if (record.ttl === 0 && (isProbing || 'ipAddress' in record)) records.delete(key);
    }
  }
}

/**
 * One service's own way through a responder: what it sets while it probes stays its own, all else is shared.
 *
 * @homebridge/ciao 1.3.12 probes for one service after another, up to 1 s each (RFC 6762 §8.1), since the
 * responder holds one prober and one chain of promises. An object that inherits from it holds another.
 */
function createLane(responder: Responder): Responder {
  return Object.create(responder) as Responder;
}

/** The prober that a lane, or the responder itself when it probes anew, holds while it probes. */
function proberOf(lane: Responder): PacketHandler | undefined {
  if (!Object.hasOwn(lane, 'currentProber')) return undefined;
  return (lane as unknown as { readonly currentProber?: PacketHandler }).currentProber;
}

/**
 * Lets the responder hear its own link only, and its lanes what they must hear of it.
 *
 * @homebridge/ciao 1.3.12 takes whatever its socket receives, which on Linux is the traffic of every
 * interface. It would answer a query of one bridge on another, and take our own records on another interface,
 * which name another address, for a conflict. Our own queries stay audible: readiness asks with them.
 */
function hearOwnLinkOnly(
  responder: Responder,
  lanes: readonly Responder[],
  options: HostResponderOptions,
  onResponse: (packet: Packet, source: string) => void,
): void {
  const { interfaceName, originOf } = options;
  const handleQuery = responder.handleQuery.bind(responder);
  const handleResponse = responder.handleResponse.bind(responder);
  responder.handleQuery = (packet, endpoint) => {
    if (endpoint.interface !== interfaceName) return;
    const origin = originOf(endpoint.address);
    const isProbe = packet.authorities.size > 0;
    if (origin === 'other-link' || (origin === 'ourselves' && isProbe)) return;
    if (origin === 'this-link' && !isProbe) options.onQuery?.(endpoint.address, questionsOf(packet));
    handleQuery(packet, endpoint);
    for (const lane of lanes) proberOf(lane)?.handleQuery(packet, endpoint);
  };
  responder.handleResponse = (packet, endpoint) => {
    if (endpoint.interface !== interfaceName || originOf(endpoint.address) !== 'this-link') return;
    if (isEcho(packet, options)) return;
    onResponse(packet, endpoint.address);
    const probers = [responder, ...lanes].map(proberOf);
    ignoreGoodbyes(
      packet,
      probers.some((prober) => prober !== undefined),
    );
    handleResponse(packet, endpoint);
    for (const lane of lanes) proberOf(lane)?.handleResponse(packet, endpoint);
  };
}

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
  const lanes = instances.map(() => createLane(responder));
  hearOwnLinkOnly(responder, lanes, options, (packet, source) => {
    lastResponse = { source, namesOurHost: hasRecordOf(packet, `${hostLabel}.local`) };
  });
  const services = instances.map((instance, index) =>
    createService(lanes[index] ?? responder, options, instance, () =>
      reportConflict({
        otherAddress: lastResponse?.source,
        ...(lastResponse?.namesOurHost === false && { instance }),
      }),
    ),
  );

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
