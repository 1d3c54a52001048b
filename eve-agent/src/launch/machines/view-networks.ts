// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import type { ContainerNetwork } from '../engine/container-engine.ts';
import { addressByMac } from './address-of.ts';
import { ownMac } from './launch-machine.ts';
import { type MachineRecord, readMachineFacts } from './machine-record.ts';
import { addressOnBridge } from './tap-device.ts';

/** The neighbours of this network namespace (proc_net(5)). */
const NEIGHBOURS = '/proc/net/arp';

/** Where a machine is reached: as it is said, else as the host has heard of it. */
export async function viewNetworks(
  { id, spec }: MachineRecord,
  isLive: boolean,
): Promise<ContainerNetwork[]> {
  const { networks } = readMachineFacts(spec);
  const isAsked = isLive && networks.some(({ address }) => address === '');
  const table = isAsked ? await readFile(NEIGHBOURS, 'utf8').catch(() => '') : '';
  return networks.map(({ bridge, address, mac }, index) => ({
    name: bridge,
    ipv4: address || addressByMac(table, mac ?? ownMac(id, index), bridge),
    ipv6: '',
    gateway: addressOnBridge(bridge),
  }));
}
