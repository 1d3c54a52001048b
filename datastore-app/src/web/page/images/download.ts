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
