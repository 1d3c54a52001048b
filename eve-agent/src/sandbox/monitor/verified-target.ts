// SPDX-License-Identifier: Apache-2.0
import { stat } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { descriptorOf } from '@local-datastore/shared/confinement/system/descriptor-of';
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import { createTurns } from '@local-datastore/shared/turns';
import type { z } from 'zod';
import {
  openPartialFile,
  type PartialFile,
  partialPaths,
  wrapStorageError,
} from '../../content/partial-file.ts';
import { lockTarget } from '../../content/target-lock.ts';
import { isWrongSize, judgeDigest } from '../../content/verdict.ts';
import type { DownloadObserver } from '../../transfer/download-request.ts';
import type { ExpectedContent, StoredRecord, Verdict } from '../../transfer/target.ts';
import {
  type FillOperation,
  type Received,
  receivedSchema,
  type TargetOperation,
  verdictSchema,
} from '../calves/net/net-messages.ts';
import { AskRefusal } from '../exchange/serve-asks.ts';
import type { VerifierFilling, VerifierLink } from './verifier-link.ts';

/** What a target is for: what priv knows, whatever its processes say. */
export interface VerifiedJob {
  readonly url: string;
  /** Of the file that it becomes, absolute. */
  readonly path: string;
  readonly expected: ExpectedContent & { readonly digest: OciDigest };
  readonly observer: DownloadObserver;
  /** The verifier has ended over it: nothing comes of it, whatever the calf does. */
  onLost(error: Error): void;
}

export interface VerifiedTargetDeps {
  readonly link: Pick<VerifierLink, 'open' | 'whenAdmitted'>;
  /** What lets the verifier open a file. */
  readonly lending: FileLending;
}

/** Whose a file is while it is filled. Rejects with the system's errors. */
export interface FileLending {
  /** The verifier may open it. */
  lend(path: string): Promise<void>;
  /** It may not any more. */
  takeBack(path: string): Promise<void>;
}

/**
 * One target: its name and what is kept of it are priv's, its bytes are read, hashed and written by the verifier, and one
 * who speaks to the network says what is to be done. Nothing that one does makes wrong content right.
 */
export interface VerifiedTarget {
  /** What an earlier run left. */
  readonly stored: { readonly record: StoredRecord; readonly sizeBytes: number } | null;
  /** The verdict by which it was published; undefined: it was not. */
  readonly verdict: Verdict | undefined;
  /** Why no more bytes are taken, whatever anybody else says; undefined: they are. */
  readonly failure: Error | undefined;
  /** By the stream and from connections, whatever became of them. */
  readonly receivedBytes: number;
  /** Whether a body is read from a connection, for which no calf is needed. */
  readonly isReceiving: boolean;
  /**
   * Does as it is told once all bytes are here that the calf sent before. What is published is let go at once.
   *
   * @param sentBytes by the calf, on its stream
   * @returns what it is answered
   * @throws CodedError the place does not take it; AskRefusal what no sound calf does
   */
  operate(operation: TargetOperation, sentBytes: number): Promise<object>;
  /**
   * Has so many bytes of a connection read into the target, behind what the calf sent before. It is closed then.
   *
   * @param signal ends it, as long as there is a calf
   * @throws as `operate`; the signal's reason
   */
  receive(flow: Socket, restBytes: number, sentBytes: number, signal: AbortSignal): Promise<Received>;
  /** The calf is gone: what is under way goes on to its end, and then the target is let go as it is. Never rejects. */
  outlive(): Promise<void>;
  /** Resolves once it is let go. */
  readonly closed: Promise<void>;
  /** Lets it go, as it is; nothing is under way any more then. */
  close(): Promise<void>;
}

/**
 * @param stream what the calf's bytes come by; it stays the caller's to close
 * @throws CodedError such as `TARGET_BUSY`, the place cannot be had
 */
