// SPDX-License-Identifier: Apache-2.0
import { on } from 'node:events';
import type { Duplex } from 'node:stream';
import { errorMessage } from '@local-datastore/shared/errors';
import type { ParsedFile, ParseTask } from '../../../parsing/file-parser.ts';
import { runTask } from '../../../parsing/run-task.ts';
import { createFrameReader, encodeFrame } from '../../exchange/frames.ts';
import { type FromParser, MAX_OUTCOME_BYTES, TO_PARSER, type ToParser } from '../../exchange/messages.ts';
import { createRemoteFile, type RemoteFile } from './remote-file.ts';

const MAX_REASON = 500;

/**
 * Parses files of which it reads no byte but by asking for it, until the stream ends.
 *
 * @throws errors of the stream; ProtocolError, which the datastore is not expected to give cause for
 */
export async function runParsers(channel: Duplex): Promise<void> {
  const jobs = new Map<number, { readonly file: RemoteFile; readonly abort: AbortController }>();
  const reader = createFrameReader(TO_PARSER);
  const send = (message: FromParser) => channel.write(encodeFrame(message));

  async function run(job: number, task: ParseTask, file: ParsedFile, signal: AbortSignal): Promise<void> {
    try {
      const done = encodeFrame({ kind: 'done', job, outcome: await runTask(task, file, signal) });
      if (done.length > MAX_OUTCOME_BYTES) throw new Error('there is too much in it to be told');
      if (!signal.aborted) channel.write(done);
    } catch (error) {
      if (!signal.aborted) send({ kind: 'failed', job, reason: errorMessage(error).slice(0, MAX_REASON) });
    } finally {
      jobs.delete(job);
    }
  }

  function take(message: ToParser, bytes: Buffer): void {
    const running = jobs.get(message.job);
    switch (message.kind) {
      case 'start': {
        const { job, task, sizeBytes, headBytes } = message;
        const abort = new AbortController();
        const file = createRemoteFile((ask) => send({ ...ask, job }), {
          sizeBytes,
          head: bytes.subarray(0, headBytes),
          tail: bytes.subarray(headBytes),
        });
        jobs.set(job, { file, abort });
        void run(job, task, file, abort.signal);
        break;
      }
      case 'bytes':
        running?.file.answer(message.ask, bytes);
        break;
      case 'digest':
        running?.file.answer(message.ask, message.hex);
        break;
      case 'cancel':
        running?.abort.abort();
        running?.file.abandon();
        break;
    }
  }

  send({ kind: 'ready' });
  for await (const [piece] of on(channel, 'data', { close: ['end', 'close'] })) {
    for (const { document, bytes } of reader.push(piece)) take(document as ToParser, bytes);
  }
}
