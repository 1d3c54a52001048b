// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { RegistryError } from './errors.ts';

const TAGS = z.object({ tags: z.array(z.string()).nullish() });

/** The tags of a page of them (end-8). @throws RegistryError `MANIFEST_INVALID` for what is none */
export function readTagList(bytes: Buffer): string[] {
  try {
    return TAGS.parse(JSON.parse(bytes.toString())).tags ?? [];
  } catch (error) {
    throw new RegistryError('MANIFEST_INVALID', 'the list of tags cannot be read', { cause: error });
  }
}
