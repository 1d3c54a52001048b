// SPDX-License-Identifier: Apache-2.0
import { isHostName } from '@local-datastore/shared/dns-sd/host-name';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { ipVersion } from '@local-datastore/shared/net/ip-address';
import { MAX_NTP_SERVERS } from '../keys/ntp-keys.ts';

/** A server as a person names it. */
export type NtpServerName =
  | { readonly kind: 'address'; readonly address: string }
  /** Found by multicast DNS where it ends with `.local`, else by ordinary DNS. */
  | { readonly kind: 'name'; readonly host: string };

/** What a question can have as a host is more than what is a host: here it is no part of a URL. */
const NAME = /^[A-Za-z0-9_.-]+$/;
/** What is read as an address in some places, and is none here. */
const NUMBERS = /(?:^|\.)\d+\.?$/;
const UNUSABLE = /^(?:0\.|22[4-9]\.|23\d\.|24\d\.|25[0-5]\.|ff|::$)/i;

/**
 * Reads the servers of `--ntp`, in their order.
 *
 * @throws ConfigurationError for what is neither the address of one host nor a name of one, for one that is there twice,
 *   and for none or more than 16
 */
export function parseNtpServers(texts: readonly string[]): NtpServerName[] {
  const refuse = (message: string) => new ConfigurationError(`--ntp: ${message}`);
  if (texts.length === 0 || texts.length > MAX_NTP_SERVERS) {
    throw refuse(`${texts.length} servers: 1 to ${MAX_NTP_SERVERS} are allowed`);
  }
  return texts.map((text, index) => {
    if (texts.findIndex((other) => other.toLowerCase() === text.toLowerCase()) !== index) {
      throw refuse(`"${text}" is there twice: servers that are one would outvote others`);
    }
    if (ipVersion(text) !== 0) {
      if (UNUSABLE.test(text)) throw refuse(`"${text}" is not the address of one host`);
      return { kind: 'address', address: text };
    }
    if (NAME.test(text) && !NUMBERS.test(text) && isHostName(text)) return { kind: 'name', host: text };
    throw refuse(`"${text}" is neither an IP address nor the name of a host`);
  });
}
