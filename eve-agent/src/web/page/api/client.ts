// SPDX-License-Identifier: Apache-2.0
import { ApiError, parseProblem } from '@local-datastore/shared/page/api-error';
import type { LogLine, OperationLine, OperationProblem } from './answers.ts';
import { createLineParser } from './json-lines.ts';

const LINES = 'application/x-ndjson';
/** An answer that hangs for longer counts as none. */
const ANSWER_LIMIT_MS = 15_000;

/** What is done to a deployment. */
export interface OperationRequest {
  readonly method: 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  /** What is sent; undefined: nothing. */
  readonly file?: File | undefined;
}

export interface OperationListeners {
  onLine(line: OperationLine): void;
  onSent(sentBytes: number): void;
}

/** Asks the agent that the page came from. All throw ApiError. */
export interface Client {
  read<T>(path: string): Promise<T>;
  act(path: string): Promise<void>;
  /** Until the agent has told the end. @throws ApiError also where it does not */
  operate(request: OperationRequest, listeners: OperationListeners, signal: AbortSignal): Promise<void>;
  /** Until the log ends or the signal is aborted. @param onLines is given the lines that have come together */
  followLog(path: string, onLines: (lines: readonly LogLine[]) => void, signal: AbortSignal): Promise<void>;
}

/** A path below one that is fixed, from a name that may be anything. */
export const pathOf = (base: string, name: string): string => `${base}/${encodeURIComponent(name)}`;

const problemText = (status: number, { detail }: { readonly detail?: string }) =>
  detail ?? `The agent answered ${status}.`;

async function send(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { cache: 'no-store', ...init });
  } catch (error) {
    if (init.signal?.aborted === true && init.signal.reason instanceof Error) throw error;
    throw new ApiError('The agent does not answer.', 0);
  }
  if (response.ok) return response;
  throw new ApiError(problemText(response.status, parseProblem(await response.text())), response.status);
}

const inTime = () => AbortSignal.timeout(ANSWER_LIMIT_MS);

async function ask(path: string, method: string): Promise<Response> {
  try {
    return await send(path, { method, signal: inTime() });
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError('The agent does not answer.', 0);
  }
}

/** By XMLHttpRequest: `fetch` does not tell how much of a body has gone. */
function operate(
  { method, path, file }: OperationRequest,
  { onLine, onSent }: OperationListeners,
  signal: AbortSignal,
): Promise<void> {
  const request = new XMLHttpRequest();
  const parse = createLineParser<OperationLine>();
  let readLength = 0;
  let isTold = false;
  const take = () => {
    if (request.status !== 200) return;
    const piece = request.responseText.slice(readLength);
    readLength += piece.length;
    for (const line of parse(piece)) {
      isTold ||= line.event === 'done' || line.event === 'failed';
      onLine(line);
    }
  };
  const abort = () => request.abort();
  return new Promise((resolve, reject) => {
    request.open(method, path);
    request.setRequestHeader('Accept', LINES);
    if (file !== undefined) request.setRequestHeader('Content-Type', 'application/x-tar');
    request.upload.onprogress = ({ loaded }) => onSent(loaded);
    request.onprogress = take;
    request.onloadend = () => {
      signal.removeEventListener('abort', abort);
      take();
      if (isTold) resolve();
      else if (signal.aborted) reject(new ApiError('It was given up.', 0));
      else if (request.status === 0 || request.status === 200) {
        reject(new ApiError('The connection to the agent broke off: the history says what came of it.', 0));
      } else {
        const problem = parseProblem(request.responseText) as OperationProblem;
        reject(new ApiError(problemText(request.status, problem), request.status));
      }
    };
    signal.addEventListener('abort', abort);
    request.send(file);
  });
}

export function createClient(): Client {
  return {
    read: async <T>(path: string) => (await (await ask(path, 'GET')).json()) as T,
    async act(path) {
      await (await ask(path, 'POST')).body?.cancel();
    },
    operate,
    async followLog(path, onLines, signal) {
      const { body } = await send(path, { headers: { Accept: LINES }, signal });
      if (body === null) return;
      const parse = createLineParser<LogLine>();
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      try {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return;
          const lines = parse(value);
          if (lines.length > 0) onLines(lines);
        }
      } catch (error) {
        if (!signal.aborted) throw new ApiError(`The log was cut off: ${String(error)}`, 0);
      }
    },
  };
}
