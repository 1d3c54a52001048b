// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from 'node:stream';
import type { Clock } from '@local-datastore/shared/clock';
import type { ParsedFile, ParseOutcomes, ParseTask } from '../../parsing/file-parser.ts';
import { UnreadableContentError } from '../../parsing/file-parser.ts';
import { OUTCOME_SCHEMAS } from '../../parsing/outcome-schemas.ts';
import { createFrameReader, encodeFrame, ProtocolError } from '../exchange/frames.ts';
import {
  FROM_PARSER,
  type FromParser,
  fromParserSchema,
  MAX_WAITING_ASKS,
  type ToParser,
} from '../exchange/messages.ts';
import { type JobLimits, limitsOf } from './job-limits.ts';

/** A parser that has something to do, and to wait for nothing, and says nothing for so long hangs. */
export const SILENCE_MS = 30_000;
const HEX = /^[0-9a-f]{32,128}$/;

/** One job of a session. */
export interface SessionJob {
  readonly task: ParseTask;
  readonly file: ParsedFile;
  /** The first bytes of the file. */
  readonly head: Buffer;
  /** The last ones. */
  readonly tail: Buffer;
  /** It came to this, which has the form of the task. */
  done(outcome: ParseOutcomes[ParseTask]): void;
  failed(error: unknown): void;
}

/** What goes on between the datastore and one parser, from its first word to its end. */
export interface ParserSession {
  /** @returns what takes the job back */
  start(job: SessionJob): () => void;
}

export interface SessionEvents {
  onReady(): void;
  /** A job has ended: there is room for another. */
  onIdle(): void;
  /**
   * The parser does not keep to what it may say, or hangs: it is to be ended.
   *
   * @param reason a clause about it
   * @param culprit the job by which it is found; undefined: any of them can be
   */
  onBroken(reason: string, culprit: SessionJob | undefined): void;
}

interface RunningJob {
  readonly job: SessionJob;
  readonly limits: JobLimits;
  readonly waiting: Set<number>;
  lastAsk: number;
  asks: number;
  bytes: number;
  thoughtMs: number;
  /** Since when it has no answer to wait for. */
  thinkingSinceMs: number;
}

