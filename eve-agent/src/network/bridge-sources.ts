// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { systemErrorCode } from '@local-datastore/shared/errors';
import { listIpv4Addresses } from '@local-datastore/shared/net/interfaces';
import { type BridgeSources, isNamedByEve } from '../discovery/bridges.ts';
import { readNetworkInstances } from './network-instances.ts';

/** The kernel of this host, and EVE where it runs. */
export const systemBridgeSources: BridgeSources = {
  listAddresses: listIpv4Addresses,
  readNetworkInstances: () => readNetworkInstances(),
  isKernelBridge: (name) => {
    const folder = `/sys/class/net/${name}`;
    if (existsSync(folder)) return existsSync(`${folder}/bridge`);
    // This /sys shows another network namespace, as where one was entered without mounting it anew. The
    // name must do: EVE gives it to nothing else.
    return isNamedByEve(name);
  },
  readRouteTable: () => {
    try {
      return readFileSync('/proc/net/route', 'utf8');
    } catch (error) {
      // A kernel without /proc/net/route has no IPv4 routes to read.
      if (systemErrorCode(error) === 'ENOENT') return '';
      throw error;
    }
  },
};
