// SPDX-License-Identifier: Apache-2.0
import { basename } from 'node:path/posix';
import { ConfigurationError } from '@local-datastore/shared/errors';
import { matchName } from '@local-datastore/shared/text/name-match';
import { printableText } from '@local-datastore/shared/text/printable-text';
import * as z from 'zod';
import type { DatastoreClient } from './registry/datastore-client.ts';

const IMAGES = '/-/api/v1/images';
/** More would only hide that the word is too short. */
const MAX_TOLD = 5;
const listSchema = () => z.object({ images: z.array(z.object({ path: z.string() })) });

/**
 * The path of the image that a person means by a word: its path, its name without folders, or the beginning of one of
 * them that no other image has. What is said to stand for another path is told.
 *
 * @param path as it was given, without the first slash
 * @returns what was given where nothing fits: what is asked for next says that there is none
 * @throws ConfigurationError where several fit
 */
export async function findImage(
  { read }: Pick<DatastoreClient, 'read'>,
  path: string,
  tell: (notice: string) => void,
): Promise<string> {
  const { images } = await read('GET', IMAGES, listSchema());
  // Paths may differ by case alone, which is nothing to `matchName`.
  if (images.some((image) => image.path === path)) return path;
  const match = matchName(
    path,
    images.map((image) => ({ id: image.path, name: basename(image.path) })),
  );
  if (match.kind === 'none') return path;
  if (match.kind === 'one') {
    tell(`"${printableText(path)}" is ${printableText(match.found.id)}`);
    return match.found.id;
  }
  const told = match.found.slice(0, MAX_TOLD).map(({ id }) => printableText(id));
  const more = match.found.length > MAX_TOLD ? ' …' : '';
  throw new ConfigurationError(
    `"${printableText(path)}" is the beginning of several images: ${told.join(', ')}${more}`,
  );
}
