// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import { type KeyPath, keyPathText } from '../store/key-path.ts';
import type { StoreClient } from '../store/store-client.ts';
import { answerPath, askPath } from './ask-keys.ts';
import { answerSchema, readJson, toJson } from './ask-messages.ts';
import { reviveError } from './wire-error.ts';

/** What priv gave for an ask. */
export interface Given {
  /** As the one who asks has to read it. */
  readonly value: unknown;
  /** The bare handle of a socket; null: none was promised. */
  readonly handle: object | null;
}

/** Where handles arrive: `process`, of a calf. */
export interface HandleSource {
  onHandle(listener: (message: unknown, handle: object | null) => void): void;
}

/** What is the calf's until it lets it go. */
export interface Held extends Given {
  /** Idempotent. */
  letGo(): void;
}

/** A calf's asks for what only priv can do: keys `ask/N` and `answer/N`, and descriptors beside them. */
export interface Asks {
  /** @throws what priv says, as an error of the kind that it is; the signal's reason */
  ask(ask: object, signal?: AbortSignal): Promise<Given>;
  /** Asks for what priv has a part in for as long as the calf has it. @throws as `ask` */
  hold(ask: object, signal?: AbortSignal): Promise<Held>;
}

interface Waiting {
  readonly resolve: (given: Given) => void;
  readonly reject: (error: unknown) => void;
  answer: { readonly value: unknown; readonly hasHandle: boolean } | undefined;
  handle: object | null;
}

/**
 * @param prefix below which the keys stand. Default: none
 * @returns once answers are heard
 */
export async function openAsks(
  store: StoreClient,
  handles: HandleSource,
  prefix: KeyPath = [],
): Promise<Asks> {
  const waiting = new Map<number, Waiting>();
  /**
   * Numbers of asks that were answered with what was asked for: they are used again, and nothing has to be taken back in
   * between. Of any other, something may still be on its way.
   */
  const free: number[] = [];
  let last = 0;

  function settle(number: number, { resolve, answer, handle }: Waiting): void {
    if (answer === undefined || (answer.hasHandle && handle === null)) return;
    waiting.delete(number);
    resolve({ value: answer.value, handle });
  }
  const end = (reason: string) => {
    for (const { reject } of waiting.values()) reject(new Error(reason));
    waiting.clear();
  };

  handles.onHandle((message, handle) => {
    const number = (message as { readonly answer?: unknown } | null)?.answer;
    const asked = typeof number === 'number' ? waiting.get(number) : undefined;
    if (asked === undefined) {
      // Nobody waits for it any more.
      (handle as { close?(): void } | null)?.close?.();
      return;
    }
    asked.handle = handle;
    settle(number as number, asked);
  });
  await store.watch(
    keyPathText(answerPath(prefix, '*')),
    ({ path, value }) => {
      const number = Number(path.at(-1));
      const asked = waiting.get(number);
      if (value === null || asked === undefined) return;
      const answer = answerSchema.safeParse(readJson(value));
      if (!answer.success) {
        waiting.delete(number);
        asked.reject(new Error('an answer of priv cannot be read'));
      } else if ('error' in answer.data) {
        waiting.delete(number);
        asked.reject(reviveError(answer.data.error));
      } else {
        asked.answer = answer.data;
        settle(number, asked);
      }
    },
    end,
  );
  void store.closed.then(end);

  async function send(ask: object, signal?: AbortSignal): Promise<Held & { readonly number: number }> {
    signal?.throwIfAborted();
    const number = free.pop() ?? ++last;
    const path = askPath(prefix, String(number));
    const answered = Promise.withResolvers<Given>();
    waiting.set(number, { ...answered, answer: undefined, handle: null });
    const onAbort = () => {
      waiting.delete(number);
      answered.reject(signal?.reason);
    };
    let isOver = false;
    const letGo = () => {
      if (isOver) return;
      isOver = true;
      // With it priv forgets the answer, gives up what it does, or lets go of what it has.
      store.delete(path).catch(() => {});
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const written = store.write(path, toJson(ask)).catch((error: unknown) => {
        waiting.delete(number);
        answered.reject(new Error(`priv does not take the ask: ${errorMessage(error)}`));
      });
      const given = await answered.promise;
      await written;
      return { ...given, letGo, number };
    } catch (error) {
      letGo();
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  return {
    hold: send,
    async ask(ask, signal) {
      const { value, handle, number } = await send(ask, signal);
      free.push(number);
      return { value, handle };
    },
  };
}
