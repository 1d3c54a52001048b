// SPDX-License-Identifier: Apache-2.0
import { defaultOptions, type PreviousUpload } from 'tus-js-client';
import type { Access } from '../access/access.ts';

/** An upload that this browser began and did not end. */
export interface UnfinishedUpload {
  readonly path: string;
  readonly sizeBytes: number;
  /** What has arrived; undefined: the datastore did not say. */
  readonly receivedBytes: number | undefined;
  /** As tus-js-client keeps it. */
  readonly previous: PreviousUpload;
}

const PREFIX = 'tus::';

/** Whether a file is the one that an upload was begun with, unchanged. */
export const isSameFile = (upload: UnfinishedUpload, fingerprint: string): boolean =>
  upload.previous.urlStorageKey.startsWith(`${PREFIX}${fingerprint}::`);

/** Asks how far an upload is (tus 1.0.0, HEAD). @returns undefined: unknown; null: it is gone */
async function receivedBytes(uploadUrl: string, access: Access): Promise<number | undefined | null> {
  const token = access.writeToken();
  const headers = {
    'Tus-Resumable': '1.0.0',
    ...access.readHeaders(),
    ...(token !== undefined && { Authorization: `Bearer ${token}` }),
  };
  try {
    const response = await fetch(uploadUrl, { method: 'HEAD', headers, credentials: 'omit' });
    if (response.status === 404 || response.status === 410) return null;
    const offset = response.headers.get('Upload-Offset');
    return response.ok && offset !== null ? Number(offset) : undefined;
  } catch {
    return undefined;
  }
}

/** What this browser left unfinished on this datastore; what the datastore has given up is forgotten. */
export async function findUnfinished(
  access: Access,
  isRunning: (uploadUrl: string) => boolean,
): Promise<UnfinishedUpload[]> {
  const { urlStorage } = defaultOptions;
  const found: UnfinishedUpload[] = [];
  for (const previous of await urlStorage.findAllUploads()) {
    const { uploadUrl, size, metadata } = previous;
    if (uploadUrl === null || isRunning(uploadUrl)) continue;
    const received = await receivedBytes(uploadUrl, access);
    if (received === null) await urlStorage.removeUpload(previous.urlStorageKey);
    else {
      const path = metadata.path ?? metadata.filename ?? '';
      found.push({ path, sizeBytes: size ?? 0, receivedBytes: received, previous });
    }
  }
  return found;
}
