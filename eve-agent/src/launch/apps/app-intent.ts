// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto';
import type { AppInstance, NetworkAdapter } from '@local-datastore/shared/eve/app-instance';
import type { ContentTree } from '@local-datastore/shared/eve/content-tree';
import type { DeviceConfig } from '@local-datastore/shared/eve/device-config';
import type { NetworkInstanceConfig } from '@local-datastore/shared/eve/network-instance-config';
import type { Volume } from '@local-datastore/shared/eve/volume';
import { createSubnetTest } from '@local-datastore/shared/net/ip-address';
import type { AppRecord } from './counters.ts';
import { findPortsTwice, type PortMap, readPortMaps } from './port-maps.ts';
import { readEnvironment } from './user-data.ts';
import { readVm, type VmParts } from './vm-intent.ts';

/** A bridge of this host that an app can be attached to. */
export interface HostBridge {
  /** The kernel's name, such as `bn1`. */
  readonly name: string;
  /** With the prefix length, such as `10.1.0.1/24`. */
  readonly cidr: string;
  /** Of the network instance that EVE made it for; '' where EVE does not run. */
  readonly displayName: string;
}

/** How an app is attached to a bridge. */
export interface AppNetwork {
  readonly bridge: HostBridge;
  /** Dotted decimal; null: one is given to it. */
  readonly address: string | null;
  /** Null: one is made. */
  readonly mac: string | null;
  readonly portMaps: readonly PortMap[];
}

/** A volume in its place in an app. */
export interface AppVolume {
  readonly volume: Volume;
  /** What it is made of; null: it is blank. */
  readonly tree: ContentTree | null;
  /** In a container. */
  readonly mountDir: string;
}

interface Intent {
  /** Lower case. */
  readonly uuid: string;
  readonly displayName: string;
  readonly isActive: boolean;
  /** After a boot of the device. */
  readonly startDelayMs: number;
  readonly networks: readonly AppNetwork[];
  /** Null: as much as there is. */
  readonly memoryBytes: number | null;
  readonly cpuCount: number | null;
  /** Beside the root. */
  readonly volumes: readonly AppVolume[];
  readonly root: AppVolume;
  readonly warnings: readonly string[];
  readonly record: AppRecord;
  /** Of our own key, unread. */
  readonly extension: unknown;
}

/** An application as its device's configuration wants it. */
export type AppIntent =
  | (Intent & { readonly kind: 'container'; readonly environment: readonly (readonly [string, string])[] })
  | (Intent & VmParts & { readonly kind: 'vm' })
  | {
      readonly kind: 'unusable';
      readonly uuid: string;
      readonly displayName: string;
      readonly problems: readonly string[];
    };

const KIB = 1024;
/** EVE's own for a volume of a container that names no place. */
const DEFAULT_MOUNT_DIR = '/mnt';

/** What a reader finds by uuid. */
interface Found {
  readonly volumes: ReadonlyMap<string, Volume>;
  readonly trees: ReadonlyMap<string, ContentTree>;
  readonly instances: ReadonlyMap<string, NetworkInstanceConfig>;
  readonly bridges: readonly HostBridge[];
}

/** Keeps what is wrong, and what nothing is done by. */
class Findings {
  readonly problems: string[] = [];
  readonly warnings: string[] = [];
}

function findVolumes(app: AppInstance, { volumes, trees }: Found, { problems }: Findings): AppVolume[] {
  return app.volumeRefList.flatMap((ref, i) => {
    const place = `volumeRefList[${i}]`;
    const volume = volumes.get(ref.uuid.toLowerCase());
    if (volume === undefined) {
      problems.push(`${place}: the configuration has no usable volume ${ref.uuid}`);
      return [];
    }
    if (volume.generationCount !== ref.generationCount) {
      problems.push(
        `${place}: generation ${ref.generationCount} is wanted, and the volume is of generation ${volume.generationCount}`,
      );
      return [];
    }
    const { type, downloadContentTreeID: id } = volume.origin;
    const tree = type === 'VCOT_BLANK' ? null : trees.get(id.toLowerCase());
    if (tree === undefined) {
      problems.push(
        `${place}: the configuration has no usable content tree ${id}, which its volume is made of`,
      );
      return [];
    }
    if (tree === null && volume.maxsizebytes === 0) {
      problems.push(`${place}: a blank volume needs its size (maxsizebytes)`);
      return [];
    }
    return [{ volume, tree, mountDir: ref.mountDir || DEFAULT_MOUNT_DIR }];
  });
}

