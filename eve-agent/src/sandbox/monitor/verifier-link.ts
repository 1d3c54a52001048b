// SPDX-License-Identifier: Apache-2.0
import type { Calf, CalfMessage, HandedDescriptor } from '@local-datastore/shared/confinement/launcher/calf';
import { TargetError } from '../../content/errors.ts';
import type { DownloadObserver } from '../../transfer/download-request.ts';
import type { AuditSink } from '../audit/audit-entry.ts';
import {
  answerSchema,
  eventSchema,
  READY_PATH,
  VERIFIER,
  type VerifierAnswer,
  type VerifierCommand,
} from '../calves/verifier/verifier-messages.ts';
import { readJson } from '../exchange/ask-messages.ts';
import { AskRefusal } from '../exchange/serve-asks.ts';
import { reviveError, toWireError } from '../exchange/wire-error.ts';
import { type KeyPath, keyPathText } from '../store/key-path.ts';
import { type KeyStore, PRIV } from '../store/key-store.ts';

type Opening = Omit<Extract<VerifierCommand, { do: 'open' }>, 'do' | 'id'>;
type Without<Command, Keys extends string> = Command extends unknown ? Omit<Command, Keys> : never;
type Numbered = Extract<VerifierCommand, { readonly number: number }>;
/** What is answered. */
export type Ask = Without<Exclude<Numbered, { do: 'stop' }>, 'id' | 'number'>;

/** What priv does for a file that is filled. */
export interface FillingHooks {
  readonly observer: DownloadObserver;
  /** @throws SpaceError */
  requireSpace(neededBytes: number): Promise<void>;
  /** No more bytes of the calf's are taken. */
  onFailure(error: Error): void;
  /** The verifier has ended. */
  onLost(error: Error): void;
}

/** A file that the verifier fills. */
export interface VerifierFilling {
  /** Of bodies so far. */
  readonly receivedBytes: number;
  /**
   * @param fd what goes with it
   * @param signal stops it; it is answered all the same
   * @returns what the verifier answers
   * @throws what it says; AskRefusal what it says of the calf; TargetError it has ended
   */
  ask(command: Ask, fd?: number, signal?: AbortSignal): Promise<unknown>;
  /** Nothing is asked any more. */
  end(): void;
}

export interface VerifierLink {
  /**
   * The verifier, as `keepProcess` begins with each.
   *
   * @returns ends what it was at: it has ended
   */
  begin(calf: Pick<Calf, 'send'>): () => Promise<void>;
  /** The one that runs is given files from now on. */
  admit(): void;
  /** Resolves once there is one that is given files. */
  whenAdmitted(): Promise<void>;
  /**
   * Has it open a file that was lent to it.
   *
   * @throws what it says; TargetError it has ended
   */
  tryFile(file: string): Promise<void>;
  /** What the verifier says through its pipe. */
  tellProgress(id: string, bytes: number): void;
  /**
   * Has a file filled.
   *
   * @param stream what the calf's bytes come by; it stays the caller's to close
   * @throws TargetError there is no verifier at the moment
   */
  open(opening: Opening, stream: number, hooks: FillingHooks): VerifierFilling;
}

export interface VerifierLinkDeps {
  readonly store: KeyStore;
  readonly audit: AuditSink;
  /** One of them takes files. */
  onReady(): void;
}

const lost = () =>
  new TargetError('TARGET_BUSY', 'the process that verifies content has ended, and is started again', {
    retryable: true,
  });

interface Waiting {
  readonly hooks: FillingHooks;
  readonly answers: Map<number, PromiseWithResolvers<unknown>>;
  receivedBytes: number;
}

