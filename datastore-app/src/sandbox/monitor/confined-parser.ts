// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import type { Calf, CalfEnd } from '@local-datastore/shared/confinement/launcher/calf';
import { type KeptCalf, keepCalf } from '@local-datastore/shared/confinement/launcher/keep-calf';
import type { Log } from '@local-datastore/shared/log';
import { HEAD_BYTES, SECTOR_BYTES } from '../../formats/image-source.ts';
import {
  type FileParser,
  type ParsedFile,
  type ParseOutcomes,
  ParserUnavailableError,
  type ParseTask,
  UnreadableContentError,
} from '../../parsing/file-parser.ts';
import { openParserSession, type ParserSession, type SessionJob } from './parser-session.ts';

export interface ConfinedParserDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Starts a parser in a process of its own. */
  start(): Calf;
}

export interface ConfinedParser extends FileParser {
  /**
   * Resolves once the first process takes jobs: null; or, as none came to that, to the reason as a clause. It is
   * started when there is something to parse, or by `begin`.
   */
  readonly began: Promise<string | null>;
  /** Starts a process, if there is none. */
  begin(): void;
  /** null: there is none, as nothing is to be parsed. */
  kept(): KeptCalf | null;
  /** How many ended by themselves, or had to be ended. */
  restarts(): number;
  /** Ends the process; what is under way fails. Idempotent. */
  stop(): Promise<void>;
}

/** Jobs at a time: some for what is told at once, and others for what takes as long as reading all of a file. */
const SLOTS = { quick: 8, slow: 2 } as const;
const READY_WITHIN_MS = 60_000;
/** A process that has had nothing to do for so long is ended: the next one costs a second, and it costs memory. */
export const IDLE_MS = 60_000;
/** Where formats stand that begin at the end. */
const TAIL_BYTES = SECTOR_BYTES;
const NOTHING = Buffer.alloc(0);
const PROCESS = 'parsers';
const FAILING = 'what reads images ends again and again';

const laneOf = (task: ParseTask) => (task === 'validate' ? 'slow' : 'quick');

/** A job that waits, or was in a process that ended. */
interface Work extends SessionJob {
  /** It was in a process with others when that ended: it is done alone, so that it is known who was to blame. */
  isSuspect: boolean;
}

/**
 * Parses in a process of its own, many files at a time. While there has been nothing to parse for a while, there is no
 * process. When it ends, or has to be ended, it is replaced, and what was under way is done again, each alone: who is
 * alone when it happens again is to blame, and is given up.
 */
