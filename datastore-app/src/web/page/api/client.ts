// SPDX-License-Identifier: Apache-2.0
import { ApiError, parseProblem } from '@local-datastore/shared/page/api-error';
import type { Access } from '../access/access.ts';

/** An answer that hangs for longer counts as none. */
const ANSWER_LIMIT_MS = 15_000;

/** What the registry says in a body of its own (distribution-spec, "Error Codes"), for people. */
function parseRegistryError(body: string): string | undefined {
  const { errors } = parseProblem(body) as { errors?: unknown };
  const [first] = Array.isArray(errors) ? (errors as { message?: unknown }[]) : [];
  return typeof first?.message === 'string' ? first.message : undefined;
}

/** The URL path of an image. */
export const urlOfImage = (path: string): string => `/${path.split('/').map(encodeURIComponent).join('/')}`;

/** Why the datastore refused, as its answer says. */
export async function problemOf(response: Response): Promise<ApiError> {
  const body = await response.text();
  const detail = parseProblem(body).detail ?? parseRegistryError(body);
  const retryAfter = Number(response.headers.get('Retry-After') ?? Number.NaN);
  return new ApiError(
    detail ?? `The datastore answered ${response.status}.`,
    response.status,
    Number.isFinite(retryAfter) ? retryAfter : undefined,
  );
}

async function send(url: string, init: RequestInit, isLong = false): Promise<Response> {
  try {
    // Without the browser's own credentials: a 401 must come to us, and not open its dialog.
    return await fetch(url, {
      ...init,
      credentials: 'omit',
      // The browser asks on condition, and has what is still so from its own cache.
      cache: 'no-cache',
      signal: isLong ? null : AbortSignal.timeout(ANSWER_LIMIT_MS),
    });
  } catch {
    throw new ApiError('The datastore does not answer.', 0);
  }
}

export interface ChangeOptions {
  /** It may last for any time, as to read an image does. */
  readonly isLong?: boolean;
}

export interface Client {
  /**
   * @param knownTag the entity tag of what is known already
   * @returns undefined when that is still so
   * @throws ApiError
   */
  read<T>(
    url: string,
    knownTag?: string,
  ): Promise<{ readonly body: T; readonly entityTag: string | undefined } | undefined>;
  /**
   * What everybody sees as much of as was granted to them: where it is refused, it is read by the write token, if
   * that was given.
   *
   * @throws ApiError
   */
  readGranted<T>(url: string): Promise<T>;
  /**
   * Where a link to an image leads that works without a credential, for a while.
   *
   * @throws ApiError
   */
  downloadLink(path: string): Promise<string>;
  /**
   * Asks for the write token where it is missing or wrong.
   *
   * @returns whether it was done; false: the person gave up
   * @throws ApiError
   */
  remove(path: string): Promise<boolean>;
  /**
   * Changes something, by the write token as well.
   *
   * @param document is sent as JSON
   * @returns what was answered; undefined: the person gave up
   * @throws ApiError
   */
  change(
    method: 'POST' | 'PUT' | 'DELETE',
    url: string,
    document?: object,
    options?: ChangeOptions,
  ): Promise<Response | undefined>;
}

export function createClient(access: Access): Client {
  async function readOk(url: string, headers = access.readHeaders()): Promise<Response> {
    const response = await send(url, { headers });
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  async function change(
    method: string,
    url: string,
    document?: object,
    { isLong }: ChangeOptions = {},
  ): Promise<Response | undefined> {
    for (;;) {
      const token = await access.needWriteToken();
      if (token === undefined) return undefined;
      const headers = { Authorization: `Bearer ${token}` };
      const body = document === undefined ? null : JSON.stringify(document);
      const response = await send(url, { method, headers, body }, isLong);
      // Gone is what was wanted.
      if (response.ok || (method === 'DELETE' && response.status === 404)) return response;
      if (response.status !== 401) throw await problemOf(response);
      access.refuseWriteToken(token);
    }
  }

  async function readGranted<T>(url: string): Promise<T> {
    try {
      return (await (await readOk(url)).json()) as T;
    } catch (error) {
      const token = access.writeToken();
      if (!(error instanceof ApiError) || error.status !== 401 || token === undefined) throw error;
      return (await (await readOk(url, { Authorization: `Bearer ${token}` })).json()) as T;
    }
  }

  return {
    async read<T>(url: string, knownTag?: string) {
      const response = await readOk(url);
      const entityTag = response.headers.get('ETag') ?? undefined;
      if (entityTag !== undefined && entityTag === knownTag) {
        await response.body?.cancel();
        return undefined;
      }
      return { body: (await response.json()) as T, entityTag };
    },
    readGranted,
    async downloadLink(path) {
      const url = `/-/api/v1/download-links${urlOfImage(path)}`;
      return (await readGranted<{ url: string }>(url)).url;
    },
    async remove(path) {
      return (await change('DELETE', `/-/api/v1/images${urlOfImage(path)}`)) !== undefined;
    },
    change,
  };
}
