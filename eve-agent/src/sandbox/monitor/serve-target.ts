import type { Duplex } from 'node:stream';
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import type { FlowReader } from '../../transfer/flow.ts';
import type { ExpectedContent, OpenTarget, Verdict } from '../../transfer/target.ts';
import type { TargetOperation } from '../calves/net/net-messages.ts';

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
  let isPlaced = false;
  let isPaused = false;
  let isClosed = false;
  let failure: Error | undefined;
  let verdict: Verdict | undefined;
  let wake: () => void = () => {};
  let order: Promise<unknown> = Promise.resolve();

  const landing = Buffer.allocUnsafe(LANDING_BYTES);
  const stream = openStream({
    buffer: () => (isPlaced ? target.region() : undefined) ?? landing,
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
    if (!isPlaced || isTooMuch) {
      const what = isPlaced
        ? `more than the ${sizeBytes} bytes that were to come`
        : 'before it was said where they go';
      fail(new Error(`bytes came ${what}`));
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
    if (receivedBytes > sentBytes) throw new Error('more bytes came than were said to be sent');
  }

  async function carryOut(operation: TargetOperation): Promise<object> {
    switch (operation.do) {
      case 'resume':
        await target.resume();
        isPlaced = true;
        return {};
      case 'restart':
        await target.restart();
        isPlaced = true;
        allowedBytes = 0;
        return {};
      case 'require-space':
        await target.requireSpace(operation.neededBytes);
        allowedBytes = target.position + operation.neededBytes;
        return {};
      case 'write-record': {
        const { totalBytes, validators } = operation;
        await target.writeRecord({ url, digest: expected.digest, totalBytes, validators });
        return {};
      }
      case 'publish':
        verdict = await target.publish(expected);
        return verdict;
      case 'abandon':
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
    failure ??= new Error('the target is closed');
    stream.destroy();
    await target.close();
  }

  return {
    get verdict() {
      return verdict;
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