export function createConfinedParser({ clock, log, start }: ConfinedParserDeps): ConfinedParser {
  const waiting: Work[] = [];
  /** Of the process that there is; each with what takes it back. */
  const running = new Map<Work, () => void>();
  const began = Promise.withResolvers<string | null>();
  let kept: KeptCalf | null = null;
  let session: ParserSession | undefined;
  let isReady = false;
  let isStopped = false;
  let cancelIdle = () => {};
  /** Of processes before the one that is kept. */
  let endsBefore = 0;
  let asleep: Promise<void> = Promise.resolve();
  /** Why the process has to be ended, where that is known. */
  let broken: { readonly reason: string; readonly culprit: SessionJob | undefined } | undefined;

  function startable(): Work | undefined {
    if ([...running.keys()].some(({ isSuspect }) => isSuspect)) return undefined;
    const suspect = waiting.find(({ isSuspect }) => isSuspect);
    if (suspect !== undefined) return running.size === 0 ? suspect : undefined;
    return waiting.find(({ task }) => {
      const lane = laneOf(task);
      return [...running.keys()].filter((each) => laneOf(each.task) === lane).length < SLOTS[lane];
    });
  }

  function pump(): void {
    // Whatever is started may be answered, or break it, at once.
    for (let next = startable(); session !== undefined && isReady && next !== undefined; next = startable()) {
      waiting.splice(waiting.indexOf(next), 1);
      running.set(next, () => {});
      const takeBack = session.start(next);
      if (running.has(next)) running.set(next, takeBack);
    }
    cancelIdle();
    if (waiting.length === 0 && running.size === 0 && kept !== null) cancelIdle = clock.after(IDLE_MS, sleep);
  }

  /** Ends the process, until there is something to parse. */
  function sleep(): void {
    if (kept === null) return;
    log.info({ process: PROCESS }, 'a process of the datastore has nothing to do, and is ended');
    endsBefore += kept.endCount();
    asleep = kept.close();
    [kept, session, isReady] = [null, undefined, false];
  }

  /** What was under way when the process ended: by whom it was, or what may be. */
  function settleRunning(reason: string): void {
    const works = [...running.keys()];
    running.clear();
    // One that was alone by chance is tried once more: somebody else may have ended the process.
    const culprit = works.find((work) => work === broken?.culprit || work.isSuspect);
    if (culprit !== undefined)
      culprit.failed(new UnreadableContentError(`what read it was ended: ${reason}`));
    const innocent = works.filter((work) => work !== culprit);
    for (const work of innocent) work.isSuspect ||= culprit === undefined;
    waiting.unshift(...innocent);
  }

  function failWaiting(reason: string): void {
    for (const work of waiting.splice(0)) work.failed(new ParserUnavailableError(reason));
  }

  function onStart(calf: Calf): void {
    log.info({ process: calf.name, pid: calf.pid }, 'a process of the datastore was started');
    isReady = false;
    broken = undefined;
    const own = openParserSession(
      { clock, channel: calf.store },
      {
        onReady() {
          isReady = true;
          kept?.markReady();
          pump();
        },
        onIdle: pump,
        onBroken(reason, culprit) {
          calf.kill();
          // Of one that was put to sleep nobody hears.
          if (session !== own) return;
          broken ??= { reason, culprit };
          isReady = false;
        },
      },
    );
    session = own;
  }

  function onEnd({ code, signal, refusal }: CalfEnd, delayMs: number): void {
    session = undefined;
    isReady = false;
    const how = code === null ? `it ended by ${signal ?? 'an error'}` : `it ended with code ${code}`;
    const reason = refusal ?? broken?.reason ?? how;
    log.error({ process: PROCESS, code, signal, reason, delayMs }, 'a process of the datastore has ended');
    settleRunning(reason);
    if (kept?.isDegraded() === true) failWaiting(FAILING);
  }

  function begin(): void {
    if (kept !== null || isStopped) return;
    kept = keepCalf({ clock, start, onStart, onEnd, readyWithinMs: READY_WITHIN_MS });
    void kept.began.then(began.resolve);
  }

  return {
    began: began.promise,
    begin() {
      begin();
      pump();
    },
    kept: () => kept,
    restarts: () => endsBefore + (kept?.endCount() ?? 0),
    async parse<Task extends ParseTask>(task: Task, file: ParsedFile, signal?: AbortSignal) {
      signal?.throwIfAborted();
      const { sizeBytes } = file;
      const head = await file.readAt(0, HEAD_BYTES);
      // Of an archive that is still on its way the end is not there yet.
      const hasTail = sizeBytes > HEAD_BYTES && task !== 'member';
      const end = hasTail ? await file.readAt(sizeBytes - TAIL_BYTES, TAIL_BYTES) : NOTHING;
      // What became shorter meanwhile ends elsewhere.
      const tail = end.length === TAIL_BYTES ? end : NOTHING;
      signal?.throwIfAborted();
      if (isStopped) throw new ParserUnavailableError('the datastore is stopping');
      if (kept?.isDegraded() === true && session === undefined) throw new ParserUnavailableError(FAILING);
      return new Promise<ParseOutcomes[Task]>((resolve, reject) => {
        const leave = () => {
          running.delete(work);
          signal?.removeEventListener('abort', onAbort);
        };
        const work: Work = {
          ...{ task, file, head, tail, isSuspect: false },
          done(outcome) {
            leave();
            // The session took it for the outcome of just this task.
            resolve(outcome as ParseOutcomes[Task]);
            pump();
          },
          failed(error) {
            leave();
            reject(error);
            if (error instanceof UnreadableContentError) {
              log.warn({ task, reason: error.message, cause: error.cause }, 'a file could not be parsed');
            }
            pump();
          },
        };
        function onAbort(): void {
          const at = waiting.indexOf(work);
          if (at >= 0) waiting.splice(at, 1);
          running.get(work)?.();
          work.failed(signal?.reason);
        }
        signal?.addEventListener('abort', onAbort, { once: true });
        waiting.push(work);
        begin();
        pump();
      });
    },
    async stop() {
      isStopped = true;
      cancelIdle();
      // Whoever waits to be told hears from `parse`.
      began.resolve(null);
      failWaiting('the datastore is stopping');
      for (const work of [...running.keys()])
        work.failed(new ParserUnavailableError('the datastore is stopping'));
      cancelIdle();
      await Promise.all([asleep, kept?.close()]);
    },
  };
}
