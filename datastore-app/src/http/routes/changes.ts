// SPDX-License-Identifier: Apache-2.0
import { jsonResponse } from '@local-datastore/shared/http/operation';
import { sendProblem } from '@local-datastore/shared/http/problem';
import * as z from 'zod';
import type { Wish } from '../../access/policy.ts';
import { CHANGE_ACTIONS, CHANGE_WAYS, type ChangeAction } from '../../changes/change-words.ts';
import type { Changes } from '../../changes/open-changes.ts';
import { type ChangePage, type ChangeQuery, isPosition } from '../../changes/read-changes.ts';
import type { Authorize } from '../authorize.ts';
import { problems, query, write } from '../openapi/describe.ts';
import { bytes, time } from '../openapi/scalars.ts';
import { createResource, type Resource } from '../resource.ts';

const CHANGES = '/-/api/v1/changes';
/** It tells who does what, as the log does. */
const TO_READ: Wish = { action: 'read', resource: { kind: 'log' } };
export const DEFAULT_CHANGES = 100;
export const MAX_CHANGES = 1000;

const changeSchema = () =>
  z.object({
    id: z.string().describe('Of this change alone.'),
    time,
    action: z.enum(CHANGE_ACTIONS).describe('refused: it was not let. lost: changes that found no place.'),
    image: z
      .string()
      .nullable()
      .describe('A path, or `oci:lab/app:1.2`; of what was refused the URL path; null: it was of none.'),
    to: z.string().nullable().describe('Of what was renamed: its name now.'),
    digest: z.string().nullable().describe('Such as `sha256:…`.'),
    sizeBytes: bytes.nullable(),
    by: z
      .string()
      .describe(
        'Such as `admin` (the write token), `user:alice`, `temp:…`, `anonymous`; `host`: the command line of the machine; `unknown`.',
      ),
    client: z.string().nullable().describe('The address; null: the machine itself.'),
    via: z.enum(CHANGE_WAYS).describe('By which way in.'),
    source: z.string().nullable().describe('Of an import from another registry.'),
    status: z.int().nullable().describe('Of what was refused.'),
    count: z.int().positive().describe('How many equal ones it stands for.'),
  });

export const changesSchema = () =>
  z.object({
    changes: z.array(changeSchema()),
    next: z.string().nullable().describe('For `before`, to read on; null: there are no older ones.'),
  });
export type ChangesDocument = z.infer<ReturnType<typeof changesSchema>>;

/** A page of the record as the API and the command line give it: every member is there. */
export const changesDocument = ({ changes, next }: ChangePage): ChangesDocument => ({
  changes: changes.map(
    ({ id, time: at, action, image, to, digest, sizeBytes, by, client, via, source, status, count }) => ({
      ...{ id, time: at, action, image: image ?? null, to: to ?? null, digest: digest ?? null },
      ...{ sizeBytes: sizeBytes ?? null, by, client, via, source: source ?? null },
      ...{ status: status ?? null, count: count ?? 1 },
    }),
  ),
  next,
});

/** @returns why it cannot be done, as a sentence */
function parseQuery(asked: URLSearchParams): ChangeQuery | string {
  const limit = Number(asked.get('limit') ?? DEFAULT_CHANGES);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_CHANGES) {
    return `"limit" must be a number from 1 to ${MAX_CHANGES}.`;
  }
  const action = asked.get('action') ?? undefined;
  if (action !== undefined && !CHANGE_ACTIONS.includes(action as ChangeAction)) {
    return `"action" must be one of ${CHANGE_ACTIONS.join(', ')}.`;
  }
  const before = asked.get('before') ?? undefined;
  if (before !== undefined && !isPosition(before)) return '"before" must be what an answer had as "next".';
  const image = asked.get('image') ?? undefined;
  return { limit, action: action as ChangeAction | undefined, before, image };
}

export interface ChangeRoutesDeps {
  readonly changes: Pick<Changes, 'read'>;
  readonly authorize: Authorize;
}

/** `/-/api/v1/changes`: who changed what; for whoever may write. */
export function createChangeRoutes({ changes, authorize }: ChangeRoutesDeps): Resource {
  return createResource(
    [
      write({
        method: 'GET',
        path: CHANGES,
        summary: 'Who changed what, the newest first',
        parameters: [
          query('limit', `How many, at most ${MAX_CHANGES}; unless said: ${DEFAULT_CHANGES}.`),
          query('before', 'Reads on: what the answer before had as `next`.'),
          query('image', 'Those alone whose name, old or new, holds this.'),
          query('action', `These alone: one of ${CHANGE_ACTIONS.join(', ')}.`),
        ],
        responses: {
          200: jsonResponse('The newest first.', { name: 'Changes', zod: changesSchema }),
          ...problems(400),
        },
        async handle(request, response) {
          const wanted = parseQuery(new URL(request.url, 'http://datastore.invalid').searchParams);
          if (typeof wanted === 'string') sendProblem(response, { status: 400, detail: wanted });
          else response.json(changesDocument(await changes.read(wanted)));
        },
      }),
    ],
    {
      before: (request, response, next) => {
        if (authorize(request, response, TO_READ)) next();
      },
    },
  );
}
