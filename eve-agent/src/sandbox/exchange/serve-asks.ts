// SPDX-License-Identifier: Apache-2.0
import type { CalfMessage, HandedDescriptor } from '@local-datastore/shared/confinement/launcher/calf';
import { InternalAddressError } from '../../transfer/flow.ts';
import type { AuditSink } from '../audit/audit-entry.ts';
import { type KeyPath, keyPathText } from '../store/key-path.ts';
import type { KeyStore } from '../store/key-store.ts';
import type { StoreErrorCode } from '../store/store-error.ts';
import { answerPath, askPath } from './ask-keys.ts';
import { type Answer, readJson, toJson } from './ask-messages.ts';
import { toWireError } from './wire-error.ts';

/** What is given for an ask. */
export interface Gift {
  readonly value: object;
  /** A descriptor that the calf gets a copy of. */
  readonly descriptor?: HandedDescriptor & { close(): void };
  /** Is called once the calf has no more use for it, or did not get it. */
  readonly letGo?: () => void;
}

/** What is asked for may not be had, or is no ask at all: it stands in the audit log. */
export class AskRefusal extends Error {
  readonly verdict: StoreErrorCode;

  constructor(verdict: StoreErrorCode, message: string) {
    super(message);
    this.verdict = verdict;
  }
}

/** @returns null: the calf did nothing that it may not do */
function verdictOf(error: unknown): StoreErrorCode | null {
  if (error instanceof AskRefusal) return error.verdict;
  return error instanceof InternalAddressError ? 'DENIED' : null;
}

export interface AskServerDeps {
  readonly store: KeyStore;
  readonly audit: AuditSink;
  /** As `Calf.send`. */
  send(message: CalfMessage, descriptor?: HandedDescriptor): void;
}

export interface AskServerOptions {
  /** Who asks. */
  readonly actor: string;
  /** As whom answers are written, and nothing else: they are cleared at the end. */
  readonly owner: string;
  /** What is under way at a time, taken back or not. */
  readonly maxAsks: number;
  /** Below it stand the keys. Default: none. */
  readonly prefix?: KeyPath;
}

/**
 * Answers what a calf asks for at `ask/N`: see {@link openAsks}. What it takes back, by deleting the key, is given up,
 * or let go when it has it. What was answered may be followed by another ask at the same key.
 *
 * @param give @throws what the calf is told; AskRefusal
 * @returns a function that ends it, aborts what is under way, and takes all answers away
 */
export function serveAsks(
  { store, audit, send }: AskServerDeps,
  { actor, owner, maxAsks, prefix = [] }: AskServerOptions,
  give: (ask: unknown, signal: AbortSignal) => Promise<Gift>,
): () => void {
  const running = new Map<string, AbortController>();
  /** What calves have, and is to be let go of with the ask. */
  const held = new Map<string, () => void>();
  let underWay = 0;

  function answer(number: string, said: Answer): void {
    try {
      store.write(owner, answerPath(prefix, number), toJson(said));
    } catch (error) {
      // Too long, or too many: the calf is to hear that there is none.
      if (!('error' in said)) answer(number, { error: toWireError(error) });
    }
  }

  function fail(number: string, value: Uint8Array, error: unknown): void {
    const verdict = verdictOf(error);
    if (verdict !== null)
      audit.append({ actor, op: 'ask', path: keyPathText(askPath(prefix, number)), value, verdict });
    answer(number, { error: toWireError(error) });
  }

  async function serve(number: string, value: Uint8Array): Promise<void> {
    if (running.has(number) || held.has(number)) return;
    if (underWay + held.size >= maxAsks) {
      fail(number, value, new AskRefusal('BUSY', 'too much is asked for at a time'));
      return;
    }
    const abort = new AbortController();
    running.set(number, abort);
    underWay += 1;
    try {
      const { value: given, descriptor, letGo } = await give(readJson(value), abort.signal);
      try {
        if (letGo !== undefined) held.set(number, letGo);
        abort.signal.throwIfAborted();
        if (descriptor !== undefined) send({ answer: Number(number) }, descriptor);
      } catch (error) {
        letHeldGo(number);
        throw error;
      } finally {
        descriptor?.close();
      }
      answer(number, { value: given, hasHandle: descriptor !== undefined });
    } catch (error) {
      if (!abort.signal.aborted) fail(number, value, error);
    } finally {
      underWay -= 1;
      if (running.get(number) === abort) running.delete(number);
    }
  }

  function letHeldGo(number: string): void {
    held.get(number)?.();
    held.delete(number);
  }

  function forget(number: string): void {
    running.get(number)?.abort();
    running.delete(number);
    letHeldGo(number);
    const path = answerPath(prefix, number);
    if (store.read(path) !== undefined) store.delete(owner, path);
  }

  const unwatch = store.watch(keyPathText(askPath(prefix, '*')), ({ path, value }) => {
    const number = path.at(-1) ?? '';
    if (value === null) forget(number);
    else void serve(number, value);
  });
  return () => {
    unwatch();
    for (const number of [...running.keys(), ...held.keys()]) forget(number);
    // Also what the calf did not take: its successor counts from one again.
    store.clear(owner);
  };
}
