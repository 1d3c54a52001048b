// SPDX-License-Identifier: Apache-2.0
import { ipVersion } from '@local-datastore/shared/net/ip-address';
import { ValueError } from '../errors.ts';

const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;

/** The shortest writing of an IPv6 address (RFC 5952), which Go makes of any. */
const shortened = (address: string) => new URL(`http://[${address}]`).hostname.slice(1, -1);

/**
 * An address of an interface, as it is written. IPv4 within IPv6 (`::ffff:…`) is none, since Go reads it as IPv4, and a
 * zone is none either.
 *
 * @throws ValueError
 */
export function requireAddress(text: string): string {
  const version = text.includes('%') ? 0 : ipVersion(text);
  if (version === 0 || (version === 6 && shortened(text).startsWith('::ffff:'))) {
    throw new ValueError('an IP address is expected');
  }
  return text;
}

/** The same in its shortest writing, without blanks around it. @throws ValueError */
export function parseAddress(text: string): string {
  const address = requireAddress(text.trim());
  return address.includes(':') ? shortened(address) : address;
}

/** @throws ValueError */
export function parseAddressOf(version: 4 | 6, text: string): string {
  const address = parseAddress(text);
  if (address.includes(':') !== (version === 6)) throw new ValueError(`an IPv${version} address is expected`);
  return address;
}

/** @throws ValueError */
export function requireMacAddress(text: string): string {
  if (!MAC.test(text)) throw new ValueError('a MAC address is expected, such as 02:42:ac:11:00:02');
  return text;
}

/**
 * `NAME:ADDRESS` or `NAME=ADDRESS`; the address may be `host-gateway` or stand in brackets.
 *
 * @returns the first form, without brackets
 * @throws ValueError
 */
export function parseExtraHost(text: string): string {
  const separator = text.includes('=') ? '=' : ':';
  const at = text.indexOf(separator);
  const name = text.slice(0, Math.max(at, 0));
  if (!/^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/.test(name)) {
    throw new ValueError('NAME:ADDRESS is expected');
  }
  const target = text.slice(at + 1);
  if (target === 'host-gateway') return `${name}:${target}`;
  return `${name}:${requireAddress(/^\[(.+)\]$/.exec(target)?.[1] ?? target)}`;
}

const DOMAIN = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;

/** A domain of a resolver's search list; `.` is the empty one. @throws ValueError */
export function parseSearchDomain(text: string): string {
  const isDomain = DOMAIN.test(text) && /[a-z]/i.test(text) && text.length < 255;
  if (text !== '.' && !isDomain) throw new ValueError('a domain is expected');
  return text;
}
