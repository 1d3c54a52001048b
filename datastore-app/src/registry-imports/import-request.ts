// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import {
  credentialSchema,
  type ImportWish,
  MAX_PATTERNS,
  MAX_PLATFORMS,
  platformName,
  tagPattern,
} from './import-job.ts';
import { decideTarget, formatImportSource, type Parsed, parseImportSource } from './import-source.ts';

const MAX_NAME_LENGTH = 512;

/** What is asked for, as a client writes it. */
export const importRequestSchema = () =>
  z.strictObject({
    source: z.string().max(1024).describe('Such as `docker://registry.example/lab/app:1.2`.'),
    as: z
      .string()
      .max(MAX_NAME_LENGTH)
      .optional()
      .describe('`name:tag`, or `name`; that of the source, unless said.'),
    platforms: z
      .array(platformName())
      .max(MAX_PLATFORMS)
      .optional()
      .describe('Of an index, such as `linux/arm64`; all, unless said.'),
    tags: z
      .array(tagPattern())
      .max(MAX_PATTERNS)
      .optional()
      .describe('All tags of the source that fit one of these, such as `1.*`.'),
    insecure: z.boolean().optional().describe('Over http.'),
    credentials: credentialSchema()
      .optional()
      .describe(
        'With `password`, or `passwordFile`: a file in the folder `credentials` of the state directory. For administrators.',
      ),
  });

export type ImportRequest = z.infer<ReturnType<typeof importRequestSchema>>;

/** What a request comes to, or why it cannot be done. */
export function decideImport(request: ImportRequest): Parsed<ImportWish> {
  const { as, platforms = [], tags = [], insecure = false, credentials } = request;
  const source = parseImportSource(request.source);
  if (source.kind === 'invalid') return source;
  const { tag, digest } = source.value;
  if (tags.length > 0 && (tag !== undefined || digest !== undefined)) {
    return {
      kind: 'invalid',
      reason: 'The source names one image, and "tags" several: leave one of them out.',
    };
  }
  const target = decideTarget(source.value, as, { isSeveral: tags.length > 0 });
  if (target.kind === 'invalid') return target;
  const { repository, notice } = target.value;
  return {
    kind: 'parsed',
    value: {
      ...{ source: formatImportSource(source.value), repository, tag: target.value.tag ?? null },
      ...{ tags, platforms: [...new Set(platforms)], isInsecure: insecure },
      ...(credentials !== undefined && { credential: credentials }),
      notes: notice === undefined ? [] : [notice],
    },
  };
}
