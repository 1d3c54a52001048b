// SPDX-License-Identifier: Apache-2.0
import { GUEST_ADDRESS } from '../lab/machines/guest-image.ts';

const uuid = (number: number) => `5d0f3c7a-8e21-4c36-b0d5-${String(number).padStart(12, '0')}`;
export const VM_ID = uuid(1);

/** What a guest is given to become healthy: where it is emulated, beside other load. */
export const START_SECONDS = 120;

/** The image that the content tree names. */
export interface VmImage {
  /** Below the datastore's root. */
  readonly name: string;
  /** 64 hex digits. */
  readonly sha256: string;
}

/**
 * What a controller would send to the device: one VM, of a disk of the datastore, on the bridge bn1.
 *
 * @param image null: the VM is wanted no more
 */
export function vmConfiguration(image: VmImage | null): object {
  const [tree, volume, instance, datastore] = [uuid(2), uuid(3), uuid(4), uuid(5)];
  const common = {
    datastores: [{ id: datastore, dType: 'DsHttp', fqdn: 'http://datastore.local' }],
    networkInstances: [
      {
        ...{ uuidandversion: { uuid: instance }, displayname: 'bn1', instType: 'ZnetInstLocal' },
        ip: { gateway: '10.1.0.1' },
      },
    ],
  };
  if (image === null) return { ...common, contentInfo: [], volumes: [], apps: [] };
  return {
    ...common,
    contentInfo: [
      {
        ...{ uuid: tree, dsIdsList: [datastore], URL: image.name, sha256: image.sha256 },
        ...{ iformat: 'RAW', displayName: 'guest' },
      },
    ],
    volumes: [{ uuid: volume, origin: { type: 'VCOT_DOWNLOAD', downloadContentTreeID: tree } }],
    apps: [
      {
        ...{ uuidandversion: { uuid: VM_ID, version: '1' }, displayname: 'guest', activate: true },
        fixedresources: { memory: 131_072, vcpus: 1 },
        interfaces: [{ name: 'eth0', networkId: instance, addr: GUEST_ADDRESS }],
        volumeRefList: [{ uuid: volume }],
        // Ours, which EVE leaves alone: how it is judged.
        localDatastore: {
          health: { kind: 'http', port: 80, path: '/', startPeriodSeconds: START_SECONDS, retries: 3 },
          settle: '2s',
        },
      },
    ],
  };
}
