// SPDX-License-Identifier: Apache-2.0
import { type AppInstance, appInstanceSchema } from './app-instance.ts';
import {
  type ConfigFragment,
  type Entry,
  type EntryKind,
  entryReader,
  readEntries,
  sortEntries,
  type UnusableEntry,
} from './config-entry.ts';
import { type NetworkInstanceConfig, networkInstanceConfigSchema } from './network-instance-config.ts';
import { type Volume, volumeSchema } from './volume.ts';

/** What a device's configuration says of applications. Each uuid stands once in its list. */
export interface AppConfig {
  readonly apps: readonly AppInstance[];
  readonly volumes: readonly Volume[];
  readonly networkInstances: readonly NetworkInstanceConfig[];
  readonly unusableApps: readonly UnusableEntry[];
  readonly unusableVolumes: readonly UnusableEntry[];
  readonly unusableNetworkInstances: readonly UnusableEntry[];
}

/** What of an app EVE does and this agent does not: refused by name, on that app alone. */
function judgeApp(app: AppInstance) {
  const problems: { field: string; message: string }[] = [];
  const refuse = (field: string, message: string) => problems.push({ field, message });
  if (app.adapters.length > 0)
    refuse('adapters', 'devices of the host are given to no app here: leave them out');
  if (app.cipherData !== undefined) {
    refuse('cipherData', 'is encrypted for its device by the controller: give userData in its place');
  }
  if (app.service) refuse('service', 'services in the host itself are not run here: only apps');
  if (app.fixedresources.kernel !== '' || app.fixedresources.ramdisk !== '') {
    refuse(
      'fixedresources',
      'a kernel or ramdisk of its own cannot be given: it is started from its volumes',
    );
  }
  if (app.volumeRefList.length === 0 && app.drives.length > 0) {
    refuse('drives', 'are of releases before there were volumes: name volumes in volumeRefList');
  } else if (app.volumeRefList.length === 0) {
    refuse('volumeRefList', 'a volume expected, which the app is started from');
  }
  return problems;
}

const readApp = entryReader<AppInstance>(appInstanceSchema, judgeApp);

const readVolume = entryReader<Volume>(volumeSchema, ({ origin: { type, downloadContentTreeID } }) => {
  if (type === 'VCOT_UNKNOWN')
    return [{ field: 'origin.type', message: 'VCOT_BLANK or VCOT_DOWNLOAD expected' }];
  if (type === 'VCOT_DOWNLOAD' && downloadContentTreeID === '')
    return [{ field: 'origin.downloadContentTreeID', message: 'the uuid of a content tree expected' }];
  return [];
});

const readNetworkInstance = entryReader<NetworkInstanceConfig>(networkInstanceConfigSchema, () => []);

type Fields = Readonly<Record<string, unknown>>;
type Versioned = { readonly uuidandversion: { readonly uuid: string } };

const uuidInVersioned = ({ uuidandversion }: Fields): unknown =>
  typeof uuidandversion === 'object' && uuidandversion !== null && 'uuid' in uuidandversion
    ? uuidandversion.uuid
    : undefined;
/** What has EVE's `UUIDandVersion`. */
const VERSIONED = {
  uuidField: 'uuidandversion.uuid',
  uuidOf: ({ uuidandversion }: Versioned) => uuidandversion.uuid,
  uuidIn: uuidInVersioned,
  nameIn: ({ displayname }: Fields) => displayname,
};
const VOLUME: EntryKind<Volume> = {
  uuidField: 'uuid',
  uuidOf: ({ uuid }) => uuid,
  uuidIn: ({ uuid }) => uuid,
  nameIn: ({ displayName }) => displayName,
};

function readList<Item>(
  fragments: readonly ConfigFragment[],
  list: 'apps' | 'volumes' | 'networkInstances',
  read: (message: unknown, path: string) => Entry<Item>,
  kind: EntryKind<Item>,
) {
  const { usable, unusable } = sortEntries(readEntries(fragments, list, read), kind);
  return { usable, unusable: unusable.map(({ entry }) => entry) };
}

/** Reads apps, volumes and network instances; what is wrong with one entry is said of that one. */
export function readAppConfig(fragments: readonly ConfigFragment[]): AppConfig {
  const apps = readList<AppInstance>(fragments, 'apps', readApp, VERSIONED);
  const volumes = readList(fragments, 'volumes', readVolume, VOLUME);
  const instances = readList<NetworkInstanceConfig>(
    fragments,
    'networkInstances',
    readNetworkInstance,
    VERSIONED,
  );
  return {
    apps: apps.usable,
    volumes: volumes.usable,
    networkInstances: instances.usable,
    unusableApps: apps.unusable,
    unusableVolumes: volumes.unusable,
    unusableNetworkInstances: instances.unusable,
  };
}
