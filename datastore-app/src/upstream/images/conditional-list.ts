// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { headerOf } from '../upstream-requests.ts';
import type { StoreAsker } from './ask-store.ts';
import { MAX_LIST_BYTES } from './parse-list.ts';

/** A list at a URL, which is read again only when it has changed. */
export interface ConditionalList<List> {
  /** @returns undefined: it is what it was the last time @throws UpstreamError; what `parse` throws */
  read(signal: AbortSignal): Promise<List | undefined>;
  /** The next time it is read, whether or not it has changed. */
  forget(): void;
}

/** By what an answer is asked for again on condition (RFC 9110 §13.1). */
function conditionOf(answer: IncomingMessage): Readonly<Record<string, string>> {
  const entityTag = headerOf(answer, 'etag');
  if (entityTag !== undefined) return { 'if-none-match': entityTag };
  const modified = headerOf(answer, 'last-modified');
  return modified === undefined ? {} : { 'if-modified-since': modified };
}

export function createConditionalList<List>(
  { read }: Pick<StoreAsker, 'read'>,
  { target, what, parse }: { readonly target: URL; readonly what: string; parse(bytes: Uint8Array): List },
): ConditionalList<List> {
  let condition: Readonly<Record<string, string>> = {};
  return {
    async read(signal) {
      const { answer, bytes } = await read({ target, what, headers: condition, signal }, MAX_LIST_BYTES);
      if (bytes === undefined) return undefined;
      const list = parse(bytes);
      condition = conditionOf(answer);
      return list;
    },
    forget() {
      condition = {};
    },
  };
}
