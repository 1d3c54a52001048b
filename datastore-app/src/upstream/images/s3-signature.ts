// SPDX-License-Identifier: Apache-2.0
import { AwsV4Signer } from 'aws4fetch';
import type { StoreCredential } from './image-upstream-settings.ts';

type Headers = Readonly<Record<string, string>>;

/** Signs requests to an object store. @returns the headers that it is shown besides */
export type SignRequest = (target: URL, method: 'GET' | 'HEAD', headers: Headers) => Promise<Headers>;

/** `20260203T040506Z`, as a signature has it. */
const dateOf = (ms: number) => new Date(ms).toISOString().replace(/[:-]|\.\d{3}/g, '');

/** Names of what is signed: a store that changes others on the way is no reason to refuse. */
const isSigned = (name: string) => name.startsWith('x-amz-') || name === 'range';

/**
 * Signs by AWS Signature Version 4 in headers, without the body (`UNSIGNED-PAYLOAD`): what is asked for has none.
 *
 * @param nowMs in ms since 1970
 */
export function createRequestSigner(
  { accessKeyId, secretAccessKey, sessionToken }: StoreCredential,
  { region, nowMs = Date.now }: { readonly region: string; readonly nowMs?: () => number },
): SignRequest {
  /** Of keys that hold for a day; the day before is of no more use. */
  let cache = new Map<string, ArrayBuffer>();
  return async (target, method, headers) => {
    if (cache.size > 1) cache = new Map();
    const signer = new AwsV4Signer({
      ...{ url: target.href, method, accessKeyId, secretAccessKey, region, cache },
      ...{ service: 's3', datetime: dateOf(nowMs()) },
      headers: Object.fromEntries(Object.entries(headers).filter(([name]) => isSigned(name))),
      ...(sessionToken !== undefined && { sessionToken }),
    });
    const signed = await signer.sign();
    return Object.fromEntries(signed.headers);
  };
}
