// SPDX-License-Identifier: Apache-2.0
import { sendProblem } from '@local-datastore/shared/http/problem';
import type { Request, Response } from 'express';
import type * as z from 'zod';
import { readBounded } from './bounded-body.ts';

/** What is wrong, and where; never what was sent, which may be a secret. */
const whyWrong = ({ issues: [issue] }: z.ZodError): string => {
  const place = issue?.path.join('.') || 'the document';
  return `${place}: ${issue?.message ?? 'not as it must be'}`;
};

/** Reads a small JSON document; answers where it is none, or another one. @returns undefined: it has been answered */
export async function readJsonBody<T>(
  request: Request,
  response: Response,
  schema: z.ZodType<T>,
  maxBytes: number,
): Promise<T | undefined> {
  const body = await readBounded(request, response, maxBytes);
  if (body === undefined) {
    sendProblem(response, { status: 413, detail: `At most ${maxBytes} bytes are taken.` });
    return undefined;
  }
  let document: unknown;
  try {
    document = JSON.parse(body.toString());
  } catch {
    sendProblem(response, { status: 400, detail: 'A JSON document is expected.' });
    return undefined;
  }
  const parsed = schema.safeParse(document);
  if (parsed.success) return parsed.data;
  sendProblem(response, { status: 400, detail: `${whyWrong(parsed.error)}.` });
  return undefined;
}
