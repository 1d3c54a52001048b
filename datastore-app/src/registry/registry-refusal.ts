// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Problem } from '@local-datastore/shared/http/problem';
import { type Refuse, refuseWith } from '@local-datastore/shared/http/refuse';
import {
  OCI_ERROR_CODES,
  type OciError,
  type OciErrorCode,
  ociErrorBody,
} from '@local-datastore/shared/oci/error-body';

/** Sent with every answer: Docker's clients look for it. */
export const API_VERSION_HEADER = { 'Docker-Distribution-API-Version': 'registry/2.0' } as const;

/** An answer of the registry that says no. */
export interface RegistryRefusal {
  readonly status: number;
  readonly errors: readonly (OciError & { readonly code: OciErrorCode })[];
}

/** Thrown where a request cannot be done as it is. */
export class RegistryRefusedError extends Error {
  readonly refusal: RegistryRefusal;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: OciErrorCode,
    message: string,
    { detail, headers = {} }: { detail?: unknown; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.name = 'RegistryRefusedError';
    this.refusal = { status, errors: [{ code, message, ...(detail !== undefined && { detail }) }] };
    this.headers = headers;
  }
}

/** What is refused before the registry is asked, by its status; everything else is UNKNOWN. */
const CODE_OF_STATUS: Readonly<Record<number, OciErrorCode>> = {
  400: 'UNSUPPORTED',
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'NAME_UNKNOWN',
  405: 'UNSUPPORTED',
  421: 'DENIED',
  429: 'TOOMANYREQUESTS',
};

/** A problem of elsewhere in the form of the distribution specification ("Error Codes"). */
export function refusalOfProblem({ status, code, detail }: Problem): RegistryRefusal {
  const known = OCI_ERROR_CODES.find((each) => each === code);
  return { status, errors: [{ code: known ?? CODE_OF_STATUS[status] ?? 'UNKNOWN', message: detail }] };
}

/** Refuses a request whose body, if it has one, is not wanted. */
export function refuseRegistry(
  request: IncomingMessage,
  response: ServerResponse,
  { status, errors }: RegistryRefusal,
  headers: Readonly<Record<string, string>> = {},
): void {
  const refusal = { status, mediaType: 'application/json', body: ociErrorBody(errors) };
  refuseWith(request, response, refusal, { ...API_VERSION_HEADER, ...headers });
}

/** Refuses in the registry's form what others found wrong. */
export const refuseProblem: Refuse = (request, response, problem, headers) =>
  refuseRegistry(request, response, refusalOfProblem(problem), headers);
