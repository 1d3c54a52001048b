import type { Duplex } from 'node:stream';
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import type { FlowReader } from '../../transfer/flow.ts';
import type { ExpectedContent, OpenTarget, Verdict } from '../../transfer/target.ts';
import type { TargetOperation } from '../calves/net/net-messages.ts';
import { AskRefusal } from '../exchange/serve-asks.ts';

/** Room is looked for once for so much, where nobody knows how much is to come. */
const STEP_BYTES = 64 * 1024 * 1024;
/** Where bytes are put that the target has no memory for. */
const LANDING_BYTES = 64 * 1024;

/** What a target is for: what priv knows, whatever the calf says. */
export interface TargetJob {
  readonly url: string;
  readonly expected: ExpectedContent & { readonly digest: OciDigest };
  /** Of the file: how much of it is here. */
  readonly onPosition: (bytes: number) => void;
}

/** One target that a calf fills by a stream. Nothing it does makes wrong content right: it is hashed here. */
export interface ServedTarget {
  /** The verdict by which it was published; undefined: it was not. */
  readonly verdict: Verdict | undefined;
  /** By the stream, whatever became of them. */
  readonly receivedBytes: number;
  /**
   * Does as it is told once all bytes are here that the calf sent before.
   *
   * @param sentBytes by the calf, on this stream
   * @returns what it is answered
   * @throws what the target does; Error for what no sound calf does
   */
  operate(operation: TargetOperation, sentBytes: number): Promise<object>;
  /** Lets it go, as it is; nothing is under way any more then. */
  close(): Promise<void>;
}

/** @param openStream opens what the calf's bytes come by */
export function serveTarget(
  target: OpenTarget,
  openStream: (reader: FlowReader) => Duplex,
  { url, expected, onPosition }: TargetJob,
): ServedTarget {
  let receivedBytes = 0;
  /** Up to which offset of the file bytes are taken; 0 before it is known where they go. */
  let allowedBytes = 0;
  /** Not before it is said where they go, nor while that changes, nor while or after they are judged. */
  let takesBytes = false;
  /** Whether bytes were placed before. */
  let hasBegun = false;
  /** It has its name, or is given up: what is open is not to be changed any more. */
  let isOver = false;
  let isPaused = false;
  let isClosed = false;
  let failure: Error | undefined;
  let verdict: Verdict | undefined;
  let wake: () => void = () => {};
  let order: Promise<unknown> = Promise.resolve();

  const landing = Buffer.allocUnsafe(LANDING_BYTES);
  const stream = openStream({
    buffer: () => (takesBytes ? target.region() : undefined) ?? landing,
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

  /** Looks for room for what comes next, where the size is not known. */
  async function allowMore(): Promise<void> {
    try {
      await target.requireSpace(STEP_BYTES);
      allowedBytes = target.position + STEP_BYTES;
      goOn();
    } catch (error) {
      fail(error as Error);
    }
  }

  function take(bytes: Buffer): void {
    receivedBytes += bytes.length;
    const { sizeBytes } = expected;
    const isTooMuch = sizeBytes !== null && target.position + bytes.length > sizeBytes;
    if (!takesBytes || isTooMuch) {
      const what = takesBytes
        ? `more than the ${sizeBytes} bytes that were to come`
        : 'when none were to come';
      fail(new AskRefusal('DENIED', `bytes came ${what}`));
      return;
    }
    isPaused = !target.take(bytes);
    onPosition(target.position);
    if (sizeBytes === null && target.position > allowedBytes) {
      isPaused = true;
      void allowMore();
    }
    wake();
  }

  stream.on('error', fail);
  stream.on('close', () => fail(new Error('the stream of the bytes was closed')));
  target.listen(goOn, fail);

  async function reach(sentBytes: number): Promise<void> {
    while (failure === undefined && receivedBytes < sentBytes) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (failure !== undefined) throw failure;
    if (receivedBytes > sentBytes)
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
        allowedBytes = 0;
        return {};
      case 'require-space': {
        // Others make room for it: no more than can come.
        const neededBytes = Math.min(operation.neededBytes, expected.sizeBytes ?? operation.neededBytes);
        await target.requireSpace(neededBytes);
        allowedBytes = target.position + neededBytes;
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

  async function close(): Promise<void> {
    if (isClosed) return;
    isClosed = true;
    isOver = true;
    failure ??= new Error('the target is closed');
    stream.destroy();
    await target.close();
  }

  return {
    get verdict() {
      return verdict;
    },
    get receivedBytes() {
      return receivedBytes;
    },
    operate(operation, sentBytes) {
      // One after another, in the order in which the calf asked.
      const done = order.then(async () => {
        if (operation.do !== 'close' && operation.do !== 'abandon') await reach(sentBytes);
        return await carryOut(operation);
      });
      order = done.catch(() => {});
      return done;
    },
    async close() {
      failure ??= new Error('the process that speaks to the network is gone');
      stream.destroy();
      wake();
      await order;
      if (isClosed) return;
      if (verdict?.kind !== 'accepted') await target.abandon(false).catch(() => {});
      await close();
    },
  };
}
