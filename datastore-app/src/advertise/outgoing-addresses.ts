// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:dgram';
import type { CiaoService, Responder } from '@homebridge/ciao';
import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import { createSubnetTest } from '@local-datastore/shared/net/ip-address';
import { createInTurn } from '../content/in-turn.ts';
import { addressOf } from './cidr.ts';
import { createAddressOrder } from './link-addresses.ts';

type Packet = Parameters<Responder['handleQuery']>[0];
type AddressRecord = NonNullable<ReturnType<CiaoService['aRecord']>>;
type SendResult =
  | { readonly status: 'fulfilled' | 'timeout'; readonly interface: string }
  | { readonly status: 'rejected'; readonly interface: string; readonly reason: Error };

/** What is used of ciao's socket layer, which has no public way to it. */
interface PacketSender {
  /** To one asker, or to the group on an interface. */
  send(packet: Packet, target: string | { readonly address: string }): Promise<SendResult>;
  /** Probes. */
  sendOnAllNetworksForService(packet: Packet, service: CiaoService): Promise<SendResult[]>;
  readonly sockets: ReadonlyMap<string, Pick<Socket, 'setMulticastInterface'>>;
}

const SECTIONS = ['answers', 'authorities', 'additionals'] as const;

/** RFC 6762 §7.1: a known answer counts when at least half of its life is left. */
const MIN_KNOWN_TTL_SECONDS = 60;

export interface OutgoingAddressesOptions {
  readonly interfaceName: string;
  /** Without `.local`. */
  readonly hostLabel: string;
  /** What is told, from advertisedCidrs. */
  readonly advertisedCidrs: readonly string[];
  /** What is sent from, from sourceCidrs. */
  readonly sourceCidrs: readonly string[];
}

/** Makes a responder tell of every address of its interface. */
export interface OutgoingAddresses {
  /** Must be called for every service before it is advertised. */
  adopt(service: CiaoService): void;
  /** Runs what answers a query: who asked is told of the address in its own subnet first, and from there. */
  whileAnswering(query: Packet, asker: string, answer: () => void): void;
}

const isAddressRecord = (record: object): record is AddressRecord => 'ipAddress' in record;

function withAddress(record: AddressRecord, address: string): AddressRecord {
  return Object.assign(record.clone(), { ipAddress: address });
}

/**
 * @homebridge/ciao 1.3.12 knows one IPv4 address of an interface, the kernel's first, tells of that alone, and
 * sends from it. Here the one record that it puts into a packet becomes the whole set, and what goes to the
 * group leaves from an address in the subnet of who asked; what nobody asked for, once from every subnet.
 */
export function createOutgoingAddresses(
  responder: Responder,
  { interfaceName, hostLabel, advertisedCidrs, sourceCidrs }: OutgoingAddressesOptions,
): OutgoingAddresses {
  const { server } = responder as unknown as { readonly server: PacketSender };
  const hostName = `${hostLabel}.local`;
  const addresses = advertisedCidrs.map(addressOf);
  const addressesFor = createAddressOrder(advertisedCidrs);
  const sources = sourceCidrs.map((cidr) => ({ address: addressOf(cidr), isNear: createSubnetTest(cidr) }));
  const sourceNear = (address: string) => sources.find(({ isNear }) => isNear(address))?.address;

  const isOurs = (record: object) =>
    isAddressRecord(record) && isSameHost(record.name, hostName) && addresses.includes(record.ipAddress);
  let asker: string | undefined;
  /** Records that answer somebody of a subnet of ours, and the address there to send from. */
  const sourceOf = new WeakMap<object, string>();

  /** Where a packet to the group is sent from. */
  function sourcesFor(packet: Packet): string[] {
    const asked = SECTIONS.flatMap((section) =>
      [...packet[section].values()].flatMap((record) => sourceOf.get(record) ?? []),
    );
    return asked.length > 0 ? [...new Set(asked)] : sources.map(({ address }) => address);
  }

  /** Puts all addresses in the place of those that stand in a packet. */
  function complete(packet: Packet, near: string): void {
    const found = SECTIONS.map((section) => ({
      section,
      records: [...packet[section]].filter(([, record]) => isOurs(record)),
    })).filter(({ records }) => records.length > 0);
    const first = found[0];
    const template = first?.records[0]?.[1];
    if (first === undefined || template === undefined || !isAddressRecord(template)) return;
    for (const { section, records } of found) for (const [key] of records) packet[section].delete(key);
    const all = addressesFor(near).map((address) => withAddress(template, address));
    if (first.section === 'answers') packet.addAnswers(...all);
    else if (first.section === 'authorities') packet.addAuthorities(...all);
    else packet.addAdditionals(...all);
  }

  const inTurn = createInTurn();
  const failed = (error: unknown): SendResult => ({
    status: 'rejected',
    interface: interfaceName,
    reason: error instanceof Error ? error : new Error(String(error)),
  });

  /** Sends a packet to the group from one address after the other; one that is gone is passed over. */
  function sendFromEach(packet: Packet, sendOnce: () => Promise<SendResult[]>): Promise<SendResult[]> {
    const from = sourcesFor(packet);
    return inTurn(async () => {
      const outcomes: SendResult[][] = [];
      for (const source of from) {
        complete(packet, source);
        try {
          server.sockets.get(interfaceName)?.setMulticastInterface(source);
        } catch {
          // The address was removed a moment ago: the interface is about to be advertised anew.
          continue;
        }
        outcomes.push(await sendOnce().catch((error) => [failed(error)]));
      }
      const isSent = (results: SendResult[]) => results.some(({ status }) => status === 'fulfilled');
      return outcomes.find(isSent) ?? outcomes[0] ?? [{ status: 'fulfilled', interface: interfaceName }];
    });
  }

  const send = server.send.bind(server);
  const sendProbe = server.sendOnAllNetworksForService.bind(server);
  server.send = async (packet, target) => {
    if (typeof target !== 'string') {
      complete(packet, target.address);
      return send(packet, target);
    }
    const [result] = await sendFromEach(packet, async () => [await send(packet, target)]);
    return result ?? failed('nothing was sent');
  };
  server.sendOnAllNetworksForService = (packet, service) =>
    sendFromEach(packet, async () => sendProbe(packet, service));

  return {
    adopt(service) {
      const ciaoRecord = service.aRecord.bind(service);
      service.aRecord = (name) => {
        const record = ciaoRecord(name);
        const [address] = addressesFor(asker);
        if (record === undefined || address === undefined) return record;
        const named = withAddress(record, address);
        const source = asker === undefined ? undefined : sourceNear(asker);
        if (source !== undefined) sourceOf.set(named, source);
        return named;
      };
      service.allAddressRecords = () => {
        const record = ciaoRecord(interfaceName);
        return record === undefined ? [] : addresses.map((address) => withAddress(record, address));
      };
      service.hasAddress = (address) => addresses.includes(address);
    },

    whileAnswering({ answers: known }, source, answer) {
      // Who knows a part of the addresses is told of all, or the rest would go from caches (RFC 6762 §10.2).
      const ours = [...known].filter(([, record]) => isOurs(record));
      const isAllKnown =
        ours.filter(([, { ttl }]) => ttl > MIN_KNOWN_TTL_SECONDS).length === addresses.length;
      if (!isAllKnown) for (const [key] of ours) known.delete(key);
      asker = source;
      try {
        answer();
      } finally {
        asker = undefined;
      }
    },
  };
}
