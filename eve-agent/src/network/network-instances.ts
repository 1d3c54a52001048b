// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  type NetworkInstance,
  parseNetworkInstance,
} from '@local-datastore/shared/eve/network-instance-status';

/** Where EVE's zedrouter publishes one document an instance. */
const NETWORK_INSTANCES_FOLDER = '/run/zedrouter/NetworkInstanceStatus';
const MAX_DOCUMENTS = 256;
const MAX_DOCUMENT_BYTES = 1024 * 1024;

/** @returns null for a document that is being replaced, or is none */
function readInstance(file: string): NetworkInstance | null {
  try {
    const facts = statSync(file);
    // Reading a pipe may never end.
    if (!facts.isFile() || facts.size > MAX_DOCUMENT_BYTES) return null;
    return parseNetworkInstance(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return null;
  }
}

/** EVE's network instances that have a bridge; none where EVE does not run. */
export function readNetworkInstances(folder = NETWORK_INSTANCES_FOLDER): NetworkInstance[] {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  } catch {
    return [];
  }
  return names
    .sort()
    .slice(0, MAX_DOCUMENTS)
    .flatMap((name) => readInstance(join(folder, name)) ?? []);
}
