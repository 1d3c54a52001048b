// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from 'node:stream';
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import type { DownloadDeps, DownloadObserver, DownloadOptions } from '../../transfer/download-request.ts';
import type { FlowReader } from '../../transfer/flow.ts';
import type { BodyEnd, UnreadFlow } from '../../transfer/raw-body.ts';
import { readRawBody } from '../../transfer/read-raw-body.ts';
import { Reception } from '../../transfer/reception.ts';
import type { ExpectedContent, OpenTarget, Verdict } from '../../transfer/target.ts';
import type { Received, TargetOperation } from '../calves/net/net-messages.ts';
import { AskRefusal } from '../exchange/serve-asks.ts';
import { toWireError } from '../exchange/wire-error.ts';
import { createRoomGate } from './room-gate.ts';

/** Where bytes are put that the target has no memory for. */
const LANDING_BYTES = 64 * 1024;

/** What a target is for: what priv knows, whatever the calf says. */
export interface TargetJob {
  readonly url: string;
  readonly expected: ExpectedContent & { readonly digest: OciDigest };
  readonly observer: DownloadObserver;
}

/** How bodies are to come, whoever reads them. */
export type ReceptionRules = Pick<DownloadDeps, 'pace' | 'clock'> &
  Pick<DownloadOptions, 'leastRate' | 'stallTimeoutMs'>;

/** One target that a calf fills. Nothing it does makes wrong content right: it is hashed here. */
export interface ServedTarget {
  /** The verdict by which it was published; undefined: it was not. */
  readonly verdict: Verdict | undefined;
  /** By the stream and from connections, whatever became of them. */
  readonly receivedBytes: number;
  /** Whether a body is read here, for which no calf is needed. */
  readonly isReceiving: boolean;
  /**
   * Does as it is told once all bytes are here that the calf sent before.
   *
   * @param sentBytes by the calf, on its stream
   * @returns what it is answered
   * @throws what the target does; Error for what no sound calf does
   */
  operate(operation: TargetOperation, sentBytes: number): Promise<object>;
  /**
   * Reads so many bytes of a connection into the target, behind what the calf sent before. The connection is closed then.
   *
   * @param signal ends it, as long as there is a calf
   * @throws as `operate`; the signal's reason
   */
  receive(flow: UnreadFlow, restBytes: number, sentBytes: number, signal: AbortSignal): Promise<Received>;
  /** The calf is gone: what is under way goes on to its end, and then the target is let go as it is. Never rejects. */
  outlive(): Promise<void>;
  /** Resolves once it is let go. */
  readonly closed: Promise<void>;
  /** Lets it go, as it is; nothing is under way any more then. */
  close(): Promise<void>;
}

