// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { FindCredential } from '../mirror/repositories.ts';
import { type DockerAuths, parseDockerAuths } from '../registry/docker-auths.ts';

/** What registries are shown, and must show. Their content is read again when it changes. */
export interface RegistryFiles {
  /** As `docker login` writes it; undefined: nothing is shown. */
  readonly auth: string | undefined;
  /** PEM certificates in place of the system's; undefined: registries on `.local` are spoken to over http. */
  readonly ca: string | undefined;
}

const MAX_FILE_BYTES = 1024 * 1024;

function readBounded(file: string): string {
  const { size } = statSync(file);
  if (size > MAX_FILE_BYTES) throw new Error(`it has more than ${MAX_FILE_BYTES} bytes`);
  return readFileSync(file, 'utf8');
}

/** @throws ConfigurationError, without a secret */
export function readRegistryAuth(file: string): DockerAuths {
  try {
    return parseDockerAuths(readBounded(file));
  } catch (error) {
    const why =
      error instanceof ConfigurationError ? error.message : `cannot be read: ${errorMessage(error)}`;
    throw new ConfigurationError(`--registry-auth ${file} ${why}`, { cause: error });
  }
}

/**
 * @returns PEM
 * @throws ConfigurationError when the file cannot be read or holds no certificate
 */
export function readCa(file: string): string {
  try {
    const pem = readBounded(file);
    new X509Certificate(pem);
    return pem;
  } catch (error) {
    throw new ConfigurationError(`--ca ${file} cannot be used as PEM certificates: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

/**
 * What a file says, for a long-lived program: read again when it has changed; what cannot be used then changes nothing.
 *
 * @throws what `read` throws, at once
 */
function watchFile<Content>(
  file: string,
  read: (file: string) => Content,
  onUnusable: (error: unknown) => void,
): () => Content {
  const markOf = () => {
    const facts = statSync(file, { throwIfNoEntry: false });
    return facts === undefined ? '' : `${facts.ino} ${facts.size} ${facts.mtimeMs}`;
  };
  let mark = markOf();
  let content = read(file);
  return () => {
    const found = markOf();
    if (found !== mark) {
      mark = found;
      try {
        content = read(file);
      } catch (error) {
        onUnusable(error);
      }
    }
    return content;
  };
}

/**
 * What is shown to registries: of each its own alone.
 *
 * @param file undefined: nothing is
 * @throws ConfigurationError, at once
 */
export function watchRegistryAuth(file: string | undefined, log: Log): FindCredential {
  if (file === undefined) return () => null;
  const current = watchFile(file, readRegistryAuth, (error) =>
    log.error({ reason: errorMessage(error) }, 'the credentials of registries stay as they were'),
  );
  return (host, repository) => current().find(host, repository);
}

/**
 * The authorities that registries over https must lead to.
 *
 * @param file undefined: those of the system, as null
 * @returns PEM, as it is now
 * @throws ConfigurationError, at once
 */
export function watchCa(file: string | undefined, log: Log): () => string | null {
  if (file === undefined) return () => null;
  return watchFile(file, readCa, (error) =>
    log.error({ reason: errorMessage(error) }, 'the authorities of registries stay as they were'),
  );
}
