// SPDX-License-Identifier: Apache-2.0
import { open } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { FindLocalHost } from '../find-local-host.ts';
import { UpstreamError } from '../upstream-error.ts';
import { createUpstreamRequests } from '../upstream-requests.ts';
import { createStoreAsker } from './ask-store.ts';
import type { ImageUpstream } from './image-upstream-settings.ts';
import type { ImageSource } from './listed-file.ts';
import { ListError, MAX_LIST_BYTES, parseManifestList } from './parse-list.ts';

/** How a file was when it was read; another one for other content. */
interface Seen {
  readonly signature: string;
  readonly bytes: Buffer;
}

async function readManifest(file: string, known: string): Promise<Seen | undefined> {
  const handle = await open(file, 'r');
  try {
    const { ino, size, mtimeNs, ctimeNs } = await handle.stat({ bigint: true });
    const signature = [ino, size, mtimeNs, ctimeNs].join();
    if (signature === known) return undefined;
    if (size > BigInt(MAX_LIST_BYTES)) throw new ListError(`it has more than ${MAX_LIST_BYTES} bytes`);
    return { signature, bytes: await handle.readFile() };
  } finally {
    await handle.close();
  }
}

/**
 * External images: entries of a manifest on this machine, each of which is only a reference to some URL. Whoever
 * writes the manifest says where they may stand: any host is asked, and shown nothing. Where it leads from there is
 * guarded.
 */
export function createExternalSource(
  { file, ca, hosts }: Pick<ImageUpstream, 'ca' | 'hosts'> & { readonly file: string },
  findLocalHost: FindLocalHost,
): ImageSource {
  const requests = createUpstreamRequests({ ca, hosts }, findLocalHost);
  const asker = createStoreAsker({ requests, authorize: async () => ({}) });
  const language = extname(file).toLowerCase() === '.json' ? 'json' : 'yaml';
  let signature = '';
  return {
    async readList() {
      try {
        const seen = await readManifest(file, signature);
        if (seen === undefined) return undefined;
        const list = parseManifestList(seen.bytes, { language, base: undefined, mayLeadTo: () => true });
        signature = seen.signature;
        return list;
      } catch (error) {
        if (!(error instanceof ListError) && systemErrorCode(error) === undefined) throw error;
        throw new UpstreamError('INVALID', `${basename(file)} cannot be used: ${errorMessage(error)}`, {
          cause: error,
        });
      }
    },
    open: asker.open,
    close: requests.close,
  };
}
