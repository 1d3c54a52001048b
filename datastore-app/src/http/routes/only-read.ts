import { sendProblem } from '@local-datastore/shared/http/problem';
import type { Request, Response } from 'express';

/** Answers what is neither GET nor HEAD on a resource that can be read only. */
export function onlyRead(request: Request, response: Response): void {
  const detail = `${request.path} can be read only: with GET, or HEAD.`;
  sendProblem(response, { status: 405, detail }, { Allow: 'GET, HEAD' });
}
