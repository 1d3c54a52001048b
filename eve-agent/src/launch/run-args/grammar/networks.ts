// SPDX-License-Identifier: Apache-2.0
import { ValueError } from '../errors.ts';
import { parseAddressOf, requireMacAddress } from './addresses.ts';
import { parseCsvLine, requireKeyValue } from './key-values.ts';
import { parseWhole } from './numbers.ts';

/** One `--network`. */
export interface NetworkAttachment {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly driverOptions: Readonly<Record<string, string>>;
  readonly ip: string | null;
  readonly ip6: string | null;
  readonly linkLocalIps: readonly string[];
  readonly mac: string | null;
  readonly gatewayPriority: number;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
const PRIORITY_LIMIT = 2 ** 31 - 1;

/** Networks that the engine has of itself, or that are another's. */
export const isOwnNetwork = (name: string): boolean =>
  !['default', 'bridge', 'host', 'none'].includes(name) && !name.startsWith('container:');

/** The name or id of a container, behind `container:`. @throws ValueError */
export function requireContainerMode(text: string): string {
  if (!/^container:[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(text))
    throw new ValueError('container:NAME is expected');
  return text;
}

function requireNetworkName(name: string): string {
  if (name.startsWith('container:')) return requireContainerMode(name);
  if (!NAME.test(name)) throw new ValueError(`'${name}' is no name of a network`);
  return name;
}

function requireAlias(alias: string): string {
  if (!NAME.test(alias)) throw new ValueError(`'${alias}' is no name of a host`);
  return alias;
}

/** `NAME`, or `name=NAME,alias=A,ip=…`. @throws ValueError */
export function parseNetwork(text: string): NetworkAttachment {
  const attachment = { name: text, aliases: [] as string[], driverOptions: {} as Record<string, string> };
  let [ip, ip6, mac]: (string | null)[] = [null, null, null];
  let gatewayPriority = 0;
  const linkLocalIps: string[] = [];
  if (text.includes('=')) {
    // `docker` makes all of it lower case, without a word.
    if (text !== text.toLowerCase()) throw new ValueError('the long form is lower case');
    const seen = new Set<string>();
    for (const field of parseCsvLine(text)) {
      const [key, value] = requireKeyValue(field);
      const isCollected = ['alias', 'link-local-ip', 'driver-opt'].includes(key);
      if (seen.has(key) && !isCollected) throw new ValueError(`'${key}' stands there twice`);
      seen.add(key);
      if (key === 'name') attachment.name = value;
      else if (key === 'alias') attachment.aliases.push(requireAlias(value));
      else if (key === 'ip') ip = parseAddressOf(4, value);
      else if (key === 'ip6') ip6 = parseAddressOf(6, value);
      else if (key === 'mac-address') mac = requireMacAddress(value);
      else if (key === 'link-local-ip') linkLocalIps.push(parseLinkLocal(value));
      else if (key === 'driver-opt') setOption(attachment.driverOptions, value);
      else if (key === 'gw-priority') gatewayPriority = parseWhole(value, -PRIORITY_LIMIT, PRIORITY_LIMIT);
      else throw new ValueError(`'${key}' is unknown`);
    }
    if (!seen.has('name')) throw new ValueError('name is missing');
  }
  requireNetworkName(attachment.name);
  return { ...attachment, ip: ip ?? null, ip6: ip6 ?? null, mac: mac ?? null, linkLocalIps, gatewayPriority };
}

function setOption(options: Record<string, string>, text: string): void {
  const [key, value] = requireKeyValue(text);
  if (!/^[a-z0-9][a-z0-9._-]*$/.test(key)) throw new ValueError(`'${key}' is no option of a driver`);
  options[key] = value;
}

const LINK_LOCAL = /^(?:169\.254\.|fe[89ab])/;

/** @throws ValueError */
export function parseLinkLocal(text: string): string {
  const address = parseAddressOf(text.includes(':') ? 6 : 4, text);
  if (!LINK_LOCAL.test(address)) throw new ValueError('a link-local address is expected');
  return address;
}

/** @throws ValueError */
export const parseAlias = requireAlias;

/** `CONTAINER[:ALIAS]`. @throws ValueError */
export function requireLink(text: string): string {
  const parts = text.split(':');
  if (parts.length > 2 || !parts.every((part) => NAME.test(part)))
    throw new ValueError('CONTAINER:ALIAS is expected');
  return text;
}
