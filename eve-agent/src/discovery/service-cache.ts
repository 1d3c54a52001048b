// SPDX-License-Identifier: Apache-2.0
import { isSameHost } from '@local-datastore/shared/dns-sd/host-name';
import { SERVICES, type Service, serviceTypeName } from '@local-datastore/shared/dns-sd/service-types';
import { createSubnetTest } from '@local-datastore/shared/net/ip-address';
import type { Bridge } from './bridges.ts';
import { type DnsRecord, type MdnsQuestion, recordsOf } from './dns-message.ts';
import type { ReceivedResponse } from './querier.ts';

/** One advertised service on one bridge, as far as it is known. Its texts come from the network. */
export interface ServiceInstance {
  readonly bridge: Bridge;
  /** The instance name alone, without type and domain. */
  readonly instanceName: string;
  readonly service: Service;
  readonly hostName: string | null;
  /** IPv4, in the bridge's subnet. */
  readonly addresses: readonly string[];
  readonly port: number | null;
  readonly txt: readonly string[];
}

/** The records of services that were heard on several bridges. */
export interface ServiceCache {
  add(response: ReceivedResponse): void;
  /** By bridge, then in EVE's order of services, then by name. */
  instances(): ServiceInstance[];
  /** What to ask on a bridge so that its instances become complete. */
  missing(bridge: Bridge): MdnsQuestion[];
  /** RFC 6762 §7.1: the pointers that need not be sent again. */
  knownAnswers(bridge: Bridge): DnsRecord[];
}

/** On all bridges together. An honest link has a few; a hostile one cannot make us keep more. */
const MAX_INSTANCES = 256;
const MAX_HOSTS = 256;
const MAX_ADDRESSES_PER_HOST = 8;
const MAX_TXT_STRINGS = 64;
const MAX_QUESTIONS = 16;
const MAX_KNOWN_ANSWERS = 32;

interface Instance {
  readonly bridge: Bridge;
  readonly instanceName: string;
  readonly service: Service;
  ttlSeconds: number;
  target: string | null;
  port: number | null;
  txt: readonly string[] | null;
}

const keyOf = (bridge: Bridge, name: string) => `${bridge.address} ${name.toLowerCase()}`;

