// SPDX-License-Identifier: Apache-2.0
import { BINARY, jsonResponse } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import { refuse } from '@local-datastore/shared/http/refuse';
import type { Log } from '@local-datastore/shared/log';
import { parsePlatform, type WantedPlatform } from '@local-datastore/shared/oci/platform';
import type { Response } from 'express';
import * as z from 'zod';
import type { RegistryAccess } from '../../access/registry-access.ts';
import { IMPORT_FAILURE_CODES } from '../../archive-imports/archive-image.ts';
import type { ImportReport } from '../../archive-imports/import-report.ts';
import type { Importer } from '../../archive-imports/importer.ts';
import { parseWantedName } from '../../archive-imports/wanted-name.ts';
import { verifiedContent } from '../../content/verified-content.ts';
import { granted, problems, query } from '../openapi/describe.ts';
import { bytes } from '../openapi/scalars.ts';
import { REGISTRY_API, type RegistryGate } from '../registry-gate.ts';
import { patientContent } from '../request-content.ts';
import { createResource, type Resource } from '../resource.ts';
import { decideUploadContent } from '../upload-content.ts';
import { queryOf, REGISTRY_OFF } from './repositories.ts';

const PATH = `${REGISTRY_API}/import`;

export const importReportSchema = () =>
  z.object({
    images: z.array(
      z.object({
        repository: z.string(),
        tag: z.string(),
        digest: z.string().describe('Of the manifest, such as `sha256:…`.'),
        mediaType: z.string(),
        sizeBytes: bytes.describe('Of all that it leads to and what refers to it, each once.'),
        newBytes: bytes.describe('Of that, what was not here before.'),
      }),
    ),
    failed: z
      .array(
        z.object({
          name: z.string().describe('The image, as the archive or the request calls it.'),
          code: z.enum(IMPORT_FAILURE_CODES),
          message: z.string(),
          missing: z
            .array(
              z.object({
                digest: z.string(),
                sizeBytes: bytes,
                chunks: z.array(z.number().int()).optional().describe('Of a set: what brings it.'),
              }),
            )
            .optional(),
        }),
      )
      .describe('What could not be named, and why.'),
    notices: z.array(z.string()).describe('What a person should know, such as a name that was lower-cased.'),
    chunk: z
      .object({
        version: z.literal(1),
        set: z.string(),
        chunk: z.number().int(),
        of: z.number().int(),
      })
      .optional()
      .describe('Of a chunk of a set: which one.'),
    blobs: z.number().int().describe('How many the archive brought.'),
  });

export interface RegistryImportDeps {
  readonly log: Log;
  readonly gate: RegistryGate;
  readonly importer: Importer;
  readonly noteDone: RegistryAccess['noteDone'];
}

/**
 * What came of an import: 409 where something should have come of it, and nothing did.
 *
 * @param noteDone told when something was imported
 */
export async function answerReport(
  response: Response,
  report: ImportReport,
  noteDone: () => Promise<void>,
): Promise<void> {
  const isNothing = report.images.length === 0 && report.failed.length > 0;
  response.status(isNothing ? 409 : 200).json(report);
  if (report.images.length > 0) await noteDone();
}

/** As `platform` of a query says them. @returns undefined where one is none */
export function parsePlatforms(texts: readonly string[]): readonly WantedPlatform[] | undefined {
  const platforms = texts.map(parsePlatform);
  return platforms.includes(null) ? undefined : (platforms as WantedPlatform[]);
}

/**
 * `/-/api/v1/registry/import`: images come in as archives, for who may push where they belong.
 *
 * @param known undefined: the registry is off
 */
export function createRegistryImportRoutes(known: RegistryImportDeps | undefined): Resource {
  const report = { name: 'ImportReport', zod: importReportSchema };
  return createResource([
    granted({
      method: 'POST',
      path: PATH,
      summary: 'Import the images of an archive',
      parameters: [
        query(
          'name',
          'How they are to be called, such as `lab/app:1`, or `lab/app` with the tags of the archive. Unless said: as the archive calls them, without host.',
        ),
        query('platform', 'Of an image for many: this one alone, such as `linux/arm64`. May be repeated.'),
      ],
      request: { mediaType: 'application/x-tar', schema: BINARY },
      responses: {
        200: jsonResponse('What was imported, and what was not.', report),
        ...problems(400, 404, 415, 503, 507),
        409: jsonResponse('Nothing could be named: `failed` says why.', report),
      },
      async handle(request, response) {
        if (known === undefined) {
          sendProblem(response, REGISTRY_OFF);
          return;
        }
        const decided = decideUploadContent(request.headers, PATH);
        const asked = queryOf(request);
        const text = asked.get('name');
        const named = text === null ? undefined : parseWantedName(text);
        const platforms = parsePlatforms(asked.getAll('platform'));
        if (decided.kind === 'refused' || named?.kind === 'invalid' || platforms === undefined) {
          const detail =
            named?.kind === 'invalid'
              ? `"name": ${named.reason}`
              : '"platform" must be such as linux/amd64 or linux/arm/v7.';
          refuse(request, response, decided.kind === 'refused' ? decided.problem : { status: 400, detail });
          return;
        }
        const wish = { action: 'push', repository: named?.repository.toLowerCase() } as const;
        const allowed = await known.gate(request, response, { ...wish, reference: named?.tag });
        if (allowed === undefined) return;
        const content = verifiedContent(patientContent(request, response), decided.digests);
        const imported = await known.importer.importArchive(content, { name: named, platforms }, allowed);
        await answerReport(response, imported, () => known.noteDone(allowed.subject));
      },
    }),
  ]);
}
