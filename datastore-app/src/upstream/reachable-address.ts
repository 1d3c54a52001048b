// SPDX-License-Identifier: Apache-2.0
import { isIP, type LookupFunction } from 'node:net';
import { createAddressTest } from '@local-datastore/shared/net/ip-address';
import { UpstreamError } from './upstream-error.ts';

const LOOPBACK = ['127.0.0.0/8', '::1/128'];
/** Of no host, of one link alone (also where clouds give machines their credentials), and of groups. */
const NEVER = [
  ...['0.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4'],
  ...['::/128', 'fe80::/10', 'ff00::/8', 'fd00:ec2::254/128'],
];

const isLoopback = createAddressTest(LOOPBACK);

/** Refuses addresses that nobody here has named. @throws UpstreamError DENIED */
export type RequireReachable = (address: string) => void;

/** A host as a URL has it, without the brackets of an IPv6 address. */
export const bareHost = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, '$1');

/** Whether a host is this machine, by its name alone. */
export const namesThisMachine = (hostname: string): boolean =>
  hostname.toLowerCase() === 'localhost' || isLoopback(bareHost(hostname));

/**
 * What may be reached at the word of a stranger: of a registry that leads elsewhere, or of somebody who is no
 * administrator. This machine itself and what is on its links alone have services that trust whoever reaches them.
 *
 * @param mayBeThisMachine the registry itself is on this machine: it may lead there
 */
export function createReachable({
  mayBeThisMachine,
}: {
  readonly mayBeThisMachine: boolean;
}): RequireReachable {
  const isForbidden = createAddressTest(mayBeThisMachine ? NEVER : [...LOOPBACK, ...NEVER]);
  return (address) => {
    if (!isForbidden(address)) return;
    throw new UpstreamError(
      'DENIED',
      `${address} is an address of this machine, or of one link alone: only an administrator may name it, and nothing that is asked elsewhere may lead there`,
    );
  };
}

/** Refuses a host that is such an address; what a name leads to is known when it is looked up. @throws UpstreamError */
export function requireReachableHost(hostname: string, requireReachable: RequireReachable): void {
  const host = bareHost(hostname);
  if (isIP(host) !== 0) requireReachable(host);
}

/** Looks a name up, and refuses it where it has such an address. */
export function reachableLookup(lookup: LookupFunction, requireReachable: RequireReachable): LookupFunction {
  return (hostName, options, callback) => {
    lookup(hostName, options, (error, address, family) => {
      if (error === null) {
        const found = typeof address === 'string' ? [address] : address.map((each) => each.address);
        try {
          found.forEach(requireReachable);
        } catch (refused) {
          callback(refused as UpstreamError, '');
          return;
        }
      }
      callback(error, address, family);
    });
  };
}
