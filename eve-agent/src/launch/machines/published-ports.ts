// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { createTurns } from '@local-datastore/shared/turns';
import type { MachinePort } from '../engine/container-spec.ts';
import type { PortRule, Redirect } from '../switch/port-rule.ts';
import type { Target } from './datagram-relay.ts';
import type { HeldPort, HostPort } from './held-port.ts';
import { refused } from './refused.ts';

/** Where a machine is on one of its networks. */
export interface MachinePlace {
  readonly bridge: string;
  /** IPv4; '': nobody knows it yet. */
  readonly address: string;
}

interface Publisher {
  readonly id: string;
  /** For messages. */
  readonly name: string;
}

export interface PublishedPortsDeps {
  /** null: the host has none, or this process may not use it. */
  readonly portRule: PortRule | null;
  /** Whether the host passes on what is for others. */
  forwards(): Promise<boolean>;
  /** Takes a port of the host. @throws Error of the system */
  hold(port: HostPort, whereTo: () => Target | null): Promise<HeldPort>;
  readonly log: Log;
}

/**
 * The ports of this host that lead into machines. One is led by a rule of the packet filter, which needs no process;
 * beside that it is held, so that nobody else takes it, and passed on for what no rule leads.
 */
export interface PublishedPorts {
  /**
   * Takes ports for a machine, in place of those that it had.
   *
   * @throws EngineError 409 where another has one, 501 where one cannot be had; it keeps those that it had
   */
  take(machine: Publisher, ports: readonly MachinePort[]): Promise<void>;
  /** Leads what was taken to where the machine is. What cannot be led is logged. @param places by network */
  lead(id: string, places: readonly MachinePlace[]): Promise<void>;
  /** Of the ports that a machine has those that lead to where it is. */
  inForce(id: string): readonly MachinePort[];
  /** Gives back what a machine has. */
  release(id: string): Promise<void>;
  /** @param isOwn whether a machine of the name gives way @throws EngineError as `take` */
  need(ports: readonly MachinePort[], isOwn: (name: string) => boolean): Promise<void>;
  /** Takes away rules of machines that have no ports, as a crash leaves them. */
  tidy(): Promise<void>;
  /** Holds nothing any more. What rules lead is led on. */
  close(): Promise<void>;
}

interface Published extends Publisher {
  ports: readonly MachinePort[];
  readonly held: Map<string, HeldPort>;
  places: readonly MachinePlace[];
  /** The rules that stand, as a text; null: those that an earlier process made. */
  led: string | null;
  complaint: string;
}

const FORWARDING = '/proc/sys/net/ipv4/ip_forward';
const never = new AbortController().signal;
const keyOf = ({ Protocol, HostPort }: MachinePort) => `${Protocol} port ${HostPort}`;

/** Whether this host passes on what is for others (Linux, ip-sysctl: ip_forward). */
export async function readForwarding(): Promise<boolean> {
  return (await readFile(FORWARDING, 'utf8').catch(() => '0')).trim() !== '0';
}

/**
 * What leads ports to where a machine is.
 *
 * Pure.
 *
 * @returns without those of a network on which nobody knows its address
 */
export function redirectsTo(ports: readonly MachinePort[], places: readonly MachinePlace[]): Redirect[] {
  return ports.flatMap(({ Protocol: protocol, HostPort: hostPort, Port: port, Network }): Redirect[] => {
    const { bridge, address } = places[Network] ?? { bridge: '', address: '' };
    return address === ''
      ? []
      : [{ family: 4, protocol, hostAddress: null, hostPort, address, port, bridge }];
  });
}

