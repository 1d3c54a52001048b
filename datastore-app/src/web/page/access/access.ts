// SPDX-License-Identifier: Apache-2.0
import { createStore, type Store } from '@local-datastore/shared/page/store';
import {
  basicAuthorization,
  type CredentialStorage,
  type Credentials,
  type ReadCredential,
} from './credentials.ts';

/** What the person is asked for. */
export interface Prompt {
  readonly kind: 'read' | 'write';
  /** What was wrong with the last answer. */
  readonly failure?: string;
}

export type PromptAnswer =
  | { readonly kind: 'write'; readonly writeToken: string; readonly isRemembered: boolean }
  | { readonly kind: 'read'; readonly credential: ReadCredential; readonly isRemembered: boolean };

/** Keeps the credentials, and asks for them when they are needed. */
export interface Access {
  readonly prompt: Store<Prompt | undefined>;
  readonly hasWriteToken: Store<boolean>;
  readonly hasReadCredential: Store<boolean>;
  /** Ends the prompt; undefined: the person gave up. */
  answer(answer: PromptAnswer | undefined): void;
  readHeaders(): Record<string, string>;
  /** Reading was refused: what was sent is forgotten. @returns whether there is something else to try at once */
  refuseRead(sent: Record<string, string>): boolean;
  /** Asks for the read credential. @returns whether one was given */
  needReadCredential(): Promise<boolean>;
  /** The write token, asked for where there is none; undefined: the person gave up. */
  needWriteToken(): Promise<string | undefined>;
  writeToken(): string | undefined;
  /** The datastore did not take this token: it is forgotten, and the next prompt says so. */
  refuseWriteToken(token: string): void;
  /** The write token, also where it reads. */
  forgetWriteToken(): void;
  /** Everything: nothing of it is left in the page, the tab or the browser. */
  forgetAll(): void;
}

const WRONG = {
  write: 'The datastore did not accept this token.',
  read: 'The datastore did not accept this name and password.',
} as const;

/**
 * The browser itself is never told of a credential: it would keep it until it is closed, and send it along with
 * whatever a page of somebody else's asks here.
 */
export function createAccess(storage: CredentialStorage): Access {
  let credentials: Credentials = storage.load();
  let isReadClosed = credentials.read !== undefined;
  let isRemembered = false;
  const failures: { read?: string; write?: string } = {};
  const prompt = createStore<Prompt | undefined>(undefined);
  const hasWriteToken = createStore(credentials.writeToken !== undefined);
  const hasReadCredential = createStore(credentials.read !== undefined);
  let waiting: { kind: Prompt['kind']; promise: Promise<void>; resolve: () => void } | undefined;

  function keep(next: Credentials): void {
    credentials = next;
    storage.save(next, isRemembered);
    hasWriteToken.set(next.writeToken !== undefined);
    hasReadCredential.set(next.read !== undefined);
  }

  /** One prompt at a time; who asks for the same waits for the same answer. */
  async function ask(kind: Prompt['kind']): Promise<void> {
    while (waiting !== undefined && waiting.kind !== kind) await waiting.promise;
    if (waiting === undefined) {
      let resolve = () => {};
      const promise = new Promise<void>((settle) => {
        resolve = settle;
      });
      waiting = { kind, promise, resolve };
      const failure = failures[kind];
      prompt.set({ kind, ...(failure !== undefined && { failure }) });
    }
    await waiting.promise;
  }

  return {
    prompt,
    hasWriteToken,
    hasReadCredential,
    answer(answer) {
      const asked = waiting;
      waiting = undefined;
      prompt.set(undefined);
      if (asked !== undefined) delete failures[asked.kind];
      if (answer !== undefined) isRemembered = answer.isRemembered;
      if (answer?.kind === 'write') keep({ ...credentials, writeToken: answer.writeToken });
      if (answer?.kind === 'read') keep({ ...credentials, read: answer.credential });
      asked?.resolve();
    },
    readHeaders(): Record<string, string> {
      // Secrets stay here as long as nobody asks for them.
      if (!isReadClosed) return {};
      if (credentials.read !== undefined) return { Authorization: basicAuthorization(credentials.read) };
      if (credentials.writeToken !== undefined) return { Authorization: `Bearer ${credentials.writeToken}` };
      return {};
    },
    refuseRead(sent) {
      isReadClosed = true;
      const { read, writeToken, ...rest } = credentials;
      if (sent.Authorization === undefined) return read !== undefined || writeToken !== undefined;
      if (read !== undefined) {
        failures.read = WRONG.read;
        keep({ ...rest, ...(writeToken !== undefined && { writeToken }) });
        return writeToken !== undefined;
      }
      keep(rest);
      return false;
    },
    async needReadCredential() {
      await ask('read');
      return credentials.read !== undefined;
    },
    async needWriteToken() {
      if (credentials.writeToken === undefined) await ask('write');
      return credentials.writeToken;
    },
    writeToken: () => credentials.writeToken,
    refuseWriteToken(token) {
      failures.write = WRONG.write;
      if (credentials.writeToken !== token) return;
      const { writeToken: _wrong, ...rest } = credentials;
      keep(rest);
    },
    forgetWriteToken() {
      const { writeToken: _forgotten, ...rest } = credentials;
      keep(rest);
    },
    forgetAll: () => keep({}),
  };
}
