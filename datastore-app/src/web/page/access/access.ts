import { createStore, type Store } from '../store.ts';
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
  /** Ends the prompt; undefined: the person gave up. */
  answer(answer: PromptAnswer | undefined): void;
  readHeaders(): Record<string, string>;
  /** Reading was allowed with this: from now on links may go the same way. */
  acceptRead(sent: Record<string, string>): void;
  /** Reading was refused: what was sent is forgotten. @returns whether there is something else to try at once */
  refuseRead(sent: Record<string, string>): boolean;
  /** Asks for the read credential. @returns whether one was given */
  needReadCredential(): Promise<boolean>;
  /** The write token, asked for where there is none; undefined: the person gave up. */
  needWriteToken(): Promise<string | undefined>;
  writeToken(): string | undefined;
  /** The datastore did not take this token: it is forgotten, and the next prompt says so. */
  refuseWriteToken(token: string): void;
  forget(): void;
}

const WRONG = {
  write: 'The datastore did not accept this token.',
  read: 'The datastore did not accept this name and password.',
} as const;

/**
 * @param primeBrowser lets the browser itself know the read credential, for links cannot carry a header
 */
export function createAccess(
  storage: CredentialStorage,
  primeBrowser: (credential: ReadCredential) => void,
): Access {
  let credentials: Credentials = storage.load();
  let isReadClosed = credentials.read !== undefined;
  let isRemembered = false;
  const failures: { read?: string; write?: string } = {};
  const prompt = createStore<Prompt | undefined>(undefined);
  const hasWriteToken = createStore(credentials.writeToken !== undefined);
  let waiting: { kind: Prompt['kind']; promise: Promise<void>; resolve: () => void } | undefined;
  /** The header that the browser was told of. */
  let primed: string | undefined;

  function keep(next: Credentials): void {
    credentials = next;
    storage.save(next, isRemembered);
    hasWriteToken.set(next.writeToken !== undefined);
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
    acceptRead({ Authorization: accepted }) {
      if (accepted === undefined || accepted === primed) return;
      const { read, writeToken } = credentials;
      primed = accepted;
      // The write token reads too; beside it the name does not matter.
      if (read !== undefined) primeBrowser(read);
      else if (writeToken !== undefined) primeBrowser({ user: 'token', password: writeToken });
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
    forget() {
      const { writeToken: _forgotten, ...rest } = credentials;
      keep(rest);
    },
  };
}

/**
 * Makes the browser remember a read credential for this origin, as if the person had typed it into the
 * browser's own dialog: downloads by link then just work, and go on where they broke off. Where a browser does
 * not take it this way, it asks by itself.
 */
export function primeBrowser({ user, password }: ReadCredential): void {
  const request = new XMLHttpRequest();
  request.open('HEAD', '/-/api/v1/status', true, user, password);
  request.send();
}
