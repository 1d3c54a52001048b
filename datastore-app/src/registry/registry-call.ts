// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RegistryResourcePath } from '@local-datastore/shared/oci/registry-path';
import type { RegistryAllowed, RegistryWish } from '../access/registry-access.ts';

/** A request that may do what it asks for. */
export interface RegistryCall<Path extends RegistryResourcePath = RegistryResourcePath> {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: Path;
  readonly query: URLSearchParams;
  /** By whom, and what else they may. */
  readonly allowed: RegistryAllowed;
}

export type RegistryMethod = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';

/** What a method comes to. */
export interface RegistryOperation<Path extends RegistryResourcePath = RegistryResourcePath> {
  /** What has to be permitted for it. */
  readonly action: RegistryWish['action'];
  /** What it throws is answered by whoever calls. */
  handle(call: RegistryCall<Path>): Promise<void>;
}

/** The methods of one kind of path. */
export type RegistryResource<Kind extends RegistryResourcePath['kind']> = Readonly<
  Partial<Record<RegistryMethod, RegistryOperation<Extract<RegistryResourcePath, { kind: Kind }>>>>
>;

/** Answers with a JSON document. */
export function sendDocument(
  { request, response }: Pick<RegistryCall, 'request' | 'response'>,
  document: object,
  {
    mediaType = 'application/json',
    headers = {},
  }: { mediaType?: string; headers?: Record<string, string> } = {},
): void {
  const body = `${JSON.stringify(document)}\n`;
  response.writeHead(200, {
    'Content-Type': mediaType,
    'Content-Length': Buffer.byteLength(body),
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Answers without content. */
export function sendEmpty(
  { response }: Pick<RegistryCall, 'response'>,
  status: 201 | 202 | 204,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { ...(status !== 204 && { 'Content-Length': '0' }), ...headers });
  response.end();
}
