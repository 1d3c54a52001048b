// SPDX-License-Identifier: Apache-2.0
import { parseOciDigest } from '@local-datastore/shared/oci/digest';
import type { RegistryStore } from '../blobs/registry-store.ts';
import type { Flights } from '../upstream/flights.ts';
import type { ImportProgress } from './import-progress.ts';

/** Removes what has come of blobs that are not wanted any more; what others still have come stays. */
export async function removeParts(
  {
    store,
    flights,
  }: {
    readonly store: Pick<RegistryStore, 'findImport' | 'cancelUpload'>;
    readonly flights: Pick<Flights, 'list'>;
  },
  repository: string,
  progress: ImportProgress,
): Promise<void> {
  for (const { digest: text, state } of progress.blobs()) {
    if (flights.list().some((flight) => flight.digest === text)) continue;
    const digest = state === 'here' ? undefined : parseOciDigest(text);
    const part = digest && store.findImport(repository, digest);
    if (part !== undefined) await store.cancelUpload(repository, part.id);
  }
}
