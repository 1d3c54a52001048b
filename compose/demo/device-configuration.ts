// SPDX-License-Identifier: Apache-2.0
import { APP_PORT } from './web-app.ts';

const uuid = (number: number) => `6c1f1d5e-2c5b-4f0a-9b57-${String(number).padStart(12, '0')}`;
export const APP_ID = uuid(1);

/**
 * What a controller would send to the device: one application, of an image of the datastore, on one of the bridges.
 *
 * @param version the tag of its image; null: the application is wanted no more
 * @param place where it is reached: an address of the host, and a port
 */
export function deviceConfiguration(
  version: string | null,
  { bridge, address, port }: { readonly bridge: string; readonly address: string; readonly port: number },
): object {
  const [tree, volume, instance, datastore] = [uuid(2), uuid(3), uuid(4), uuid(5)];
  const common = {
    datastores: [{ id: datastore, dType: 'DsContainerRegistry', fqdn: 'docker://datastore.local' }],
    networkInstances: [
      {
        ...{ uuidandversion: { uuid: instance }, displayname: bridge, instType: 'ZnetInstLocal' },
        localDatastore: { bridge },
      },
    ],
  };
  if (version === null) return { ...common, contentInfo: [], volumes: [], apps: [] };
  return {
    ...common,
    contentInfo: [
      {
        ...{ uuid: tree, dsIdsList: [datastore], URL: `team/web:${version}` },
        ...{ iformat: 'CONTAINER', displayName: 'web' },
      },
    ],
    volumes: [{ uuid: volume, origin: { type: 'VCOT_DOWNLOAD', downloadContentTreeID: tree } }],
    apps: [
      {
        ...{ uuidandversion: { uuid: APP_ID, version: '1' }, displayname: 'web', activate: true },
        fixedresources: { memory: 262_144, vcpus: 1 },
        interfaces: [{ name: 'eth0', networkId: instance }],
        volumeRefList: [{ uuid: volume }],
        // Ours, which EVE leaves alone: its port on the bridge's own address alone, and how it is judged.
        localDatastore: {
          args: ['-p', `${address}:${port}:${APP_PORT}`],
          health: { kind: 'http', port: APP_PORT, path: '/', startPeriodSeconds: 20, retries: 3 },
          settle: '2s',
        },
      },
    ],
  };
}