/** @param openStream opens what the calf's bytes come by */
export function serveTarget(
  target: OpenTarget,
  openStream: (reader: FlowReader) => Duplex,
  { url, expected, observer }: TargetJob,
  { pace, clock, leastRate, stallTimeoutMs }: ReceptionRules,
): ServedTarget {
  const { sizeBytes } = expected;
  const gate = createRoomGate(target, sizeBytes !== null);
  const gated = {
    get position() {
      return target.position;
    },
    take: gate.take,
    listen: gate.listen,
  };
  // How fast a stream comes is watched where it comes from.
  const streamed = new Reception(gated, observer, { pace, clock }, {}).start(() => false).receiver;
  const received = new Reception(gated, observer, { pace, clock }, { leastRate });
  let streamedBytes = 0;
  /**
   * Whether the stream may bring bytes: not before it is said where they go, nor while that changes, nor while those of a
   * connection come, nor while or after they are judged.
   */
  let takesBytes = false;
  /** Whether bytes were placed before. */
  let hasBegun = false;
  /** It has its name, or is given up: what is open is not to be changed any more. */
  let isOver = false;
  let isPaused = false;
  let isReceiving = false;
  let isOutlived = false;
  let isClosed = false;
  let failure: Error | undefined;
  let verdict: Verdict | undefined;
  const closing = new AbortController();
  const gone = Promise.withResolvers<void>();
  let wake: () => void = () => {};
  let order: Promise<unknown> = Promise.resolve();

  const landing = Buffer.allocUnsafe(LANDING_BYTES);
  const stream = openStream({
    buffer: () => (takesBytes && !isPaused ? target.region() : undefined) ?? landing,
    callback(byteCount, { buffer, byteOffset }) {
      take(Buffer.from(buffer, byteOffset, byteCount));
      return !isPaused;
    },
  });
  const fail = (error: Error) => {
    failure ??= error;
    stream.destroy();
    wake();
  };
  const goOn = () => {
    isPaused = false;
    stream.resume();
  };
  const listenForStream = () => streamed.listen(goOn, fail);

  const isTooMuch = (byteCount: number) => sizeBytes !== null && target.position + byteCount > sizeBytes;

  function take(bytes: Buffer): void {
    streamedBytes += bytes.length;
    if (!takesBytes) {
      fail(new AskRefusal('DENIED', 'bytes came when none were to come'));
      return;
    }
    if (isTooMuch(bytes.length)) {
      fail(new AskRefusal('DENIED', `bytes came: more than the ${sizeBytes} bytes that were to come`));
      return;
    }
    isPaused = !streamed.take(bytes);
    wake();
  }

  stream.on('error', fail);
  stream.on('close', () => fail(new Error('the stream of the bytes was closed')));
  listenForStream();

  async function reach(sentBytes: number): Promise<void> {
    while (failure === undefined && streamedBytes < sentBytes) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (failure !== undefined) throw failure;
    if (streamedBytes > sentBytes)
      throw new AskRefusal('DENIED', 'more bytes came than were said to be sent');
  }

  /** Bytes that come while it is done would be hashed and not written, or written and not hashed. */
  async function place(how: () => Promise<void>): Promise<void> {
    takesBytes = false;
    hasBegun = true;
    await how();
    takesBytes = true;
  }

  async function carryOut(operation: TargetOperation): Promise<object> {
    if (isOver && operation.do !== 'close')
      throw new AskRefusal('DENIED', 'it was published or given up before');
    switch (operation.do) {
      case 'resume':
        if (hasBegun) throw new AskRefusal('DENIED', 'it was said before where the bytes go');
        await place(() => target.resume());
        return {};
      case 'restart':
        await place(() => target.restart());
        gate.allow(0);
        return {};
      case 'require-space': {
        // Others make room for it: no more than can come.
        const neededBytes = Math.min(operation.neededBytes, sizeBytes ?? operation.neededBytes);
        await target.requireSpace(neededBytes);
        gate.allow(target.position + neededBytes);
        return {};
      }
      case 'write-record': {
        const { totalBytes, validators } = operation;
        await target.writeRecord({ url, digest: expected.digest, totalBytes, validators });
        return {};
      }
      case 'publish':
        takesBytes = false;
        verdict = await target.publish(expected);
        isOver = verdict.kind === 'accepted';
        return verdict;
      case 'abandon':
        isOver = true;
        takesBytes = false;
        await target.abandon(operation.isWrong);
        return {};
      case 'close':
        await close();
        return {};
    }
  }

  async function receiveNow(flow: UnreadFlow, restBytes: number, signal: AbortSignal): Promise<BodyEnd> {
    if (!takesBytes) throw new AskRefusal('DENIED', 'no body is to come');
    if (isTooMuch(restBytes)) {
      throw new AskRefusal('DENIED', `more than the ${sizeBytes} bytes that were to come would come`);
    }
    const watch = received.start(() => false);
    const place = { receiver: watch.receiver, region: () => target.region() };
    isReceiving = true;
    takesBytes = false;
    try {
      return await readRawBody(flow, restBytes, place, stallTimeoutMs, signal);
    } finally {
      isReceiving = false;
      takesBytes = true;
      watch.stop();
      listenForStream();
      // It was not told of room meanwhile.
      goOn();
    }
  }

  async function close(): Promise<void> {
    if (isClosed) return;
    isClosed = true;
    isOver = true;
    failure ??= new Error('the target is closed');
    stream.destroy();
    try {
      await target.close();
    } finally {
      gone.resolve();
    }
  }

  async function letGo(): Promise<void> {
    await order;
    if (isClosed) return;
    if (verdict?.kind !== 'accepted') await target.abandon(false).catch(() => {});
    await close();
  }

  /** One after another, in the order in which the calf asked. */
  function inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = order.then(work);
    order = done.catch(() => {});
    return done;
  }

  return {
    get verdict() {
      return verdict;
    },
    get receivedBytes() {
      return streamedBytes + received.receivedBytes;
    },
    get isReceiving() {
      return isReceiving;
    },
    operate: (operation, sentBytes) =>
      inOrder(async () => {
        if (operation.do !== 'close' && operation.do !== 'abandon') await reach(sentBytes);
        return await carryOut(operation);
      }),
    async receive(flow, restBytes, sentBytes, signal) {
      const end = new AbortController();
      // A calf that is gone takes nothing back.
      const onAbort = () => {
        if (!isOutlived) end.abort(signal.reason);
      };
      if (signal.aborted) onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        return await inOrder(async () => {
          await reach(sentBytes);
          const from = target.position;
          const until = AbortSignal.any([end.signal, closing.signal]);
          const how = await receiveNow(flow, restBytes, until);
          const receivedBytes = target.position - from;
          if (how.kind !== 'lost') return { receivedBytes, end: how };
          return { receivedBytes, end: { kind: 'lost', error: toWireError(how.error) } };
        });
      } finally {
        signal.removeEventListener('abort', onAbort);
        flow.flow.destroy();
      }
    },
    closed: gone.promise,
    async outlive() {
      isOutlived = true;
      // Nobody is there whom a failure would tell anything.
      await letGo().catch(() => {});
    },
    async close() {
      failure ??= new Error('the process that speaks to the network is gone');
      closing.abort(failure);
      stream.destroy();
      wake();
      await letGo();
    },
  };
}
