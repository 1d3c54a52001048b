// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import type { Log } from '@local-datastore/shared/log';
import type { HashLanes } from '../../../content/hash-lanes.ts';
import type { Pace } from '../../../transfer/pace.ts';
import { toJson } from '../../exchange/ask-messages.ts';
import type { HandleSource } from '../../exchange/asks.ts';
import { AskRefusal } from '../../exchange/serve-asks.ts';
import { reviveError, toWireError } from '../../exchange/wire-error.ts';
import type { StoreClient } from '../../store/store-client.ts';
import { openGivenFlow, openGivenStream } from './given-flow.ts';
import { fillLentFile, tryLentFile } from './lent-file.ts';
import { type ReceptionRules, type ServedTarget, serveTarget } from './serve-target.ts';
import {
  commandSchema,
  READY_PATH,
  VERIFIER,
  type VerifierAnswer,
  type VerifierCommand,
  type VerifierEvent,
  type VerifierRules,
} from './verifier-messages.ts';

export interface VerifierDeps {
  readonly store: StoreClient;
  readonly handles: HandleSource;
  readonly lanes: HashLanes;
  /** Of all bodies together. */
  readonly pace: Pace | undefined;
  /** Tells priv how far a file has come. */
  tellProgress(id: string, bytes: number): void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Files are told of no more often, each. */
const PROGRESS_INTERVAL_MS = 100;

type Done = Extract<VerifierAnswer['outcome'], { done: unknown }>['done'];
type Open = Extract<VerifierCommand, { do: 'open' }>;

/** A file that is filled. */
interface Filling {
  /** Rejects with why it could not be opened. */
  readonly served: Promise<ServedTarget>;
  /** What `receive` of these numbers is ended by. */
  readonly receiving: Map<number, AbortController>;
  room: PromiseWithResolvers<void> | null;
}

function requireServed(served: ServedTarget | undefined): ServedTarget {
  if (served === undefined) throw new Error('there is no such file');
  return served;
}

/** Tells the newest number at once, and after that as often as the interval has passed. */
function throttle(clock: Clock, tell: (value: number) => void): (value: number) => void {
  let newest: number | null = null;
  let isWaiting = false;
  const flush = () => {
    isWaiting = newest !== null;
    if (newest === null) return;
    tell(newest);
    newest = null;
    clock.after(PROGRESS_INTERVAL_MS, flush);
  };
  return (value) => {
    newest = value;
    if (!isWaiting) flush();
  };
}

/**
 * Reads bodies of connections and pipes that priv gives, whatever they are, hashes them, and writes them to files that priv
 * names. What their digest has to be is told to it; that it is so is looked at by priv once more.
 *
 * @returns when the store has ended, why
 */
export async function runVerifier(
  { store, handles, lanes, pace, tellProgress, clock, log }: VerifierDeps,
  { stallTimeoutMs, leastRate }: Pick<VerifierRules, 'stallTimeoutMs' | 'leastRate'>,
): Promise<string> {
  const rules: ReceptionRules = { pace, clock, leastRate, stallTimeoutMs };
  const fillings = new Map<string, Filling>();
  const report = (error: unknown) => log.warn({ error: String(error) }, 'priv was not told');
  const tellEvent = (id: string, event: VerifierEvent) =>
    store.write([VERIFIER, id, 'event'], toJson(event)).catch(report);

  async function openFile({ id, sizeBytes, digest, ...file }: Open, handle: object): Promise<ServedTarget> {
    const requireSpace = async (neededBytes: number) => {
      const filling = fillings.get(id);
      if (filling === undefined) return;
      // One after another: answers have no number.
      while (filling.room !== null) await filling.room.promise.catch(() => {});
      filling.room = Promise.withResolvers();
      await tellEvent(id, { kind: 'room', neededBytes });
      await filling.room.promise.finally(() => {
        filling.room = null;
      });
    };
    const target = await fillLentFile(file, requireSpace, { lanes, algorithm: digest.algorithm });
    return serveTarget(
      target,
      (reader) => openGivenStream(handle, reader),
      {
        expected: { sizeBytes, digest },
        observer: {
          onEvent(event) {
            if (event.kind === 'slow' || event.kind === 'fast-enough') void tellEvent(id, event);
          },
          onProgress: throttle(clock, (bytes) => tellProgress(id, bytes)),
        },
        onFailure: (error) => void tellEvent(id, { kind: 'failed', error: toWireError(error) }),
      },
      rules,
    );
  }

  /** Does it, and says what came of it. */
  async function answer(
    { id, number }: { readonly id: string; readonly number: number },
    work: (served: ServedTarget | undefined) => Promise<Done>,
  ): Promise<void> {
    let served: ServedTarget | undefined;
    let outcome: VerifierAnswer['outcome'];
    try {
      served = await fillings.get(id)?.served;
      outcome = { done: await work(served) };
    } catch (error) {
      outcome = { error: toWireError(error), isRefusal: error instanceof AskRefusal };
    }
    const said: VerifierAnswer = { number, receivedBytes: served?.receivedBytes ?? 0, outcome };
    await store.write([VERIFIER, id, 'answer'], toJson(said)).catch(report);
  }

  async function operate(
    { id, operation, sentBytes }: Extract<VerifierCommand, { do: 'operate' }>,
    served: ServedTarget,
  ): Promise<Done> {
    const done = await served.operate(operation, sentBytes);
    if ('kind' in done && done.kind === 'accepted') {
      // Nothing more can come of it here: priv need not say so, which counts where files are small and many.
      await served.close();
      fillings.delete(id);
    }
    return done;
  }

  function receive(command: Extract<VerifierCommand, { do: 'receive' }>, handle: object): void {
    const { id, number, restBytes, sentBytes } = command;
    const flow = openGivenFlow(handle);
    // Whatever happens to it before it is read is found out then.
    flow.flow.on('error', () => {});
    const stop = new AbortController();
    const receiving = fillings.get(id)?.receiving;
    receiving?.set(number, stop);
    void answer(command, async (served) => {
      try {
        return await requireServed(served).receive(flow, restBytes, sentBytes, stop.signal);
      } finally {
        receiving?.delete(number);
      }
    }).finally(() => flow.flow.destroy());
  }

  function begin(command: VerifierCommand, handle: object | null): void {
    const { id } = command;
    switch (command.do) {
      case 'open': {
        if (handle === null) throw new Error('priv gave no pipe');
        const served = openFile(command, handle);
        // It is told with the first answer.
        served.catch(() => {});
        fillings.set(id, { served, receiving: new Map(), room: null });
        return;
      }
      case 'try':
        void answer(command, async () => {
          await tryLentFile(command.file);
          return {};
        });
        return;
      case 'operate':
        void answer(command, async (served) => await operate(command, requireServed(served)));
        return;
      case 'receive':
        if (handle === null) throw new Error('priv gave no connection');
        receive(command, handle);
        return;
      case 'stop':
        fillings.get(id)?.receiving.get(command.number)?.abort(new Error('it was given up'));
        return;
      case 'room': {
        const room = fillings.get(id)?.room;
        if (command.error === null) room?.resolve();
        else room?.reject(reviveError(command.error));
        return;
      }
      case 'close':
        // What waits for room waits for nothing any more.
        fillings.get(id)?.room?.reject(new Error('the target is closed'));
        void answer(command, async (served) => {
          await served?.close();
          return {};
        }).finally(() => fillings.delete(id));
        return;
    }
  }

  handles.onHandle((message, handle) => begin(commandSchema.parse(message), handle));
  await store.write(READY_PATH, toJson(true));
  return await store.closed;
}
