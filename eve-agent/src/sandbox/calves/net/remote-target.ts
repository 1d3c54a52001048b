// SPDX-License-Identifier: Apache-2.0
import { Socket, type SocketConstructorOpts } from 'node:net';
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import type * as z from 'zod';
import type { BodyEnd, RawBody } from '../../../transfer/raw-body.ts';
import type { OpenTarget, StoredRecord, Target } from '../../../transfer/target.ts';
import type { Asks } from '../../exchange/asks.ts';
import { reviveError } from '../../exchange/wire-error.ts';
import { createGatheredWrites, type GatheredWrites } from './gathered-writes.ts';
import {
  type NetAsk,
  receivedSchema,
  type TargetOperation,
  targetGiftSchema,
  verdictSchema,
} from './net-messages.ts';
import type { RemoteFlows } from './remote-flow.ts';

/** Of the memory that bodies are received into, before they go to priv. */
const SLOT_BYTES = 128 * 1024;
const SLOTS = 4;
/** Entity tags of any sense are shorter: of longer ones nothing is kept, and nothing can be gone on from. */
const MAX_VALIDATOR = 1024;

/** What a target is opened for. */
export interface RemoteJob {
  readonly id: string;
  readonly url: string;
  readonly digest: OciDigest | null;
}

export interface RemoteTargetDeps {
  readonly asks: Asks;
  readonly flows: Pick<RemoteFlows, 'numberOf'>;
}

/**
 * A target that priv has: bytes go to it by a stream, or are read by priv itself from a flow that is given back; all else
 * goes by asks. Who hashes and judges them is not here.
 */
export function createRemoteTarget(deps: RemoteTargetDeps, job: RemoteJob): Target {
  return {
    async open() {
      const { asks } = deps;
      const ask: NetAsk = { kind: 'target', job: job.id };
      const { value, handle } = await asks.ask(ask);
      if (handle === null) throw new Error('priv gave no stream for the bytes');
      // Node's types have no handle.
      const options = { handle, readable: false } as SocketConstructorOpts;
      return new RemoteTarget(deps, job, targetGiftSchema.parse(value).stored, new Socket(options));
    },
  };
}

const isShort = (validator: string | null) => (validator ?? '').length <= MAX_VALIDATOR;

class RemoteTarget implements OpenTarget {
  readonly stored: OpenTarget['stored'];
  readonly #asks: Asks;
  readonly #flows: RemoteTargetDeps['flows'];
  readonly #job: RemoteJob;
  readonly #stream: Socket;
  readonly #writes: GatheredWrites;
  #sentBytes = 0;
  #position = 0;
  #onSpace: () => void = () => {};
  #onFailure: (error: Error) => void = () => {};
  #failure: Error | undefined;
  #isPublished = false;

  constructor(
    { asks, flows }: RemoteTargetDeps,
    job: RemoteJob,
    stored: z.infer<typeof targetGiftSchema>['stored'],
    stream: Socket,
  ) {
    this.#asks = asks;
    this.#flows = flows;
    this.#job = job;
    this.#stream = stream;
    this.#writes = createGatheredWrites(stream, {
      ...{ slotBytes: SLOT_BYTES, slots: SLOTS, later: setImmediate },
      onSpace: () => this.#onSpace(),
    });
    this.stored =
      stored === null
        ? null
        : {
            record: {
              // What was kept of another file is told by its URL: that it is another one is all that matters.
              url: stored.isOfOrder ? job.url : '',
              digest: job.digest,
              totalBytes: stored.totalBytes,
              validators: stored.validators,
            },
            sizeBytes: stored.sizeBytes,
          };
    const fail = (error: Error) => {
      this.#failure ??= error;
      this.#onFailure(this.#failure);
    };
    stream.on('error', fail).on('close', () => fail(new Error('priv takes no more bytes')));
  }

  get position(): number {
    return this.#position;
  }

  region(): Uint8Array | undefined {
    return this.#writes.region();
  }

  take(bytes: Buffer): boolean {
    this.#position += bytes.length;
    this.#sentBytes += bytes.length;
    return this.#writes.take(bytes);
  }

  listen(onSpace: () => void, onFailure: (error: Error) => void): void {
    this.#onSpace = onSpace;
    this.#onFailure = onFailure;
    if (this.#failure !== undefined) onFailure(this.#failure);
  }

  takeFrom({ flow, first, restBytes }: RawBody, signal: AbortSignal): Promise<BodyEnd> | undefined {
    const number = this.#flows.numberOf(flow);
    if (number === null) return undefined;
    if (first.length > 0) this.take(first);
    return this.#receive(number, restBytes, signal);
  }

  async #receive(flow: number, restBytes: number, signal: AbortSignal): Promise<BodyEnd> {
    this.#writes.flush();
    const ask: NetAsk = {
      ...{ kind: 'receive', job: this.#job.id, sentBytes: this.#sentBytes },
      ...{ flow, restBytes },
    };
    const { receivedBytes, end } = receivedSchema.parse((await this.#asks.ask(ask, signal)).value);
    this.#position += receivedBytes;
    return end.kind === 'lost' ? { kind: 'lost', error: reviveError(end.error) } : end;
  }

  /** After all bytes that were taken before. */
  async #operate(operation: TargetOperation): Promise<unknown> {
    this.#writes.flush();
    const ask: NetAsk = { kind: 'operate', job: this.#job.id, sentBytes: this.#sentBytes, operation };
    return (await this.#asks.ask(ask)).value;
  }

  async resume(): Promise<void> {
    await this.#operate({ do: 'resume' });
    this.#position = this.stored?.sizeBytes ?? 0;
  }

  async begin(neededBytes: number, { totalBytes, validators }: StoredRecord): Promise<void> {
    const { etag, lastModified } = validators;
    const kept = isShort(etag) && isShort(lastModified) ? validators : { etag: null, lastModified: null };
    await this.#operate({ do: 'begin', neededBytes, totalBytes, validators: kept });
    this.#position = 0;
  }

  async restart(): Promise<void> {
    await this.#operate({ do: 'restart' });
    this.#position = 0;
  }

  async requireSpace(neededBytes: number): Promise<void> {
    await this.#operate({ do: 'require-space', neededBytes });
  }

  /** What it must be is priv's to know, which lets go what it has published. */
  async publish() {
    // The other end of the stream may be gone before the answer is here.
    this.#onFailure = () => {};
    const verdict = verdictSchema.parse(await this.#operate({ do: 'publish' }));
    this.#isPublished = verdict.kind === 'accepted';
    return verdict;
  }

  async abandon(isWrong: boolean): Promise<void> {
    await this.#operate({ do: 'abandon', isWrong });
  }

  async close(): Promise<void> {
    try {
      if (!this.#isPublished) await this.#operate({ do: 'close' });
    } finally {
      this.#stream.removeAllListeners('close').destroy();
    }
  }
}
