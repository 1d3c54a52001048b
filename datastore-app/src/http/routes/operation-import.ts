// SPDX-License-Identifier: Apache-2.0
import { BINARY, jsonResponse } from '@local-datastore/shared/http/operation';
import { refuse } from '@local-datastore/shared/http/refuse';
import type { NoteChange } from '../../changes/change.ts';
import { verifiedContent } from '../../content/verified-content.ts';
import type { FormatOf } from '../../operations/format-of.ts';
import { parseImageName } from '../../operations/image-name.ts';
import type { ImageOps } from '../../operations/image-ops.ts';
import { originOf } from '../change-origin.ts';
import { granted, problems, query } from '../openapi/describe.ts';
import { imageVersionSchema } from '../openapi/operation-schemas.ts';
import { operationProblem } from '../operation-problem.ts';
import { OPERATIONS_API, type PermitOperation } from '../permit-operation.ts';
import { REGISTRY_API } from '../registry-gate.ts';
import { contentOf, patientContent } from '../request-content.ts';
import type { Route } from '../resource.ts';
import { decideUploadContent } from '../upload-content.ts';
import { parsePlatforms } from './registry-import.ts';
import { queryOf } from './repositories.ts';

const PATH = `${OPERATIONS_API}/import`;
const JSON_TYPE = /^application\/json\b/i;

export interface OperationImportDeps {
  readonly note: NoteChange;
  readonly ops: ImageOps;
  readonly formatOf: FormatOf;
  readonly permit: PermitOperation;
}

/** `POST /-/api/v1/operations/import`: a file whose digest is said, or an archive that becomes an image of a repository. */
export function createOperationImportRoute({ note, ops, formatOf, permit }: OperationImportDeps): Route {
  return granted({
    method: 'POST',
    path: PATH,
    summary: 'Import an image: the content of a file, or an archive for a repository',
    parameters: [
      query(
        'image',
        'A path, whose digest a header has to say; or `oci:lab/app:1.2` for an archive of one image. `oci:lab/app` makes it the next version.',
      ),
      query('platform', 'Of an image for many: this one alone, such as `linux/arm64`. May be repeated.'),
      query('replace', '`true`: a file that is there is replaced.'),
    ],
    request: { mediaType: 'application/octet-stream', schema: BINARY },
    responses: {
      200: jsonResponse('What it came to.', { name: 'ImageVersion', zod: imageVersionSchema }),
      ...problems(400, 403, 404, 409, 412, 415, 429, 503, 507),
    },
    async handle(request, response) {
      const asked = queryOf(request);
      const parsed = parseImageName(asked.get('image') ?? '');
      if (parsed.kind === 'invalid') {
        refuse(request, response, { status: 400, code: 'NAME_INVALID', detail: parsed.reason });
        return;
      }
      if (JSON_TYPE.test(request.headers['content-type'] ?? '')) {
        const detail = `The content is expected, as it is. From another registry an image is imported by POST ${REGISTRY_API}/imports.`;
        refuse(request, response, { status: 415, detail });
        return;
      }
      const decided = decideUploadContent(request.headers, PATH);
      const platforms = parsePlatforms(asked.getAll('platform'));
      if (decided.kind === 'refused' || platforms === undefined) {
        const detail = '"platform" must be such as linux/amd64 or linux/arm/v7.';
        refuse(request, response, decided.kind === 'refused' ? decided.problem : { status: 400, detail });
        return;
      }
      const { name, notice = null } = parsed;
      const permitted = await permit(request, response, 'import', { name, needs: 'push' });
      if (permitted === undefined) return;
      const { sizeBytes, digests } = decided;
      const result = await ops(await formatOf(name)).import(
        name,
        name.kind === 'oci'
          ? {
              kind: 'archive',
              content: verifiedContent(patientContent(request, response), digests),
              ...{ platforms, caller: permitted },
            }
          : {
              kind: 'bytes',
              content: contentOf(request, response),
              ...{ sizeBytes, digests, replace: asked.get('replace') === 'true' },
            },
      );
      if (!result.ok) {
        refuse(request, response, operationProblem(result));
        return;
      }
      const { image, digest, version, notices = [] } = result;
      response.json({ image, notice, digest, version, notices });
      // Of a repository the importer tells.
      if (name.kind === 'file') {
        note(
          { action: 'imported', image, digest: `sha256:${digest}`, ...originOf(permitted), via: 'operation' },
          'an image was imported',
        );
      }
      await permitted.noteDone();
    },
  });
}
