// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import type { ContainerSpec, MachinePort, MachineSeed, MachineVolume } from '../engine/container-spec.ts';
import type { AppIntent, AppNetwork, AppVolume } from './app-intent.ts';
import { volumeName } from './container-of-app.ts';

export type VmIntent = Extract<AppIntent, { readonly kind: 'vm' }>;

/** What a disk is made of: the digest of a content tree, in hex; null: nothing, it is blank. */
export type DigestOf = (volume: AppVolume) => string | null;

const NANO = 1e9;
/** As many digits tell one content from another in names. */
const SHORT = 12;
/** Locally administered; EVE's own begin so. */
const MAC_PREFIX = '02:16:3e';

/** Of an interface that is given none: the same for all versions of an app, so that it keeps its address by DHCP. */
export function macOf(app: string, place: number): string {
  const digits = hash('sha256', `${app} ${place}`).slice(0, 6);
  return [MAC_PREFIX, ...(digits.match(/../g) ?? [])].join(':');
}

/** A verified disk is called so at the engine of VMs; tags of an app that no VM needs go with the next switch. */
export const imageTag = (app: string, digest: string | null): string =>
  `eve_${app}:${digest === null ? 'blank' : digest.slice(0, SHORT)}`;

/** Another content is another disk; of the root also another purge. */
const diskName = (app: string, { volume }: AppVolume, digest: string | null): string =>
  [volumeName(app, volume.uuid, volume.generationCount), digest?.slice(0, SHORT) ?? 'blank'].join('_');

/** In the second form of cloud-init, of which JSON is a part: by which address each interface is reached. */
function networkConfigOf(networks: readonly (AppNetwork & { readonly mac: string })[]): string {
  const interfaces = networks.map(({ address, mac, bridge }, i) => {
    const [gateway = '', length = ''] = bridge.cidr.split('/');
    const fixed = {
      addresses: [`${address}/${length}`],
      ...(i === 0 && { routes: [{ to: '0.0.0.0/0', via: gateway }] }),
    };
    const name = `eth${i}`;
    return [
      name,
      { match: { macaddress: mac }, 'set-name': name, ...(address === null ? { dhcp4: true } : fixed) },
    ] as const;
  });
  return JSON.stringify({ version: 2, ethernets: Object.fromEntries(interfaces) });
}

/**
 * What cloud-init is given: user data, and the addresses that the configuration has. Other user data is another
 * instance, for which cloud-init does its work again.
 */
function seedOf(
  { uuid, userData, hasSeed }: VmIntent,
  networks: readonly (AppNetwork & { readonly mac: string })[],
): MachineSeed | null {
  const hasAddress = networks.some(({ address }) => address !== null);
  if (!hasSeed || (userData === null && !hasAddress)) return null;
  const text = userData === null ? '#cloud-config\n' : Buffer.from(userData, 'base64').toString();
  const instance = `${uuid}-${hash('sha256', text).slice(0, SHORT)}`;
  return {
    UserData: text,
    MetaData: JSON.stringify({ 'instance-id': instance, 'local-hostname': uuid }),
    ...(hasAddress && { NetworkConfig: networkConfigOf(networks) }),
  };
}

/** The ports of the host that lead into an app, each to its interface. */
export const portsOfApp = ({ networks }: Pick<VmIntent, 'networks'>): MachinePort[] =>
  networks.flatMap(({ portMaps }, Network) =>
    portMaps.map(({ protocol, hostPort, appPort }) => ({
      ...{ Protocol: protocol, HostPort: hostPort, Port: appPort, Network },
    })),
  );

/**
 * The VM of an app.
 *
 * @param digestOf each of its disks
 * @param purge counts up where its root is to be made anew of the same
 */
export function machineOfApp(intent: VmIntent, digestOf: DigestOf, purge: number): ContainerSpec {
  const { uuid, root, volumes, memoryBytes, cpuCount, isUefi, diskFormat, startDelayMs } = intent;
  const networks = intent.networks.map((network, i) => ({ ...network, mac: network.mac ?? macOf(uuid, i) }));
  const endpoints = networks.map(({ bridge, address, mac }) => [
    bridge.name,
    { MacAddress: mac, ...(address !== null && { IPAMConfig: { IPv4Address: address } }) },
  ]);
  const disks = volumes.map((disk): MachineVolume => {
    const digest = digestOf(disk);
    const { maxsizebytes, readonly } = disk.volume;
    return {
      Name: diskName(uuid, disk, digest),
      ...(digest !== null && { Image: imageTag(uuid, digest) }),
      ...(maxsizebytes > 0 && { Size: maxsizebytes }),
      ...(readonly && { ReadOnly: true }),
    };
  });
  const seed = seedOf(intent, networks);
  const ports = portsOfApp(intent);
  const { maxsizebytes } = root.volume;
  return {
    Image: '',
    HostConfig: {
      NetworkMode: networks[0]?.bridge.name ?? 'none',
      Memory: memoryBytes,
      NanoCpus: (cpuCount ?? 1) * NANO,
    },
    ...(networks.length > 0 && { NetworkingConfig: { EndpointsConfig: Object.fromEntries(endpoints) } }),
    Machine: {
      // Else what its processor has.
      ...(isUefi && { Firmware: 'uefi' as const }),
      ...(diskFormat !== 'iso' && { RootVolume: `${diskName(uuid, root, digestOf(root))}_${purge}` }),
      ...(diskFormat !== 'iso' && maxsizebytes > 0 && { DiskSize: maxsizebytes }),
      ...(disks.length > 0 && { Volumes: disks }),
      ...(seed !== null && { Seed: seed }),
      ...(ports.length > 0 && { Ports: ports }),
      ...(startDelayMs > 0 && { IsLeftAtBoot: true }),
    },
  };
}
