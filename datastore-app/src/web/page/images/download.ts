// SPDX-License-Identifier: Apache-2.0
import type { Client } from '../api/client.ts';
import { splitPath } from './image-list.ts';

/**
 * Downloads an image that only those may read who have a credential: by a link that needs none for a while, so
 * that the browser goes on by itself where it broke off, and learns no secret.
 *
 * @throws ApiError
 */
export async function downloadByLink(client: Client, path: string): Promise<void> {
  const link = document.createElement('a');
  link.href = await client.downloadLink(path);
  link.download = splitPath(path).name;
  link.click();
}

/** A request's head is refused beyond 16 KiB; what else stands in it needs room, too. */
const MAX_URL_LENGTH = 8000;

/** Where several images are had as one tar with their SHA256SUMS; undefined: there are too many to be named. */
export function archiveUrl(paths: readonly string[]): string | undefined {
  const query = new URLSearchParams(paths.map((path) => ['path', path]));
  const url = `/-/api/v1/export?${query}`;
  return url.length > MAX_URL_LENGTH ? undefined : url;
}