/** The side of priv of the verifier. It says what has come, and no more: see `runVerifier`. */
export function createVerifierLink({ store, audit, onReady }: VerifierLinkDeps): VerifierLink {
  const fillings = new Map<string, Waiting>();
  let current: Pick<Calf, 'send'> | null = null;
  let admitted = Promise.withResolvers<void>();
  let isAdmitted = false;
  let lastId = 0;
  let lastNumber = 0;

  function noteLie(path: KeyPath, value: Uint8Array): void {
    const facts = { actor: VERIFIER, op: 'write', path: keyPathText(path), value, handler: VERIFIER };
    audit.append({ ...facts, verdict: 'MALFORMED' });
  }
  /** Who does not take a command has ended, or hangs. @throws TargetError */
  function send(command: VerifierCommand, descriptor?: HandedDescriptor): void {
    if (current === null) throw lost();
    try {
      current.send(command as CalfMessage, descriptor);
    } catch (error) {
      throw Object.assign(lost(), { cause: error });
    }
  }

  function settle({ answers }: Waiting, { number, outcome }: VerifierAnswer): void {
    const waiting = answers.get(number);
    answers.delete(number);
    if ('done' in outcome) waiting?.resolve(outcome.done);
    else {
      const error = reviveError(outcome.error);
      waiting?.reject(outcome.isRefusal ? new AskRefusal('DENIED', error.message) : error);
    }
  }

  async function makeRoom(id: string, { hooks }: Waiting, neededBytes: number): Promise<void> {
    const refusal = await hooks.requireSpace(neededBytes).then(
      () => null,
      (error: unknown) => toWireError(error),
    );
    try {
      send({ do: 'room', id, error: refusal });
    } catch {
      // Whoever waits hears of its end.
    }
  }

  store.watch(`/${VERIFIER}/*/answer`, ({ path, value }) => {
    const filling = fillings.get(path[1] ?? '');
    if (value === null || filling === undefined) return;
    const said = answerSchema.safeParse(readJson(value));
    if (!said.success) {
      noteLie(path, value);
      return;
    }
    filling.receivedBytes = said.data.receivedBytes;
    settle(filling, said.data);
  });
  store.watch(`/${VERIFIER}/*/event`, ({ path, value }) => {
    const [, id = ''] = path;
    const filling = fillings.get(id);
    if (value === null || filling === undefined) return;
    const said = eventSchema.safeParse(readJson(value));
    if (!said.success) noteLie(path, value);
    else if (said.data.kind === 'room') void makeRoom(id, filling, said.data.neededBytes);
    else if (said.data.kind === 'failed') filling.hooks.onFailure(reviveError(said.data.error));
    else filling.hooks.observer.onEvent(said.data);
  });
  store.watch(keyPathText(READY_PATH), ({ value }) => {
    if (value !== null) onReady();
  });

  /** Something that the verifier is to be asked about. */
  function add(hooks: FillingHooks): VerifierFilling & { readonly id: string } {
    lastId += 1;
    const id = String(lastId);
    const owner = current;
    const filling: Waiting = { hooks, answers: new Map(), receivedBytes: 0 };
    fillings.set(id, filling);
    let hasEnded = false;
    return {
      id,
      get receivedBytes() {
        return filling.receivedBytes;
      },
      async ask(command, fd, signal) {
        // A successor knows nothing of it.
        if (current !== owner) throw lost();
        if (hasEnded) throw new Error('the file was let go');
        lastNumber += 1;
        const number = lastNumber;
        const answer = Promise.withResolvers<unknown>();
        const stop = () => {
          try {
            send({ do: 'stop', id, number });
          } catch {
            // It has ended, and this with it.
          }
        };
        send(
          { ...command, id, number } as VerifierCommand,
          fd === undefined ? undefined : { fd, kind: 'stream' },
        );
        filling.answers.set(number, answer);
        if (signal?.aborted === true) stop();
        signal?.addEventListener('abort', stop, { once: true });
        try {
          return await answer.promise;
        } finally {
          signal?.removeEventListener('abort', stop);
        }
      },
      end() {
        hasEnded = true;
        fillings.delete(id);
        for (const { reject } of filling.answers.values()) reject(new Error('the file was let go'));
        for (const { path } of store.list(`/${VERIFIER}/${id}/*`)) store.delete(PRIV, path);
      },
    };
  }

  return {
    begin(calf) {
      current = calf;
      return async () => {
        current = null;
        if (isAdmitted) admitted = Promise.withResolvers();
        isAdmitted = false;
        for (const { answers, hooks } of fillings.values()) {
          hooks.onLost(lost());
          for (const { reject } of answers.values()) reject(lost());
          answers.clear();
        }
      };
    },
    admit() {
      isAdmitted = true;
      admitted.resolve();
    },
    whenAdmitted: () => admitted.promise,
    tellProgress: (id, bytes) => fillings.get(id)?.hooks.observer.onProgress(bytes),
    open(opening, stream, hooks) {
      const added = add(hooks);
      try {
        send({ do: 'open', id: added.id, ...opening }, { fd: stream, kind: 'stream' });
      } catch (error) {
        added.end();
        throw error;
      }
      return added;
    },
    async tryFile(file) {
      const tried = add({
        observer: { onEvent() {}, onProgress() {} },
        requireSpace: async () => {},
        onFailure() {},
        onLost() {},
      });
      try {
        await tried.ask({ do: 'try', file });
      } finally {
        tried.end();
      }
    },
  };
}
