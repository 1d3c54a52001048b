// SPDX-License-Identifier: Apache-2.0
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { HeaderFields } from '../../transfer/validators.ts';
import { portOf, socketHost } from './connect.ts';

export interface ExchangeRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly sourceAddress: string | null;
  /** PEM. Null: the system's roots. */
  readonly ca: string | null;
  /** No byte for this long ends it. */
  readonly stallTimeoutMs: number;
  /** The connection is dropped after that many bytes of the body. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

export type ExchangeOutcome =
  | {
      readonly kind: 'answered';
      readonly statusCode: number;
      readonly headers: HeaderFields;
      readonly receivedBytes: number;
      /** Whether the body came to its end by itself. */
      readonly isComplete: boolean;
      readonly receivedAtMs: number;
    }
  | { readonly kind: 'failed'; readonly message: string };

/** Repeated fields as lists: what Node merges is judged elsewhere. */
function fieldsOf({
  headersDistinct,
}: {
  headersDistinct: IncomingMessage['headersDistinct'];
}): HeaderFields {
  const fields: Record<string, string | readonly string[]> = {};
  for (const [name, values = []] of Object.entries(headersDistinct)) {
    fields[name] = values.length === 1 ? (values[0] as string) : values;
  }
  return fields;
}

const MAX_HEADER_BYTES = 1024 * 1024;

/**
 * Sends one GET as it is told and reads as much of the body as is wanted: no redirect is followed, nothing is
 * unpacked.
 *
 * @returns what came; a body that broke off is an answer that is not complete
 * @throws the signal's reason
 */
export async function exchange(request: ExchangeRequest): Promise<ExchangeOutcome> {
  const { url, headers, sourceAddress, ca, stallTimeoutMs, maxBytes, signal } = request;
  signal.throwIfAborted();
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  const outcome = await new Promise<ExchangeOutcome>((resolve) => {
    const sent = send({
      host: socketHost(url),
      port: portOf(url),
      path: url.pathname + url.search,
      method: 'GET',
      headers,
      agent: false,
      timeout: stallTimeoutMs,
      signal,
      // Go takes what Node's strict parser does not, and heads of up to 10 MiB.
      insecureHTTPParser: true,
      maxHeaderSize: MAX_HEADER_BYTES,
      ...(sourceAddress !== null && { localAddress: sourceAddress }),
      ...(ca !== null && { ca, allowPartialTrustChain: true }),
    });
    const fail = (message: string) => {
      resolve({ kind: 'failed', message });
      sent.destroy();
    };
    sent.once('timeout', () => fail(`nothing was sent for ${stallTimeoutMs / 1000} s`));
    sent.on('error', (error) => fail(errorMessage(error) || (systemErrorCode(error) ?? 'unknown reason')));
    sent.once('response', (response) => {
      const receivedAtMs = Date.now();
      let receivedBytes = 0;
      const end = (isComplete: boolean) => {
        resolve({
          kind: 'answered',
          statusCode: response.statusCode ?? 0,
          headers: fieldsOf(response),
          receivedBytes,
          isComplete,
          receivedAtMs,
        });
        sent.destroy();
      };
      response.on('data', (bytes: Buffer) => {
        receivedBytes += Math.min(maxBytes - receivedBytes, bytes.length);
        if (receivedBytes >= maxBytes) end(false);
      });
      response.once('end', () => end(response.complete));
      response.once('close', () => end(false));
      response.on('error', () => end(false));
    });
    sent.end();
  });
  signal.throwIfAborted();
  return outcome;
}
