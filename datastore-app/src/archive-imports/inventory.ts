// SPDX-License-Identifier: Apache-2.0
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseOciDigest } from '@local-datastore/shared/oci/digest';
import * as z from 'zod';
import type { Registry } from '../blobs/open-registry.ts';
import type { BlobInfo, RegistryStore } from '../blobs/registry-store.ts';

/** At most so many are read of a file that somebody carried over. */
export const MAX_INVENTORY_BLOBS = 200_000;

const digest = z.string().refine((text) => parseOciDigest(text) !== undefined, 'no digest');

/** What is there: what an export may leave out. */
export const inventorySchema = () =>
  z.object({
    version: z.literal(1),
    blobs: z
      .array(
        z.object({
          digest: digest.describe('Such as `sha256:…`.'),
          sizeBytes: z.number().int().nonnegative(),
        }),
      )
      .max(MAX_INVENTORY_BLOBS),
  });

export interface InventoryDeps {
  readonly store: Pick<RegistryStore, 'listRepositories' | 'statBlob'> & Pick<Registry, 'recordOf'>;
}

const PAGE = 1000;
/** So many are looked at before something else of the program may run. */
const LOOKED_AT_ONCE = 500;

/**
 * Configs and layers that are here, each once, of the repositories of which everything may be pulled. Those of archives
 * among the images are left out: a file may go at any time.
 */
export async function* listInventory(
  { store }: InventoryDeps,
  mayPull: (repository: string) => boolean,
): AsyncGenerator<BlobInfo> {
  const seen = new Set<string>();
  let looked = 0;
  for (let last: string | undefined, isMore = true; isMore; ) {
    const page = await store.listRepositories({ limit: PAGE, last, isVisible: mayPull });
    isMore = page.isMore && page.names.length > 0;
    last = page.names.at(-1);
    for (const name of page.names) {
      for (const { blobs } of store.recordOf(name)?.manifests.values() ?? []) {
        for (const { digest: text } of blobs) {
          looked += 1;
          if (looked % LOOKED_AT_ONCE === 0) await nextTurn();
          const parsed = seen.has(text) ? undefined : parseOciDigest(text);
          const found = parsed && (await store.statBlob(name, parsed, { isForPush: false }));
          if (found === undefined) continue;
          seen.add(text);
          yield found;
        }
      }
    }
  }
}
