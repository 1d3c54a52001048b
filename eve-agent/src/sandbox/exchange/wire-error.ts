// SPDX-License-Identifier: Apache-2.0
import { CodedError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { printableText } from '@local-datastore/shared/text/printable-text';
import * as z from 'zod';
import { InternalAddressError } from '../../transfer/flow.ts';

const MAX_MESSAGE = 2000;
const MAX_DETAILS = 24;
const MAX_DETAIL_ITEMS = 64;

const text = z.string().max(MAX_MESSAGE).transform(printableText);
const detail = z.union([z.number(), z.boolean(), z.null(), text, z.array(text).max(MAX_DETAIL_ITEMS)]);

/** An error as it crosses between priv and a calf, in either direction. */
export const wireErrorSchema = z.strictObject({
  /** `coded`: one of ours; `system`: with the system's code; `internal`: a place where a redirect may not lead. */
  kind: z.enum(['coded', 'system', 'internal', 'other']),
  code: z.string().regex(/^[A-Z0-9_]{0,64}$/),
  message: text,
  retryable: z.boolean(),
  details: z
    .record(z.string().regex(/^[A-Za-z0-9]{1,40}$/), detail)
    .refine((details) => Object.keys(details).length <= MAX_DETAILS),
});
export type WireError = z.infer<typeof wireErrorSchema>;

const cut = (value: string) => value.slice(0, MAX_MESSAGE);

function cutDetail(value: CodedError['details'][string]): WireError['details'][string] {
  if (typeof value === 'string') return cut(value);
  if (typeof value === 'object' && value !== null) return value.slice(0, MAX_DETAIL_ITEMS).map(cut);
  return value;
}

/** What of an error the other side needs. */
export function toWireError(error: unknown): WireError {
  const message = cut(errorMessage(error));
  if (error instanceof CodedError) {
    const details = Object.entries(error.details).slice(0, MAX_DETAILS);
    return {
      ...{ kind: 'coded', code: error.code, message, retryable: error.retryable },
      details: Object.fromEntries(details.map(([name, value]) => [name, cutDetail(value)])),
    };
  }
  const code = systemErrorCode(error) ?? '';
  if (error instanceof InternalAddressError) {
    return { kind: 'internal', code: '', message: cut(error.host), retryable: false, details: {} };
  }
  const kind = code === '' ? 'other' : 'system';
  return { kind, code: /^[A-Z0-9_]{0,64}$/.test(code) ? code : '', message, retryable: false, details: {} };
}

/** The error as this side knows errors: of the class that decisions are made by. */
export function reviveError({ kind, code, message, retryable, details }: WireError): Error {
  switch (kind) {
    case 'coded':
      return new CodedError(code, message, { retryable, details });
    case 'internal':
      return new InternalAddressError(message);
    case 'system':
      return Object.assign(new Error(message), { code });
    case 'other':
      return new Error(message);
  }
}
