// SPDX-License-Identifier: Apache-2.0
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '@local-datastore/shared/errors';
import type { FindLocalHost } from '../upstream/find-local-host.ts';
import {
  createUpstreamClient,
  type UpstreamAddress,
  type UpstreamClient,
} from '../upstream/upstream-client.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';
import type { Upstream } from '../upstream/upstream-settings.ts';
import type { ImportCredential, ImportJobRecord } from './import-job.ts';
import { originOfSource, parseImportSource } from './import-source.ts';

/** In the state directory: the only files that can be named as passwords. */
export const CREDENTIALS_FOLDER = 'credentials';
const MAX_PASSWORD_BYTES = 4096;

export interface ImportClientsDeps {
  readonly findLocalHost: FindLocalHost;
  /** Those that are configured now: how a registry is spoken to need not be said again. */
  upstreams(): readonly Pick<Upstream, 'url' | 'ca' | 'credential'>[];
}

async function readPassword(file: string): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_PASSWORD_BYTES + 1));
    if (bytesRead > MAX_PASSWORD_BYTES) throw new RangeError('it is too large for a password');
    return buffer.toString('utf8', 0, bytesRead).trim();
  } finally {
    await handle.close();
  }
}

/**
 * How the registry of a job is reached. One that is configured as an upstream is spoken to in the same way; its
 * credential is for administrators, since what it opens is.
 */
export function addressOf(
  { source, isInsecure, isAdmin }: Pick<ImportJobRecord, 'source' | 'isInsecure' | 'isAdmin'>,
  upstreams: ReturnType<ImportClientsDeps['upstreams']>,
): UpstreamAddress {
  const parsed = parseImportSource(source);
  if (parsed.kind === 'invalid') throw new UpstreamError('INVALID', parsed.reason);
  const url = originOfSource(parsed.value, isInsecure);
  const known = isInsecure ? undefined : upstreams.find((each) => each.url.host === url.host);
  return {
    ...{ url: known?.url ?? url, ca: known?.ca, isUntrusted: !isAdmin },
    credential: isAdmin ? known?.credential : undefined,
  };
}

/** What has to be known of a registry, so that it can be asked. */
export type ImportSource = Pick<ImportJobRecord, 'source' | 'isInsecure' | 'isAdmin' | 'credential'>;

/** Makes the clients that imports are done by. */
export function createImportClients(
  { findLocalHost, upstreams }: ImportClientsDeps,
  { stateDirectory }: { readonly stateDirectory: string },
): (source: ImportSource) => Promise<UpstreamClient> {
  async function credentialOf(given: ImportCredential) {
    const { user } = given;
    if ('password' in given) return { user, password: given.password };
    try {
      const file = join(stateDirectory, CREDENTIALS_FOLDER, given.passwordFile);
      return { user, password: await readPassword(file) };
    } catch (error) {
      throw new UpstreamError(
        'DENIED',
        `the password in ${CREDENTIALS_FOLDER}/${given.passwordFile} of the state directory cannot be read`,
        { cause: errorMessage(error) },
      );
    }
  }

  return async (job) => {
    const address = addressOf(job, upstreams());
    const credential = job.credential === undefined ? address.credential : await credentialOf(job.credential);
    return createUpstreamClient({ ...address, credential }, findLocalHost);
  };
}
