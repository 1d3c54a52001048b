// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from 'node:stream';
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import { createTurns } from '@local-datastore/shared/turns';
import type { DownloadDeps, DownloadObserver, DownloadOptions } from '../../../transfer/download-request.ts';
import type { FlowReader } from '../../../transfer/flow.ts';
import type { BodyEnd, UnreadFlow } from '../../../transfer/raw-body.ts';
import { readRawBody } from '../../../transfer/read-raw-body.ts';
import { Reception } from '../../../transfer/reception.ts';
import type { ExpectedContent, OpenTarget, Verdict } from '../../../transfer/target.ts';
import { AskRefusal } from '../../exchange/serve-asks.ts';
import { toWireError } from '../../exchange/wire-error.ts';
import type { FillOperation, Received } from '../net/net-messages.ts';
import { createRoomGate } from './room-gate.ts';

/** Where bytes are put that the target has no memory for. */
const LANDING_BYTES = 64 * 1024;

/** What a target is for. */
export interface TargetJob {
  readonly expected: ExpectedContent & { readonly digest: OciDigest };
  readonly observer: DownloadObserver;
  /** No more of the calf's bytes are taken. */
  onFailure(error: Error): void;
}

/** How bodies are to come, whoever reads them. */
export type ReceptionRules = Pick<DownloadDeps, 'pace' | 'clock'> &
  Pick<DownloadOptions, 'leastRate' | 'stallTimeoutMs'>;

/** What of a target is filled here; how it is named and what is kept of it is its owner's. */
export type FilledTarget = Omit<OpenTarget, 'stored' | 'begin'>;

/** One target that a calf fills. Nothing it does makes wrong content right: it is hashed here. */
export interface ServedTarget {
  /** By the stream and from connections, whatever became of them. */
  readonly receivedBytes: number;
  /**
   * Does as it is told once all bytes are here that the calf sent before.
   *
   * @param sentBytes by the calf, on its stream
   * @returns what it is answered
   * @throws what the target does; AskRefusal for what no sound calf does
   */
  operate(operation: FillOperation, sentBytes: number): Promise<Verdict | Record<string, never>>;
  /**
   * Reads so many bytes of a connection into the target, behind what the calf sent before. The connection is closed then.
   *
   * @throws as `operate`; the signal's reason
   */
  receive(flow: UnreadFlow, restBytes: number, sentBytes: number, signal: AbortSignal): Promise<Received>;
  /** Lets it go, as it is; nothing is under way any more then. Idempotent. */
  close(): Promise<void>;
}

/** @param openStream opens what the calf's bytes come by */
export function serveTarget(
  target: FilledTarget,
  openStream: (reader: FlowReader) => Duplex,
  { expected, observer, onFailure }: TargetJob,
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
  let isClosed = false;
  let failure: Error | undefined;
  const closing = new AbortController();
  let wake: () => void = () => {};
  /** In the order in which the calf asked. */
  const order = createTurns();

  const landing = Buffer.allocUnsafe(LANDING_BYTES);
  const stream = openStream({
    buffer: () => (takesBytes && !isPaused ? target.region() : undefined) ?? landing,
    callback(byteCount, { buffer, byteOffset }) {
      take(Buffer.from(buffer, byteOffset, byteCount));
      return !isPaused;
    },
  });
  const fail = (error: Error) => {
    if (failure === undefined) {
      failure = error;
      onFailure(error);
    }
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

  async function carryOut(operation: FillOperation): Promise<Verdict | Record<string, never>> {
    if (isOver) throw new AskRefusal('DENIED', 'it was published or given up before');
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
      case 'publish': {
        takesBytes = false;
        const verdict = await target.publish(expected);
        isOver = verdict.kind === 'accepted';
        return verdict;
      }
      case 'abandon':
        isOver = true;
        takesBytes = false;
        await target.abandon(operation.isWrong);
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
    takesBytes = false;
    try {
      return await readRawBody(flow, restBytes, place, stallTimeoutMs, signal);
    } finally {
      takesBytes = true;
      watch.stop();
      listenForStream();
      // It was not told of room meanwhile.
      goOn();
    }
  }

  return {
    get receivedBytes() {
      return streamedBytes + received.receivedBytes;
    },
    operate: (operation, sentBytes) =>
      order.take(async () => {
        if (operation.do !== 'abandon') await reach(sentBytes);
        return await carryOut(operation);
      }),
    async receive(flow, restBytes, sentBytes, signal) {
      try {
        return await order.take(async () => {
          await reach(sentBytes);
          const from = target.position;
          const how = await receiveNow(flow, restBytes, AbortSignal.any([signal, closing.signal]));
          const receivedBytes = target.position - from;
          if (how.kind !== 'lost') return { receivedBytes, end: how };
          return { receivedBytes, end: { kind: 'lost', error: toWireError(how.error) } };
        });
      } finally {
        flow.flow.destroy();
      }
    },
    async close() {
      failure ??= new Error('the target is closed');
      closing.abort(failure);
      stream.destroy();
      wake();
      await order.settled();
      if (isClosed) return;
      isClosed = true;
      if (!isOver) await target.abandon(false).catch(() => {});
      await target.close();
    },
  };
}