/** The bridge of a network instance: the one that it names, that EVE made for it, or that has its gateway. */
function findBridge(instance: NetworkInstanceConfig, bridges: readonly HostBridge[]): HostBridge | undefined {
  const named = instance.localDatastore?.bridge;
  if (named !== undefined) return bridges.find(({ name }) => name === named);
  const gateway = instance.ip?.gateway ?? '';
  return (
    bridges.find(({ displayName }) => displayName !== '' && displayName === instance.displayname) ??
    bridges.find(({ cidr }) => gateway !== '' && cidr.split('/')[0] === gateway)
  );
}

function findNetwork(
  adapter: NetworkAdapter,
  place: string,
  { instances, bridges }: Found,
  findings: Findings,
): AppNetwork | null {
  const { problems, warnings } = findings;
  const instance = instances.get(adapter.networkId.toLowerCase());
  if (instance === undefined) {
    problems.push(`${place}: the configuration has no usable network instance ${adapter.networkId}`);
    return null;
  }
  const name = instance.displayname || adapter.networkId;
  const bridge = findBridge(instance, bridges);
  if (bridge === undefined) {
    const wanted = instance.localDatastore?.bridge;
    problems.push(
      wanted === undefined
        ? `${place}: no bridge of this host is that of the network instance ${name}: name one under its key localDatastore.bridge`
        : `${place}: this host has no bridge ${wanted} with an IPv4 address, which the network instance ${name} names`,
    );
    return null;
  }
  if (adapter.addr !== '' && !createSubnetTest(bridge.cidr)(adapter.addr)) {
    problems.push(`${place}: the address ${adapter.addr} is not of ${bridge.name}, which has ${bridge.cidr}`);
    return null;
  }
  if (adapter.accessVlanId !== 0) warnings.push(`${place}: nothing is done by accessVlanId`);
  const read = readPortMaps(adapter.acls, `${place}.acls`);
  problems.push(...read.problems);
  warnings.push(...read.warnings);
  return {
    bridge,
    address: adapter.addr || null,
    mac: adapter.macAddress === '' ? null : adapter.macAddress.toLowerCase().replaceAll('-', ':'),
    portMaps: read.maps,
  };
}

/** What the interfaces of one container cannot have both. */
function findClashes(networks: readonly AppNetwork[]): string[] {
  const problems: string[] = [];
  const bridges = new Set<string>();
  for (const { bridge } of networks) {
    if (bridges.has(bridge.name))
      problems.push(`interfaces: a container has one interface on a bridge, and two are on ${bridge.name}`);
    bridges.add(bridge.name);
  }
  return [...new Set(problems), ...findPortsTwice(networks)];
}

/** What EVE does, and is only told of here: it changes nothing of whether the app runs. */
function tellOfUnused(app: AppInstance, { warnings }: Findings): void {
  const { fixedresources: resources } = app;
  const unused: readonly (readonly [string, boolean])[] = [
    ['snapshot', app.snapshot !== undefined],
    ['profileList', app.profileList.length > 0],
    ['patchRef', app.patchRef !== undefined],
    ['fixedresources.enableVnc', resources.enableVnc],
    ['fixedresources.pinCpu', resources.pinCpu],
    ['fixedresources.cpuPolicy', resources.cpuPolicy !== undefined && resources.cpuPolicy !== 0],
  ];
  for (const [field, isGiven] of unused) if (isGiven) warnings.push(`nothing is done by ${field}`);
}

