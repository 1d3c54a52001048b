// SPDX-License-Identifier: Apache-2.0
import type { OptionDescription } from '@local-datastore/shared/command-line/options';
import * as z from 'zod';
import { parseWriteToken } from '../access/write-token.ts';

const TOKEN_KEY_CHOICES = ['id', 'certificate'] as const;
const file = z.string().min(1, { error: 'a file expected' });

export interface WriteTokenOptions {
  readonly writeToken?: string;
  readonly writeTokenFile?: string;
}

/** Who may write, read, and do what in the registry. */
export interface AccessOptions extends WriteTokenOptions {
  readonly readUser: string;
  readonly readPassword?: string;
  readonly readPasswordFile?: string;
  readonly grants?: string;
  readonly adminCertificate?: string;
  readonly registryTokenKey: (typeof TOKEN_KEY_CHOICES)[number];
}

/** Who may write. */
export const WRITE_TOKEN_OPTIONS: readonly OptionDescription[] = [
  {
    flags: '--write-token <token>',
    description: 'who has it may write; better in the environment or a file, where other users cannot see it',
    environment: 'DATASTORE_WRITE_TOKEN',
    schema: z.string().transform(parseWriteToken),
    isSecret: true,
  },
  {
    flags: '--write-token-file <file>',
    description: 'file with the write token (default: made at the first start, in the state directory)',
    environment: 'DATASTORE_WRITE_TOKEN_FILE',
    schema: file,
  },
];

/** Who may read, where not everybody may. */
export const READ_OPTIONS: readonly OptionDescription[] = [
  {
    flags: '--read-user <name>',
    description: "name of the read credential: EVE's apiKey",
    environment: 'DATASTORE_READ_USER',
    schema: z.string().regex(/^[^\s:]{1,128}$/, { error: 'a name without spaces and colons expected' }),
    default: 'eve',
  },
  {
    flags: '--read-password <password>',
    description: 'reading needs it from now on; better in the environment or a file',
    environment: 'DATASTORE_READ_PASSWORD',
    schema: z
      .string()
      .regex(/^[\x21-\x7e]{8,512}$/, { error: 'at least 8 printable ASCII characters expected' }),
    isSecret: true,
  },
  {
    flags: '--read-password-file <file>',
    description: 'file with the read password',
    environment: 'DATASTORE_READ_PASSWORD_FILE',
    schema: file,
  },
];

/** Who may do what in the registry. */
export const REGISTRY_ACCESS_OPTIONS: readonly OptionDescription[] = [
  {
    flags: '--grants <file>',
    description:
      'YAML file that says who may do what in the registry (default: grants.yaml in the state directory, where it exists)',
    environment: 'DATASTORE_GRANTS',
    schema: file,
  },
  {
    flags: '--admin-certificate <file>',
    description: 'PEM file with certificates: whoever shows one of them by HTTPS administers the registry',
    environment: 'DATASTORE_ADMIN_CERTIFICATE',
    schema: file,
  },
  {
    flags: '--registry-token-key <how>',
    description:
      'how tokens for the registry name their key: id; certificate, for other registries that take it from the token',
    environment: 'DATASTORE_REGISTRY_TOKEN_KEY',
    schema: z.enum(TOKEN_KEY_CHOICES, { error: `one of ${TOKEN_KEY_CHOICES.join(', ')} expected` }),
    default: 'id',
  },
];
