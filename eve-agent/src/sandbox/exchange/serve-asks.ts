import type { CalfMessage, HandedDescriptor } from '@local-datastore/shared/confinement/launcher/calf';
import { systemErrorCode } from '@local-datastore/shared/errors';
import type { KeyStore } from '../store/key-store.ts';
import { type Answer, readJson, toJson } from './ask-messages.ts';
import { toWireError } from './wire-error.ts';

/** What is given for an ask. */
export interface Gift {
  readonly value: object;
  /** A descriptor that the calf gets a copy of. */
  readonly descriptor?: HandedDescriptor & { close(): void };
}

export interface AskServerDeps {
  readonly store: KeyStore;
  /** As `Calf.send`. */
  send(message: CalfMessage, descriptor?: HandedDescriptor): void;
}

export interface AskServerOptions {
  /** As whom priv writes. */
  readonly owner: string;
  readonly maxAsks: number;
}

/**
 * Answers what a calf asks for at `/ask/N`: see {@link openAsks}. What it takes back, by deleting the key, is given up.
 *
 * @param give @throws what the calf is told
 * @returns a function that ends it, and aborts what is under way
 */
export function serveAsks(
  { store, send }: AskServerDeps,
  { owner, maxAsks }: AskServerOptions,
  give: (ask: unknown, signal: AbortSignal) => Promise<Gift>,
): () => void {
  const running = new Map<string, AbortController>();

  function answer(number: string, said: Answer): void {
    try {
      store.write(owner, ['answer', number], toJson(said));
    } catch (error) {
      // Too long, or too many: the calf is to hear that there is none.
      if (!('error' in said)) answer(number, { error: toWireError(error) });
    }
  }

  async function serve(number: string, value: Uint8Array): Promise<void> {
    if (running.has(number)) return;
    if (running.size >= maxAsks) {
      answer(number, { error: toWireError(new Error('too much is asked for at a time')) });
      return;
    }
    const abort = new AbortController();
    running.set(number, abort);
    try {
      const { value: given, descriptor } = await give(readJson(value), abort.signal);
      try {
        abort.signal.throwIfAborted();
        if (descriptor !== undefined) send({ answer: Number(number) }, descriptor);
      } finally {
        descriptor?.close();
      }
      answer(number, { value: given, hasHandle: descriptor !== undefined });
    } catch (error) {
      if (!abort.signal.aborted) answer(number, { error: toWireError(error) });
    } finally {
      if (running.get(number) === abort) running.delete(number);
    }
  }

  function forget(number: string): void {
    running.get(number)?.abort();
    running.delete(number);
    try {
      store.delete(owner, ['answer', number]);
    } catch (error) {
      // There was none yet.
      if (systemErrorCode(error) !== 'NOT_FOUND') throw error;
    }
  }

  const unwatch = store.watch('/ask/*', ({ path, value }) => {
    const number = path[1] ?? '';
    if (value === null) forget(number);
    else void serve(number, value);
  });
  return () => {
    unwatch();
    for (const number of [...running.keys()]) forget(number);
  };
}