export function createPublishedPorts({ portRule, forwards, hold, log }: PublishedPortsDeps): PublishedPorts {
  const all = new Map<string, Published>();
  /** Two that want one port are not both first. */
  const turns = createTurns();

  async function whyNoRule(): Promise<string | null> {
    if (portRule === null) return 'it needs iptables or nftables, and the right to use it';
    return (await forwards()) ? null : 'this host passes nothing on (net.ipv4.ip_forward is 0)';
  }

  /** @throws EngineError */
  async function holdOne(port: MachinePort, whereTo: () => Target | null): Promise<HeldPort> {
    const key = keyOf(port);
    try {
      return await hold({ protocol: port.Protocol, hostPort: port.HostPort }, whereTo);
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === 'EADDRINUSE')
        throw refused(409, `the ${key} of this host is in use by a program or a container`, error);
      const why =
        code === 'EACCES' ? 'the agent may not take it (CAP_NET_BIND_SERVICE)' : errorMessage(error);
      throw refused(501, `the ${key} of this host cannot be had: ${why}`, error);
    }
  }

  /** @throws EngineError 409 */
  function needNoOther(port: MachinePort, isOwn: (other: Published) => boolean): void {
    const key = keyOf(port);
    const other = [...all.values()].find((each) => each.held.has(key) && !isOwn(each));
    if (other !== undefined) throw refused(409, `the ${key} of this host leads to ${other.name} already`);
  }

  function targetOf({ ports, places }: Published, key: string): Target | null {
    const port = ports.find((each) => keyOf(each) === key);
    const address = places[port?.Network ?? 0]?.address ?? '';
    return port === undefined || address === '' ? null : { address, port: port.Port };
  }

  async function take({ id, name }: Publisher, ports: readonly MachinePort[]): Promise<void> {
    const known = all.get(id);
    if (known === undefined && ports.length === 0) return;
    const own: Published = known ?? {
      ...{ id, name, ports: [], held: new Map(), places: [], led: null, complaint: '' },
    };
    const fresh = new Map<string, HeldPort>();
    try {
      for (const port of ports) {
        const key = keyOf(port);
        if (own.held.has(key) || fresh.has(key)) continue;
        needNoOther(port, (other) => other === own);
        fresh.set(key, await holdOne(port, () => targetOf(own, key)));
      }
    } catch (error) {
      for (const each of fresh.values()) await each.close();
      throw error;
    }
    own.ports = ports;
    for (const [key, each] of fresh) own.held.set(key, each);
    const wanted = new Set(ports.map(keyOf));
    for (const [key, each] of own.held) {
      if (wanted.has(key)) continue;
      own.held.delete(key);
      await each.close();
    }
    all.set(id, own);
  }

  function complain(own: Published, reason: string, what: string): void {
    if (own.complaint === reason) return;
    own.complaint = reason;
    if (reason !== '') log.warn({ machine: own.name, reason }, what);
  }

  async function lead(id: string, places: readonly MachinePlace[]): Promise<void> {
    const own = all.get(id);
    if (own === undefined) return;
    // One that the host has not heard of for a while is where it was.
    own.places = places.map(({ bridge, address }, i) => ({
      ...{ bridge, address: address || (own.places[i]?.address ?? '') },
    }));
    const why = own.ports.length === 0 ? null : await whyNoRule();
    const redirects = why === null ? redirectsTo(own.ports, own.places) : [];
    const isWhole = why !== null || redirects.length === own.ports.length;
    const text = JSON.stringify(redirects);
    // What an earlier process has led leads somewhere, and nobody knows better yet.
    if (text === own.led || (own.led === null && !isWhole)) return;
    if (why !== null)
      complain(own, why, 'ports lead into a machine by the agent alone: for as long as it runs');
    if (portRule === null) return;
    try {
      await portRule.remove(id, never);
      if (redirects.length > 0) await portRule.add(id, redirects, never);
      own.led = text;
      if (why === null) own.complaint = '';
    } catch (error) {
      complain(own, errorMessage(error), 'ports cannot be led into a machine by the packet filter');
    }
  }

  async function removeRule(id: string): Promise<void> {
    await portRule?.remove(id, never).catch((error: unknown) => {
      log.warn({ machine: id, reason: errorMessage(error) }, 'ports lead to a machine that is not there');
    });
  }

  async function letGo({ held }: Published): Promise<void> {
    for (const each of held.values()) await each.close();
    held.clear();
  }

  return {
    take: (machine, ports) => turns.take(() => take(machine, ports)),
    lead: (id, places) => turns.take(() => lead(id, places)),
    inForce(id) {
      const own = all.get(id);
      return own?.ports.filter((port) => targetOf(own, keyOf(port)) !== null) ?? [];
    },
    release: (id) =>
      turns.take(async () => {
        const own = all.get(id);
        if (own === undefined) return;
        // Nothing is led to where somebody else may be soon.
        if (own.led !== '[]') await removeRule(id);
        all.delete(id);
        await letGo(own);
      }),
    need: (ports, isOwn) =>
      turns.take(async () => {
        for (const port of ports) {
          needNoOther(port, ({ name }) => isOwn(name));
          if ([...all.values()].some(({ held }) => held.has(keyOf(port)))) continue;
          await (await holdOne(port, () => null)).close();
        }
      }),
    tidy: () =>
      turns.take(async () => {
        for (const id of (await portRule?.list(never)) ?? []) if (!all.has(id)) await removeRule(id);
      }),
    close: () =>
      turns.take(async () => {
        for (const own of all.values()) await letGo(own);
        all.clear();
      }),
  };
}
