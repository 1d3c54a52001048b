// SPDX-License-Identifier: Apache-2.0
import { ApiError } from '@local-datastore/shared/page/api-error';
import type { Access } from '../access/access.ts';
import type { Client } from '../api/client.ts';

/** A change, as the API gives it. */
export interface Change {
  readonly id: string;
  /** ISO 8601. */
  readonly time: string;
  readonly action: string;
  readonly image: string | null;
  readonly to: string | null;
  readonly source: string | null;
  /** Such as `admin`, or `user:alice`. */
  readonly by: string;
  /** null: the machine itself. */
  readonly client: string | null;
  readonly via: string;
  readonly status: number | null;
  readonly count: number;
}

export interface FoundChanges {
  readonly changes: readonly Change[];
  /** null: there are no older ones. */
  readonly next: string | null;
}

export interface ChangesWish {
  readonly limit: number;
  /** Stands in the name of an image; empty: all. */
  readonly image: string;
  /** Empty: all. */
  readonly action: string;
}

/**
 * Who changed what, the newest first.
 *
 * @throws ApiError; a token that is refused is forgotten
 */
export async function loadChanges(
  { access, client }: { readonly access: Access; readonly client: Client },
  { limit, image, action }: ChangesWish,
): Promise<FoundChanges> {
  const token = access.writeToken();
  const query = new URLSearchParams({
    limit: String(limit),
    ...(image.trim() !== '' && { image: image.trim() }),
    ...(action !== '' && { action }),
  });
  try {
    return await client.readGranted<FoundChanges>(`/-/api/v1/changes?${query}`);
  } catch (error) {
    if (token !== undefined && error instanceof ApiError && error.status === 401) {
      access.refuseWriteToken(token);
    }
    throw error;
  }
}
