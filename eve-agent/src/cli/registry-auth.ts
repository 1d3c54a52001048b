import { readFileSync, statSync } from 'node:fs';
import type { OptionDescription } from '@local-datastore/shared/command-line/options';
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import * as z from 'zod';
import type { FindCredential } from '../mirror/repositories.ts';
import { type DockerAuths, parseDockerAuths } from '../registry/docker-auths.ts';

/** What a user may say of registries that want a credential. */
export interface RegistryAuthOptions {
  readonly registryAuth?: string;
}

export const registryAuthOption: OptionDescription = {
  flags: '--registry-auth <file>',
  description:
    'names and passwords for registries, as docker login and podman login write them (config.json, auth.json); ' +
    'credential helpers are not run',
  environment: 'EVE_AGENT_REGISTRY_AUTH',
  get schema() {
    return z.string().min(1, { error: 'a file expected' });
  },
};

const MAX_FILE_BYTES = 1024 * 1024;

/** @throws ConfigurationError, without a secret */
export function readRegistryAuth(file: string): DockerAuths {
  try {
    const { size } = statSync(file);
    if (size > MAX_FILE_BYTES) throw new Error(`it has more than ${MAX_FILE_BYTES} bytes`);
    return parseDockerAuths(readFileSync(file, 'utf8'));
  } catch (error) {
    const why =
      error instanceof ConfigurationError ? error.message : `cannot be read: ${errorMessage(error)}`;
    throw new ConfigurationError(`--registry-auth ${file} ${why}`, { cause: error });
  }
}

/**
 * What a long-lived program shows to registries: the file is read again when it has changed; one that cannot be used
 * then changes nothing.
 *
 * @throws ConfigurationError, at once
 */
export function watchRegistryAuth(file: string | undefined, log: Log): FindCredential {
  if (file === undefined) return () => null;
  let auths = readRegistryAuth(file);
  const markOf = () => {
    const facts = statSync(file, { throwIfNoEntry: false });
    return facts === undefined ? '' : `${facts.ino} ${facts.size} ${facts.mtimeMs}`;
  };
  let mark = markOf();
  return (host, repository) => {
    const found = markOf();
    if (found !== mark) {
      mark = found;
      try {
        auths = readRegistryAuth(file);
      } catch (error) {
        log.error({ reason: errorMessage(error) }, 'the credentials of registries stay as they were');
      }
    }
    return auths.find(host, repository);
  };
}
