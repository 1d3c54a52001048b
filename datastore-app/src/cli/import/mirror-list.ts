// SPDX-License-Identifier: Apache-2.0
import { ConfigurationError, errorMessage } from '@local-datastore/shared/errors';
import { readYamlFile } from '@local-datastore/shared/files/yaml-file';
import { plainIssue, problemsText } from '@local-datastore/shared/text/document-problems';
import * as z from 'zod';
import { MAX_PATTERNS, MAX_PLATFORMS, platformName, tagPattern } from '../../registry-imports/import-job.ts';
import { decideImport, type ImportRequest } from '../../registry-imports/import-request.ts';
import { DOCKER_SCHEME } from '../../registry-imports/import-source.ts';

const MAX_IMAGES = 10_000;

const LIST = z.strictObject({
  images: z
    .array(
      z.strictObject({
        from: z.string().min(1),
        as: z.string().min(1).optional(),
        platforms: z.array(platformName()).max(MAX_PLATFORMS).optional(),
        // YAML reads 1.2 as a number.
        tags: z
          .array(z.union([z.string(), z.number()]).transform(String).pipe(tagPattern()))
          .max(MAX_PATTERNS)
          .optional(),
        insecure: z.boolean().optional(),
      }),
    )
    .max(MAX_IMAGES),
});

/** An entry of a list, or why it can be none. */
export type MirrorEntry =
  | { readonly kind: 'entry'; readonly request: ImportRequest }
  | { readonly kind: 'wrong'; readonly from: string; readonly reason: string };

/** Reads what a person wrote as a list. One entry that names no image stops no other. @throws Error */
export function parseMirrorList(document: unknown): MirrorEntry[] {
  const parsed = LIST.safeParse(document, { error: plainIssue });
  if (!parsed.success) throw new Error(problemsText(parsed.error));
  return parsed.data.images.map(({ from, as, platforms, tags, insecure }): MirrorEntry => {
    const source = from.includes('://') ? from : `${DOCKER_SCHEME}${from}`;
    const request: ImportRequest = {
      ...{ source, ...(as !== undefined && { as }), ...(platforms !== undefined && { platforms }) },
      ...(tags !== undefined && { tags }),
      ...(insecure !== undefined && { insecure }),
    };
    const decided = decideImport(request);
    return decided.kind === 'invalid'
      ? { kind: 'wrong', from, reason: decided.reason }
      : { kind: 'entry', request };
  });
}

/** @throws ConfigurationError naming the file, and where it goes wrong */
export function readMirrorList(file: string): MirrorEntry[] {
  try {
    return parseMirrorList(readYamlFile(file));
  } catch (error) {
    throw new ConfigurationError(`--mirror ${file} cannot be used: ${errorMessage(error)}`, { cause: error });
  }
}
