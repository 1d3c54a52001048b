// SPDX-License-Identifier: Apache-2.0
import { createStore, type Store } from '@local-datastore/shared/page/store';
import type { Access } from '../access/access.ts';
import { createTransferRate } from '../uploads/transfer-rate.ts';
import { outcomeOf } from './import-report.ts';
import type { ArchiveAnswer, SentArchive } from './send-archive.ts';

/** `finishing`: all has been sent, and the datastore names what is whole. `done`: all of it was imported. */
export type ArchiveImportState = 'waiting' | 'running' | 'finishing' | 'done' | 'failed';

/** An archive on its way into repositories. */
export interface ArchiveImport {
  readonly id: number;
  readonly fileName: string;
  readonly sizeBytes: number;
  readonly sentBytes: number;
  readonly bytesPerSecond: number | undefined;
  readonly state: ArchiveImportState;
  /** What came of it, or why nothing did. */
  readonly sentences: readonly string[];
}

/** @property as how its images are to be called; undefined: as it calls them */
export interface ArchiveWish {
  readonly file: File;
  readonly as: string | undefined;
  /** 64 hexadecimal digits, where the person knows what the file has. */
  readonly sha256?: string | undefined;
}

/** Imports archives from files of whoever has the page open, one after another. */
export interface ArchiveImports {
  readonly list: Store<readonly ArchiveImport[]>;
  /** Asks for the write token where it is missing; nothing begins without. */
  add(wishes: readonly ArchiveWish[]): Promise<void>;
  /** Tries again after a failure, from the beginning: what has come is not written again. */
  retry(id: number): Promise<void>;
  /** Ends it, and takes it off the list. */
  cancel(id: number): void;
}

interface Task {
  readonly wish: ArchiveWish;
  readonly ending: AbortController;
}

/**
 * @param send sends an archive, and waits for what is answered
 * @param onImported is called when images may have come to be
 */
export function createArchiveImports(
  { access, send }: { readonly access: Access; send(sent: SentArchive): Promise<ArchiveAnswer> },
  onImported: (fileName: string) => void,
): ArchiveImports {
  const list = createStore<readonly ArchiveImport[]>([]);
  const tasks = new Map<number, Task>();
  let lastId = 0;
  let isRunning = false;

  const change = (id: number, changes: Partial<ArchiveImport>) =>
    list.set(list.get().map((each) => (each.id === id ? { ...each, ...changes } : each)));
  const fail = (id: number, sentence: string) =>
    change(id, { state: 'failed', sentences: [sentence], bytesPerSecond: undefined });

  async function run(id: number, { wish, ending }: Task): Promise<void> {
    const { file, as, sha256 } = wish;
    for (;;) {
      const token = await access.needWriteToken();
      if (token === undefined) {
        fail(id, 'The write token is needed.');
        return;
      }
      const rate = createTransferRate();
      change(id, { state: 'running', sentBytes: 0, sentences: [] });
      const { status, body } = await send({
        ...{ file, as, sha256, token, signal: ending.signal },
        onProgress(sentBytes) {
          rate.note(sentBytes, performance.now());
          const state = sentBytes >= file.size ? 'finishing' : 'running';
          change(id, { sentBytes, state, bytesPerSecond: rate.bytesPerSecond() });
        },
      });
      if (ending.signal.aborted) return;
      if (status === 401) {
        access.refuseWriteToken(token);
        continue;
      }
      const { isDone, sentences } = outcomeOf(status, body);
      change(id, { state: isDone ? 'done' : 'failed', sentences, bytesPerSecond: undefined });
      if (status === 200) onImported(file.name);
      return;
    }
  }

  async function runWaiting(): Promise<void> {
    if (isRunning) return;
    isRunning = true;
    for (;;) {
      const next = list.get().find(({ state }) => state === 'waiting');
      const task = next && tasks.get(next.id);
      if (next === undefined || task === undefined) break;
      await run(next.id, task);
    }
    isRunning = false;
  }

  return {
    list,
    async add(wishes) {
      if ((await access.needWriteToken()) === undefined) return;
      for (const wish of wishes) {
        lastId += 1;
        tasks.set(lastId, { wish, ending: new AbortController() });
        const { name: fileName, size: sizeBytes } = wish.file;
        const begun = { fileName, sizeBytes, sentBytes: 0, bytesPerSecond: undefined, sentences: [] };
        list.set([...list.get(), { ...begun, id: lastId, state: 'waiting' }]);
      }
      void runWaiting();
    },
    async retry(id) {
      if (!tasks.has(id) || (await access.needWriteToken()) === undefined) return;
      change(id, { state: 'waiting', sentBytes: 0, sentences: [] });
      void runWaiting();
    },
    cancel(id) {
      tasks.get(id)?.ending.abort();
      tasks.delete(id);
      list.set(list.get().filter((each) => each.id !== id));
    },
  };
}
