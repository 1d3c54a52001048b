// SPDX-License-Identifier: Apache-2.0
import type { OptionDescription } from '@local-datastore/shared/command-line/options';
import * as z from 'zod';

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
