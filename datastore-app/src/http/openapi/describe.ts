// SPDX-License-Identifier: Apache-2.0
import {
  type Operation,
  type OperationResponse,
  type Parameter,
  problemResponse,
} from '@local-datastore/shared/http/operation';
import { problemSchema } from '@local-datastore/shared/http/problem-schema';

/** What operations of the datastore have in common. */

const problem = (description: string) =>
  problemResponse(description, { name: 'Problem', zod: problemSchema });

const PROBLEMS = {
  400: problem('The request is malformed, or the content is not what was promised.'),
  401: problem('A credential is missing or wrong.'),
  403: problem('The volume takes no change, or a page of another origin caused the request.'),
  404: problem('There is nothing at this path.'),
  409: problem('It contradicts the present state.'),
  412: problem('A condition of the request does not hold, or the image exists.'),
  413: problem('It is larger than what is taken here.'),
  415: problem('It is a form, or encoded: content is taken as it is.'),
  416: problem('The range begins at or after the end of the file.'),
  421: problem('The name in Host is none of the datastore’s.'),
  429: problem('Too many wrong credentials came from this client.'),
  502: problem('It would have to come from another registry, which does not give it.'),
  503: problem('Not now: see the reasons.'),
  507: problem('It would fill the volume or the quota.'),
} as const;

/** The responses of these statuses, all of which are problems. */
export const problems = (...statuses: (keyof typeof PROBLEMS)[]): Record<number, OperationResponse> =>
  Object.fromEntries(statuses.map((status) => [status, PROBLEMS[status]]));

/** Names in the security schemes of the description. */
const BASIC = { basic: [] };
const BEARER = { bearer: [] };

/** An operation for anybody. */
export const open = <Described extends Operation>(operation: Described) => ({
  ...operation,
  security: [],
  responses: { ...operation.responses, ...problems(421) },
});

/** An operation that judges credentials itself, and is for anybody who has none. */
export const token = <Described extends Operation>(operation: Described) => ({
  ...operation,
  security: [{}, BASIC],
  responses: { ...operation.responses, ...problems(421) },
});

/** An operation for whom the grants of the registry let do it: anybody, for what is open to everybody. */
export const granted = <Described extends Operation>(operation: Described) => ({
  ...operation,
  security: [{}, BASIC, BEARER],
  responses: { ...operation.responses, ...problems(401, 403, 421, 429) },
});

/** An operation for whoever may read: anybody, unless a read credential is set. */
export const read = <Described extends Operation>(operation: Described) => ({
  ...operation,
  security: [{}, BASIC, BEARER],
  responses: { ...operation.responses, ...problems(401, 421, 429) },
});

/** An operation for whoever may write. */
export const write = <Described extends Operation>(operation: Described) => ({
  ...operation,
  security: [BEARER],
  responses: { ...operation.responses, ...problems(401, 403, 421, 429) },
});

export const IMAGE_PATH: Parameter = {
  in: 'path',
  name: 'path',
  description: 'Below the root; may hold slashes.',
  mayHoldSlashes: true,
};

export const header = (name: string, description: string): Parameter => ({ in: 'header', name, description });
export const query = (name: string, description: string): Parameter => ({ in: 'query', name, description });
