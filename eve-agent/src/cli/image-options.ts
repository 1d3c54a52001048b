// SPDX-License-Identifier: Apache-2.0
import { type OptionDescription, wholeNumber } from '@local-datastore/shared/command-line/options';
import { parseSha256 } from '@local-datastore/shared/digest/sha256';
import * as z from 'zod';

/** What a user may say of an image and of the way to it. */
export interface ImageOptions {
  readonly sha256?: string;
  readonly size?: number;
  readonly ca?: string;
  readonly auth?: string;
}

export const imageOptions: readonly OptionDescription[] = [
  {
    flags: '--sha256 <hex>',
    description: 'the digest that the file must have (default: what the datastore itself states, if it does)',
    environment: 'EVE_AGENT_SHA256',
    schema: z.string().transform(parseSha256),
  },
  {
    flags: '--size <bytes>',
    description: 'the exact size that the file must have',
    environment: 'EVE_AGENT_SIZE',
    schema: wholeNumber(0, Number.MAX_SAFE_INTEGER),
  },
  {
    flags: '--ca <file>',
    description:
      'PEM certificates that the chain of an https datastore must lead to, in place of the system’s',
    environment: 'EVE_AGENT_CA',
    schema: z.string(),
  },
  {
    flags: '--auth <value>',
    description: 'value of the Authorization header, such as "Bearer …"; better given by the environment',
    environment: 'EVE_AGENT_AUTH',
    schema: z
      .string()
      .regex(/^[\x20-\x7e]{1,4096}$/, { error: 'up to 4096 printable ASCII characters expected' }),
  },
];