/** What only a restart, and what only a purge may change. */
function recordOf(app: AppInstance): AppRecord {
  const { restart, purge, interfaces, volumeRefList } = app;
  const adapters = interfaces.map((adapter) => ({ ...adapter, acls: [] }));
  const { fixedresources, userData, metaDataType, localDatastore, startDelayInSeconds } = app;
  // A text for comparison alone, which is stored: of a secret it has no more than the digest.
  const secretOf = (value: unknown) => hash('sha256', JSON.stringify(value ?? null));
  return {
    restartCounter: restart.counter,
    purgeCounter: purge.counter,
    purgeText: JSON.stringify([volumeRefList, interfaces.length]),
    restartText: JSON.stringify([
      adapters,
      fixedresources,
      metaDataType,
      secretOf(userData),
      secretOf(localDatastore),
      // What has one is made otherwise; how long it is makes no difference.
      ...(startDelayInSeconds > 0 ? ['start delay'] : []),
    ]),
  };
}

function planApp(app: AppInstance, found: Found): AppIntent {
  const findings = new Findings();
  const { problems, warnings } = findings;
  const uuid = app.uuidandversion.uuid.toLowerCase();
  const displayName = app.displayname || uuid;
  const [root, ...volumes] = findVolumes(app, found, findings);
  const networks = app.interfaces.flatMap(
    (adapter, i) => findNetwork(adapter, `interfaces[${i}]`, found, findings) ?? [],
  );
  tellOfUnused(app, findings);
  const unusable = (): AppIntent => ({ kind: 'unusable', uuid, displayName, problems });
  if (root === undefined) return unusable();
  const { memory, vcpus } = app.fixedresources;
  const intent = {
    ...{ uuid, displayName, networks, volumes, root, warnings },
    isActive: app.activate,
    startDelayMs: app.startDelayInSeconds * 1000,
    memoryBytes: memory === 0 ? null : memory * KIB,
    cpuCount: vcpus === 0 ? null : vcpus,
    record: recordOf(app),
    extension: app.localDatastore,
  };
  if (root.tree?.iformat === 'CONTAINER') {
    const environment = readEnvironment(app.userData);
    if (!environment.isUsable) problems.push(`userData: ${environment.problem}`);
    for (const { volume, tree } of volumes) {
      if (tree !== null)
        problems.push(`volume ${volume.uuid}: only blank volumes can be mounted in a container here`);
    }
    if (new Set(volumes.map(({ mountDir }) => mountDir)).size < volumes.length)
      problems.push('volumeRefList: two volumes are mounted at one place (mount_dir)');
    problems.push(...findClashes(networks));
    if (problems.length > 0 || !environment.isUsable) return unusable();
    return {
      ...intent,
      kind: 'container',
      warnings: [...warnings, ...environment.warnings],
      environment: environment.variables,
    };
  }
  const vm = readVm(app, [root, ...volumes], networks);
  problems.push(...vm.problems);
  warnings.push(...vm.warnings);
  return problems.length > 0 ? unusable() : { ...intent, ...vm.parts, kind: 'vm' };
}

const byUuid = <Item>(items: readonly Item[], uuidOf: (item: Item) => string) =>
  new Map(items.map((item) => [uuidOf(item).toLowerCase(), item]));

/**
 * What a device's configuration wants to run, each app by itself: what it lacks is said of that app.
 *
 * @param bridges of this host
 */
export function planApps(config: DeviceConfig, bridges: readonly HostBridge[]): AppIntent[] {
  const found: Found = {
    volumes: byUuid(config.volumes, ({ uuid }) => uuid),
    trees: byUuid(config.contentInfo, ({ uuid }) => uuid),
    instances: byUuid(config.networkInstances, ({ uuidandversion }) => uuidandversion.uuid),
    bridges,
  };
  const unread = config.unusableApps.map(
    ({ id, displayName, problems }): AppIntent => ({
      kind: 'unusable',
      uuid: id,
      displayName: displayName || id,
      problems: problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)),
    }),
  );
  return [...config.apps.map((app) => planApp(app, found)), ...unread];
}
