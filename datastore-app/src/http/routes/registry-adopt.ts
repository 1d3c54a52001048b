// SPDX-License-Identifier: Apache-2.0
import { jsonResponse } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import { isRepositoryName, whyNoRepositoryName } from '@local-datastore/shared/oci/reference';
import type { RegistryAccess } from '../../access/registry-access.ts';
import { adoptedName, imagesOfRepository, isArchiveRepository } from '../../archive-imports/adopt-archive.ts';
import type { Importer } from '../../archive-imports/importer.ts';
import { parseWantedName } from '../../archive-imports/wanted-name.ts';
import type { RegistryReader } from '../../archives/archive-registry.ts';
import { granted, problems, query } from '../openapi/describe.ts';
import { REGISTRY_API, type RegistryGate } from '../registry-gate.ts';
import { createResource, type Resource } from '../resource.ts';
import { answerReport, importReportSchema } from './registry-import.ts';
import { queryOf, REGISTRY_OFF } from './repositories.ts';

export interface AdoptRoutesDeps {
  readonly gate: RegistryGate;
  readonly importer: Pick<Importer, 'importImages'>;
  readonly stored: RegistryReader;
  readonly noteDone: RegistryAccess['noteDone'];
}

/**
 * `/-/api/v1/registry/adopt`: images of an archive among the images become the registry's own, so that the file may go.
 *
 * @param known undefined: the registry is off
 */
export function createAdoptRoutes(known: AdoptRoutesDeps | undefined): Resource {
  const report = { name: 'ImportReport', zod: importReportSchema };
  return createResource([
    granted({
      method: 'POST',
      path: `${REGISTRY_API}/adopt`,
      summary: 'Copy the images of an archive among the images into the registry',
      parameters: [
        query('from', 'The repository of the archive, such as `archives/linux/app`.'),
        query('name', 'How they are to be called, such as `lab/app`; unless said: without `archives/`.'),
      ],
      responses: {
        200: jsonResponse('What was copied, and what was not.', report),
        ...problems(400, 404, 507),
        409: jsonResponse('Nothing could be named: `failed` says why.', report),
      },
      async handle(request, response) {
        if (known === undefined) {
          sendProblem(response, REGISTRY_OFF);
          return;
        }
        const asked = queryOf(request);
        const from = asked.get('from') ?? '';
        const named = parseWantedName(asked.get('name') ?? adoptedName(from));
        if (!isRepositoryName(from) || !isArchiveRepository(from)) {
          const why = whyNoRepositoryName(from) ?? 'Only repositories below archives/ are adopted.';
          sendProblem(response, { status: 400, detail: `"from": ${why}` });
          return;
        }
        if (named.kind === 'invalid') {
          sendProblem(response, { status: 400, detail: `"name": ${named.reason}` });
          return;
        }
        const { repository, tag } = named;
        const wish = { action: 'push', repository: repository.toLowerCase(), reference: tag } as const;
        const allowed = await known.gate(request, response, wish);
        if (allowed === undefined) return;
        if (!allowed.may('pull', from)) {
          sendProblem(response, { status: 403, detail: `${allowed.subject} may not pull all of ${from}.` });
          return;
        }
        const images = await imagesOfRepository(known.stored, from);
        // It lasts as long as copying does.
        request.socket.setTimeout(0);
        const imported = await known.importer.importImages(
          images,
          (digest) => known.stored.openBlob(from, digest),
          { name: named, platforms: [] },
          allowed,
        );
        await answerReport(response, imported, () => known.noteDone(allowed.subject));
      },
    }),
  ]);
}
