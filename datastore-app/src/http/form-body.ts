// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Problem } from '@local-datastore/shared/http/problem';
import { readBounded } from './bounded-body.ts';

const FORM = /^application\/x-www-form-urlencoded(?:\s*;|\s*$)/i;
/** Names, passwords and a hundred scopes. */
const MAX_FORM_BYTES = 64 * 1024;

export type FormBody =
  | { readonly kind: 'form'; readonly form: URLSearchParams }
  | { readonly kind: 'refused'; readonly problem: Problem };

const refused = (status: number, detail: string): FormBody => ({
  kind: 'refused',
  problem: { status, detail },
});

/** Reads a form (URL Standard, "application/x-www-form-urlencoded"), of a size that forms have. */
export async function readForm(request: IncomingMessage, response: ServerResponse): Promise<FormBody> {
  if (!FORM.test(request.headers['content-type'] ?? '')) {
    return refused(415, 'A form is taken: application/x-www-form-urlencoded.');
  }
  const body = await readBounded(request, response, MAX_FORM_BYTES);
  return body === undefined
    ? refused(413, `A form of at most ${MAX_FORM_BYTES} bytes is taken.`)
    : { kind: 'form', form: new URLSearchParams(body.toString()) };
}