export async function openVerifiedTarget(
  { link, lending }: VerifiedTargetDeps,
  job: VerifiedJob,
  stream: number,
): Promise<VerifiedTarget> {
  const { path } = job;
  let unlock: (() => void) | undefined;
  let partial: PartialFile | undefined;
  // One that has ended is started again.
  await link.whenAdmitted();
  try {
    unlock = await lockTarget(path);
    // An agent that was killed had lent it, and this one may not be let at files of others. Mostly there is none.
    await lending.takeBack(partialPaths(path).file).catch(() => {});
    partial = await openPartialFile(path);
    await lending.lend(partial.path);
    return serve({ link, lending }, job, stream, partial, unlock);
  } catch (error) {
    await partial?.close();
    unlock?.();
    throw wrapStorageError(error, path);
  }
}

function serve(
  { link, lending }: VerifiedTargetDeps,
  { url, path, expected, observer, onLost }: VerifiedJob,
  stream: number,
  partial: PartialFile,
  unlock: () => void,
): VerifiedTarget {
  const { sizeBytes, digest } = expected;
  let hasBegun = false;
  /** It has its name, or is given up: what is there is not to be changed any more. */
  let isOver = false;
  let isReceiving = false;
  let isOutlived = false;
  let isClosing = false;
  /** The verifier has judged it right, and let it go. */
  let isFilled = false;
  let failure: Error | undefined;
  let verdict: Verdict | undefined;
  /** In the order in which the calf asked. */
  const order = createTurns();
  const gone = Promise.withResolvers<void>();
  const filling: VerifierFilling = link.open(
    {
      ...{ target: path, file: partial.path, storedBytes: partial.stored?.sizeBytes ?? 0 },
      ...{ sizeBytes, digest },
    },
    stream,
    {
      observer: {
        onEvent: observer.onEvent,
        // It comes by another way than answers do, and may come after them.
        onProgress(bytes) {
          if (!isOver) observer.onProgress(Math.min(bytes, sizeBytes ?? bytes));
        },
      },
      requireSpace: (neededBytes) => wrapped(() => partial.requireSpace(neededBytes)),
      onFailure(error) {
        failure ??= error;
      },
      onLost(error) {
        failure ??= error;
        // What a calf that is gone has left to be read is begun again by its successor.
        if (!isOutlived && !isClosing) onLost(failure);
      },
    },
  );

  async function wrapped<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw wrapStorageError(error, path);
    }
  }
  const askFor = (operation: FillOperation, sentBytes: number) =>
    filling.ask({ do: 'operate', operation, sentBytes });

  async function restart(sentBytes: number): Promise<void> {
    hasBegun = true;
    // What the verifier still writes goes to the file that was there before.
    await partial.file.truncate();
    await lending.lend(partial.path);
    await askFor({ do: 'restart' }, sentBytes);
  }
  async function requireSpace(saidBytes: number, sentBytes: number): Promise<void> {
    // Others make room for it: no more than can come.
    const neededBytes = Math.min(saidBytes, sizeBytes ?? saidBytes);
    // Where nobody knows how much is to come, the verifier asks as it comes.
    if (sizeBytes === null) await askFor({ do: 'require-space', neededBytes }, sentBytes);
    else await partial.requireSpace(neededBytes);
  }
  /** What the verifier says is compared here with what is wanted. */
  async function publish(sentBytes: number): Promise<Verdict> {
    const said: z.infer<typeof verdictSchema> = verdictSchema.parse(
      await askFor({ do: 'publish' }, sentBytes),
    );
    if (said.kind === 'wrong-size') return said;
    const judged = judgeDigest(said.digest, expected);
    const { size } = await stat(partial.path);
    if (isWrongSize(size, expected)) return { kind: 'wrong-size' };
    if (judged.kind === 'accepted') {
      isFilled = said.kind === 'accepted';
      await lending.takeBack(partial.path);
      await partial.publish();
      isOver = true;
      observer.onProgress(size);
    }
    return judged;
  }

  async function carryOut(operation: TargetOperation, sentBytes: number): Promise<object> {
    if (verdict?.kind === 'accepted') throw new AskRefusal('DENIED', 'it was published before');
    if (isClosing) throw failure ?? new Error('the target is closed');
    if (operation.do === 'close') {
      await letGo();
      return {};
    }
    if (isOver) throw new AskRefusal('DENIED', 'it was given up before');
    switch (operation.do) {
      case 'resume':
        if (hasBegun) throw new AskRefusal('DENIED', 'it was said before where the bytes go');
        hasBegun = true;
        await askFor(operation, sentBytes);
        return {};
      case 'begin': {
        const { neededBytes, totalBytes, validators } = operation;
        await restart(sentBytes);
        await requireSpace(neededBytes, sentBytes);
        await partial.writeRecord({ url, digest, totalBytes, validators });
        return {};
      }
      case 'restart':
        await restart(sentBytes);
        return {};
      case 'require-space':
        await requireSpace(operation.neededBytes, sentBytes);
        return {};
      case 'publish':
        verdict = await publish(sentBytes);
        // The calf need not ask for it, which counts where files are small and many. Who gave it up meanwhile lets it go.
        if (verdict.kind === 'accepted' && !isClosing) await letGo();
        return verdict;
      case 'abandon':
        isOver = true;
        await askFor(operation, sentBytes).catch(() => {});
        await (operation.isWrong ? partial.discard() : partial.discardIfEmpty());
        return {};
    }
  }

  /** What is under way in the verifier ends with an error; nothing is written any more when it returns. */
  async function endFilling(): Promise<void> {
    if (isClosing) return;
    isClosing = true;
    if (!isFilled) await filling.ask({ do: 'close' }).catch(() => {});
    filling.end();
  }
  async function letGo(): Promise<void> {
    await endFilling();
    // What is kept for a later run is priv's again. What was published or removed is not there.
    await lending.takeBack(partial.path).catch(() => {});
    try {
      await partial.close();
    } finally {
      unlock();
      gone.resolve();
    }
  }
  async function abandonAndLetGo(): Promise<void> {
    if (isClosing) {
      await gone.promise;
      return;
    }
    await endFilling();
    await order.settled();
    if (verdict?.kind !== 'accepted') await partial.discardIfEmpty().catch(() => {});
    await letGo();
  }

  return {
    stored: partial.stored,
    get verdict() {
      return verdict;
    },
    get failure() {
      return failure;
    },
    get receivedBytes() {
      return filling.receivedBytes;
    },
    get isReceiving() {
      return isReceiving;
    },
    operate: (operation, sentBytes) => order.take(() => wrapped(() => carryOut(operation, sentBytes))),
    async receive(flow, restBytes, sentBytes, signal) {
      const stop = new AbortController();
      // A calf that is gone takes nothing back.
      const onAbort = () => {
        if (!isOutlived) stop.abort(signal.reason);
      };
      if (signal.aborted) onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        return await order.take(async () => {
          stop.signal.throwIfAborted();
          if (isOver) throw new AskRefusal('DENIED', 'no body is to come');
          if (isClosing) throw failure ?? new Error('the target is closed');
          const fd = descriptorOf(flow);
          if (fd === null) throw new Error('the connection was closed');
          isReceiving = true;
          const asked = filling.ask({ do: 'receive', restBytes, sentBytes }, fd, stop.signal);
          // The verifier has its own descriptor of it by now.
          flow.destroy();
          return receivedSchema.parse(await asked);
        });
      } finally {
        isReceiving = false;
        signal.removeEventListener('abort', onAbort);
        flow.destroy();
      }
    },
    closed: gone.promise,
    async outlive() {
      isOutlived = true;
      await order.settled();
      // Nobody is there whom a failure would tell anything.
      await abandonAndLetGo().catch(() => {});
    },
    close: abandonAndLetGo,
  };
}
