// SPDX-License-Identifier: Apache-2.0
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Digest } from '@local-datastore/shared/digest/digest';
import type { Problem } from '@local-datastore/shared/http/problem';
import { StoreError } from '../content/store-error.ts';
import { parseExpectedDigests } from './expected-digests.ts';

/** How content has to come. */
export type UploadContent =
  | {
      readonly kind: 'content';
      /** undefined: it comes in chunks. */
      readonly sizeBytes: number | undefined;
      /** All of them must hold. */
      readonly digests: readonly Digest[];
    }
  | { readonly kind: 'refused'; readonly problem: Problem };

/** Bodies that hold files and fields in an envelope, or fields alone: the envelope would become the image. */
const FORM = /^(?:multipart\/|application\/x-www-form-urlencoded\b)/i;

const refused = (status: number, detail: string, code?: string): UploadContent => ({
  kind: 'refused',
  problem: { status, detail, code },
});

function describeForm(type: string, target: string): string {
  const [mediaType] = type.split(';');
  return (
    `A form (${mediaType}), as curl -F and -d send it, is not taken: its envelope would become the content. Send the ` +
    `file as it is: curl -T FILE -H "Authorization: Bearer TOKEN" <this host>${target}` +
    (/^multipart/i.test(type)
      ? ''
      : ', or give --data-binary a -H "Content-Type: application/octet-stream" beside it')
  );
}

/**
 * Decides from the head of a request whether its body can be taken for content, as it is.
 *
 * @param target the command in a refusal names it
 */
export function decideUploadContent(headers: IncomingHttpHeaders, target: string): UploadContent {
  if (headers['content-range'] !== undefined) {
    return refused(400, 'Content-Range is not taken: send the content whole, as it is.');
  }
  if (headers['content-encoding'] !== undefined) {
    return refused(415, 'Content-Encoding is not taken: send the content whole, as it is.');
  }
  const type = headers['content-type']?.trim() ?? '';
  if (FORM.test(type)) return refused(415, describeForm(type, target), 'FORM_REFUSED');
  const expected = parseExpectedDigests(headers);
  if (expected.kind === 'invalid') return refused(400, expected.detail);
  const length = headers['content-length'];
  const sizeBytes = length === undefined ? undefined : Number(length);
  return { kind: 'content', sizeBytes, digests: expected.digests };
}

const ALLOW_EMPTY = 'empty';

/** Whether the query of a request says that an image of no bytes is meant: `?empty=true`. */
export const isEmptyMeant = ({ url = '' }: Pick<IncomingMessage, 'url'>): boolean =>
  url.includes('?') && new URLSearchParams(url.slice(url.indexOf('?'))).get(ALLOW_EMPTY) === 'true';

/** Nothing came, where nothing cannot be meant: a file that was not there, or a pipe whose beginning failed. */
export const emptyContentError = (whereItIsSaid = `the query says ?${ALLOW_EMPTY}=true`) =>
  new StoreError(
    'EMPTY_CONTENT',
    `There is no content: an image of no bytes is only stored where ${whereItIsSaid}.`,
  );

/** Hands content on, and fails where there is none. @throws StoreError EMPTY_CONTENT */
export async function* someContent(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let isEmpty = true;
  for await (const piece of content) {
    isEmpty &&= piece.length === 0;
    yield piece;
  }
  if (isEmpty) throw emptyContentError();
}
