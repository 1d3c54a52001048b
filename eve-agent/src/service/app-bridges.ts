// SPDX-License-Identifier: Apache-2.0
import type { HostBridge } from '../launch/apps/app-intent.ts';
import { readNetworkInstances } from '../network/network-instances.ts';
import { selectSystemBridges } from './system-discovery.ts';

/**
 * The bridges of this host that apps can be attached to, each with the network instance that EVE has it for.
 *
 * @param names as in discovery
 * @throws DiscoveryError NO_BRIDGE
 */
export function listAppBridges(names: readonly string[]): readonly HostBridge[] {
  const instances = readNetworkInstances();
  return selectSystemBridges(names).map(({ name, cidr }) => ({
    ...{ name, cidr },
    displayName: instances.find(({ bridgeName }) => bridgeName === name)?.displayName ?? '',
  }));
}