export function createServiceCache(bridges: readonly Bridge[], services: readonly Service[]): ServiceCache {
  const instances = new Map<string, Instance>();
  const hosts = new Map<string, Set<string>>();
  const isOnLink = new Map(bridges.map((bridge) => [bridge, createSubnetTest(bridge.cidr)]));

  /** The entry of an instance by its full name; a new one while there is room. */
  function instanceOf(bridge: Bridge, fullName: string): Instance | undefined {
    const key = keyOf(bridge, fullName);
    const known = instances.get(key);
    if (known !== undefined || instances.size >= MAX_INSTANCES) return known;
    const service = services.find((each) => fullName.toLowerCase().endsWith(`.${serviceTypeName(each)}`));
    if (service === undefined) return undefined;
    const instanceName = fullName.slice(0, -serviceTypeName(service).length - 1);
    const instance = { bridge, instanceName, service, ttlSeconds: 0, target: null, port: null, txt: null };
    instances.set(key, instance);
    return instance;
  }

  function addAddress(bridge: Bridge, name: string, address: string): void {
    if (isOnLink.get(bridge)?.(address) !== true) return;
    const key = keyOf(bridge, name);
    const addresses = hosts.get(key) ?? new Set();
    if (!hosts.has(key) && hosts.size >= MAX_HOSTS) return;
    hosts.set(key, addresses);
    if (addresses.size < MAX_ADDRESSES_PER_HOST) addresses.add(address);
  }

  function remove(bridge: Bridge, record: DnsRecord): void {
    if (record.type === 'PTR') instances.delete(keyOf(bridge, record.data));
    if (record.type === 'SRV') instances.delete(keyOf(bridge, record.name));
    if (record.type === 'A') hosts.get(keyOf(bridge, record.name))?.delete(record.data);
  }

  function addRecord(bridge: Bridge, record: DnsRecord): void {
    if (record.type === 'A') addAddress(bridge, record.name, record.data);
    if (record.type === 'PTR') {
      const instance = isServiceType(record.name) ? instanceOf(bridge, record.data) : undefined;
      if (instance) instance.ttlSeconds = record.ttl ?? 0;
    }
    if (record.type === 'SRV') {
      const instance = instanceOf(bridge, record.name);
      if (instance) [instance.target, instance.port] = [record.data.target, record.data.port];
    }
    if (record.type === 'TXT') {
      const instance = instanceOf(bridge, record.name);
      if (instance) instance.txt = txtStrings(record.data);
    }
  }

  const isServiceType = (name: string) => services.some((each) => isSameHost(name, serviceTypeName(each)));
  const addressesOf = ({ bridge, target }: Instance) =>
    target === null ? [] : [...(hosts.get(keyOf(bridge, target)) ?? [])];
  const instancesOn = (bridge: Bridge) => [...instances.values()].filter((each) => each.bridge === bridge);

  return {
    add({ message, bridge }) {
      for (const record of recordsOf(message)) {
        if (record.type === 'OPT' || record.class !== 'IN') continue;
        // RFC 6762 §10.1: TTL 0 takes a record back.
        if (record.ttl === 0) remove(bridge, record);
        else addRecord(bridge, record);
      }
    },

    instances() {
      const found = [...instances.values()].map((instance) => ({
        bridge: instance.bridge,
        instanceName: instance.instanceName,
        service: instance.service,
        hostName: instance.target,
        addresses: addressesOf(instance).sort(),
        port: instance.port,
        txt: instance.txt ?? [],
      }));
      return found.sort(
        (left, right) =>
          bridges.indexOf(left.bridge) - bridges.indexOf(right.bridge) ||
          SERVICES.indexOf(left.service) - SERVICES.indexOf(right.service) ||
          (left.instanceName < right.instanceName ? -1 : 1),
      );
    },

    missing(bridge) {
      const questions = instancesOn(bridge).flatMap((instance): MdnsQuestion[] => {
        const name = askableName(instance);
        const asked: MdnsQuestion[] = [];
        if (name !== undefined && instance.target === null) asked.push({ name, type: 'SRV' });
        if (name !== undefined && instance.txt === null) asked.push({ name, type: 'TXT' });
        if (instance.target !== null && addressesOf(instance).length === 0 && isAskable(instance.target)) {
          asked.push({ name: instance.target, type: 'A' });
        }
        return asked;
      });
      const distinct = new Map(questions.map((question) => [`${question.type} ${question.name}`, question]));
      return [...distinct.values()].slice(0, MAX_QUESTIONS);
    },

    knownAnswers(bridge) {
      return instancesOn(bridge)
        .flatMap((instance): DnsRecord[] => {
          const data = askableName(instance);
          if (data === undefined || instance.ttlSeconds === 0) return [];
          return [{ name: serviceTypeName(instance.service), type: 'PTR', ttl: instance.ttlSeconds, data }];
        })
        .slice(0, MAX_KNOWN_ANSWERS);
    },
  };
}

/** Whether a decoded name can be written again: non-empty labels that are what they were on the wire. */
function isAskable(name: string): boolean {
  return (
    Buffer.byteLength(name) <= 253 &&
    name.split('.').every((label) => label !== '' && Buffer.byteLength(label) <= 63) &&
    !name.includes('\ufffd')
  );
}

/**
 * The full name of an instance. undefined when it has a dot, or bytes that are not UTF-8: dns-packet 5.6.1
 * joins labels with dots and keeps no escape, so such a name cannot be told apart from two labels.
 */
function askableName({ instanceName, service }: Instance): string | undefined {
  const name = `${instanceName}.${serviceTypeName(service)}`;
  return instanceName.includes('.') || !isAskable(name) ? undefined : name;
}

/** RFC 6763 §6.1: a TXT record of one empty string is an empty one. */
function txtStrings(data: unknown): string[] {
  const strings = Array.isArray(data) ? data : [data];
  return strings
    .slice(0, MAX_TXT_STRINGS)
    .map((each) => (Buffer.isBuffer(each) ? each.toString() : String(each)))
    .filter((each) => each !== '');
}