/** Serves the jobs of a parser: answers what it asks for of their files, within bounds, and believes no word of it. */
export function openParserSession(
  { clock, channel }: { readonly clock: Clock; readonly channel: Duplex },
  events: SessionEvents,
): ParserSession {
  const running = new Map<number, RunningJob>();
  const reader = createFrameReader(FROM_PARSER);
  let lastJob = 0;
  let isReady = false;
  let isBroken = false;
  let cancelSilence = () => {};
  /** Messages that may still come of jobs that were taken back. */
  let late = 0;

  const send = (message: ToParser, bytes?: Buffer) => {
    if (!isBroken) channel.write(encodeFrame(message, bytes));
  };

  function fail(reason: string, culprit?: SessionJob): void {
    if (isBroken) return;
    isBroken = true;
    cancelSilence();
    channel.off('data', onData);
    // What it says from now on is of no interest, and yet it shall not wait for a reader.
    channel.resume();
    events.onBroken(reason, culprit);
  }

  /** Begins to wait anew, if there is anything to wait for. */
  function watchSilence(): void {
    cancelSilence();
    const owed = [...running.values()].filter(({ waiting }) => waiting.size === 0);
    if (owed.length === 0 || isBroken) return;
    cancelSilence = clock.after(SILENCE_MS, () =>
      fail(`it has said nothing for ${SILENCE_MS / 1000} seconds`),
    );
  }

  function end(number: number): RunningJob | undefined {
    const ended = running.get(number);
    running.delete(number);
    watchSilence();
    if (ended !== undefined) events.onIdle();
    return ended;
  }

  /** Nobody waits for a job any more; its parser may be as it should. */
  function takeBack(number: number): SessionJob | undefined {
    send({ kind: 'cancel', job: number });
    late += MAX_WAITING_ASKS + 1;
    return end(number)?.job;
  }

  const refuse = (number: number, reason: string) =>
    takeBack(number)?.failed(new UnreadableContentError(reason));

  async function answer(number: number, ask: number, state: RunningJob, give: () => Promise<void>) {
    const nowMs = clock.nowMs();
    if (state.waiting.size === 0) state.thoughtMs += nowMs - state.thinkingSinceMs;
    state.waiting.add(ask);
    const { thinkingMs } = state.limits;
    if (thinkingMs !== undefined && state.thoughtMs > thinkingMs) {
      refuse(number, `it is not understood within ${thinkingMs / 1000} seconds`);
      return;
    }
    try {
      await give();
    } catch (error) {
      if (running.get(number) === state) takeBack(number)?.failed(error);
      return;
    }
    state.waiting.delete(ask);
    if (state.waiting.size === 0) state.thinkingSinceMs = clock.nowMs();
    if (running.get(number) === state) watchSilence();
  }

  function takeAsk(message: Extract<FromParser, { kind: 'read' | 'hash' }>): void {
    const { job: number, ask } = message;
    const state = running.get(number);
    if (state === undefined) return;
    const { limits } = state;
    const { file } = state.job;
    if (ask <= state.lastAsk) throw new ProtocolError('it asked twice by one number');
    state.lastAsk = ask;
    if (state.waiting.size >= MAX_WAITING_ASKS) throw new ProtocolError('it asked for too much at a time');
    state.asks += 1;
    state.bytes += message.kind === 'read' ? message.length : 0;
    if (state.asks > limits.asks || state.bytes > limits.bytes) {
      refuse(number, 'more of it would have to be read than any such file needs');
      return;
    }
    if (message.kind === 'read') {
      const { offset, length } = message;
      void answer(number, ask, state, async () => {
        const isBehind = offset >= file.sizeBytes;
        const bytes = isBehind ? Buffer.alloc(0) : await file.readAt(offset, length);
        if (running.get(number) === state)
          send({ kind: 'bytes', job: number, ask }, bytes.subarray(0, length));
      });
      return;
    }
    const { hashOf } = file;
    const { offset, sizeBytes, algorithm } = message;
    if (hashOf === undefined || offset + sizeBytes > file.sizeBytes) {
      throw new ProtocolError('it asked for the digest of what is not there');
    }
    void answer(number, ask, state, async () => {
      const hex = await hashOf({ offset, sizeBytes }, algorithm);
      if (!HEX.test(hex)) throw new Error('a digest is none');
      if (running.get(number) === state) send({ kind: 'digest', job: number, ask, hex });
    });
  }

  function takeOutcome(number: number, outcome: unknown): void {
    const job = running.get(number)?.job;
    if (job === undefined) return;
    const parsed = OUTCOME_SCHEMAS[job.task].safeParse(outcome);
    if (!parsed.success) {
      fail('what it says of it has no form that is known', job);
      return;
    }
    end(number);
    job.done(parsed.data);
  }

  function take(document: unknown): void {
    const parsed = fromParserSchema.safeParse(document);
    if (!parsed.success) throw new ProtocolError('it sent what is no message');
    const message = parsed.data;
    if (message.kind === 'ready') {
      if (isReady) throw new ProtocolError('it began twice');
      isReady = true;
      events.onReady();
      return;
    }
    if (message.job > lastJob || message.job === 0)
      throw new ProtocolError('it told of a job that there is not');
    if (!running.has(message.job)) {
      // It was taken back, as the parser may not have known yet.
      late -= 1;
      if (late < 0) throw new ProtocolError('it goes on with a job that has ended');
      return;
    }
    switch (message.kind) {
      case 'read':
      case 'hash':
        takeAsk(message);
        break;
      case 'done':
        takeOutcome(message.job, message.outcome);
        break;
      case 'failed': {
        // Its own words go to the log alone.
        const failure = new UnreadableContentError('what reads it gave up on it', { cause: message.reason });
        end(message.job)?.job.failed(failure);
        break;
      }
    }
    watchSilence();
  }

  function onData(piece: Buffer): void {
    try {
      for (const { document } of reader.push(piece)) {
        if (isBroken) return;
        take(document);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      fail(error.message);
    }
  }
  channel.on('data', onData);
  channel.once('close', () => fail('it closed its stream'));

  return {
    start(job) {
      lastJob += 1;
      const number = lastJob;
      running.set(number, {
        ...{ job, limits: limitsOf(job.task, job.file.sizeBytes), waiting: new Set() },
        ...{ lastAsk: 0, asks: 0, bytes: 0, thoughtMs: 0, thinkingSinceMs: clock.nowMs() },
      });
      const { task, file, head, tail } = job;
      send(
        { kind: 'start', job: number, task, sizeBytes: file.sizeBytes, headBytes: head.length },
        Buffer.concat([head, tail]),
      );
      watchSilence();
      return () => {
        if (running.has(number)) takeBack(number);
      };
    },
  };
}
