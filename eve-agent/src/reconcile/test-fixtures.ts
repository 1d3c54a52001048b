// SPDX-License-Identifier: Apache-2.0
import { NO_LISTS } from '@local-datastore/shared/eve/config-document';
import { readDeviceConfig } from '@local-datastore/shared/eve/device-config';
import { contentDigest } from '@local-datastore/shared/oci/content-digest';
import { type Desired, planDesired } from './desired.ts';
import type { PlanLimits } from './plan.ts';

/** Device configurations for tests. */

export const sha256Of = (text: string) => contentDigest(text).hex;
export const uuidOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
export const datastoreIdOf = (number: number) =>
  `00000000-0000-4000-9000-${String(number).padStart(12, '0')}`;

/** A datastore at `http://ds<number>.local`. */
export const datastoreOf = (number: number, more: object = {}) => ({
  id: datastoreIdOf(number),
  dType: 'DsHttp',
  fqdn: `http://ds${number}.local`,
  ...more,
});

/** A content tree of its own content, 1000 bytes long, at datastore 1. */
export const treeOf = (number: number, more: object = {}) => ({
  uuid: uuidOf(number),
  dsIdsList: [datastoreIdOf(1)],
  URL: `file-${number}`,
  iformat: 'RAW',
  sha256: sha256Of(`content ${number}`),
  maxSizeBytes: '1000',
  displayName: `image-${number}`,
  ...more,
});

export function configOf(trees: readonly object[], datastores: readonly object[] = [datastoreOf(1)]) {
  const config = readDeviceConfig([{ name: '', lists: { ...NO_LISTS, datastores, contentInfo: trees } }]);
  const unusable = [...config.unusableDatastores, ...config.unusableTrees];
  if (unusable.length > 0) throw new Error(JSON.stringify(unusable));
  return config;
}

export const desiredOf = (...args: Parameters<typeof configOf>): Desired =>
  planDesired(configOf(...args), { allowPlainCredentials: false });

export const LIMITS: PlanLimits = {
  maxDownloads: 4,
  maxDownloadsPerDatastore: 2,
  smallBytes: 10_000,
  maxMismatches: 5,
  graceMs: 1000,
  slowTurnMs: 30_000,
  marginBytes: 0,
};
