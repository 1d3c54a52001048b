// SPDX-License-Identifier: Apache-2.0
import { ValueError } from '../errors.ts';
import { requireAddress } from './addresses.ts';
import { parseCsvLine, requireKeyValue } from './key-values.ts';

export interface PublishedPort {
  /** `PORT/PROTOCOL` of the container. */
  readonly port: string;
  readonly hostIp: string;
  /** Empty: the engine chooses one; `8000-8010`: of these. */
  readonly hostPort: string;
}

interface PortRange {
  readonly first: number;
  readonly last: number;
}

const NUMBER = '([1-9]\\d{0,4})';
const RANGE = new RegExp(`^${NUMBER}(?:-${NUMBER})?$`);
const PROTOCOLS = ['tcp', 'udp', 'sctp'];
const GREATEST_PORT = 65_535;
/** No application has as many, and each one is a rule of the firewall. */
const MAX_PORTS = 1024;

function parseRange(text: string): PortRange {
  const [, first, last = first] = RANGE.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  if (!(range.first <= range.last && range.last <= GREATEST_PORT)) {
    throw new ValueError(`'${text}' is no port from 1 to ${GREATEST_PORT}, nor a range of them`);
  }
  if (range.last - range.first >= MAX_PORTS) throw new ValueError(`a range has at most ${MAX_PORTS} ports`);
  return range;
}

/** `PORT[-PORT][/PROTOCOL]`. */
function parseContainerPorts(text: string): { readonly range: PortRange; readonly protocol: string } {
  const [port = '', protocol = 'tcp', ...more] = text.split('/');
  if (!PROTOCOLS.includes(protocol.toLowerCase()) || more.length > 0) {
    throw new ValueError('the protocol is tcp, udp or sctp');
  }
  return { range: parseRange(port), protocol: protocol.toLowerCase() };
}

/** The long form: `target=80,published=8080,protocol=tcp`. `mode` is of services alone, where `host` says the same. */
function toShortForm(text: string): string {
  const fields = new Map(parseCsvLine(text).map(requireKeyValue));
  for (const [key, value] of fields) {
    if (!['target', 'published', 'protocol', 'mode'].includes(key))
      throw new ValueError(`'${key}' is unknown`);
    if (key === 'mode' && value !== 'host') throw new ValueError('the mode of a container is host');
  }
  const { target, published = '', protocol = 'tcp' } = Object.fromEntries(fields);
  if (target === undefined) throw new ValueError('target is missing');
  return `${published}:${target}/${protocol}`;
}

/**
 * Ports that the host hands on: `[[IP:][HOST]:]PORT[/PROTOCOL]`, ranges of them, or the long form.
 *
 * @throws ValueError
 */
export function parsePublish(text: string): PublishedPort[] {
  const parts = (text.includes('=') ? toShortForm(text) : text).split(':');
  const container = parts.pop() ?? '';
  const host = parts.pop() ?? '';
  const address = parts.join(':');
  const hostIp = address === '' ? '' : requireAddress(/^\[(.+)\]$/.exec(address)?.[1] ?? address);
  const { range, protocol } = parseContainerPorts(container);
  const count = range.last - range.first + 1;
  // Zero is what the kernel chooses, as an empty one is what the engine chooses.
  const hostRange = host === '' || host === '0' ? null : parseRange(host);
  const hostCount = hostRange === null ? Number(host === '0') : hostRange.last - hostRange.first + 1;
  if (count > 1 && hostCount !== 0 && hostCount !== count) {
    throw new ValueError('the ranges of the host and of the container have different lengths');
  }
  return Array.from({ length: count }, (_, i) => {
    const port = `${range.first + i}/${protocol}`;
    if (hostRange === null) return { port, hostIp, hostPort: host };
    const isChoice = count === 1 && hostRange.first !== hostRange.last;
    return { port, hostIp, hostPort: isChoice ? host : String(hostRange.first + i) };
  });
}

/** `PORT[-PORT][/PROTOCOL]`. @returns each as `PORT/PROTOCOL` @throws ValueError */
export function parseExpose(text: string): string[] {
  if (text !== text.toLowerCase()) throw new ValueError('the protocol is tcp, udp or sctp');
  const { range, protocol } = parseContainerPorts(text);
  return Array.from({ length: range.last - range.first + 1 }, (_, i) => `${range.first + i}/${protocol}`);
}

/** @throws ValueError where all flags together name too many */
export function requireFewPorts(count: number): void {
  if (count > MAX_PORTS) throw new ValueError(`at most ${MAX_PORTS} ports can be named`);
}
