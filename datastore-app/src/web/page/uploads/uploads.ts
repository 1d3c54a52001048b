// SPDX-License-Identifier: Apache-2.0
import { createStore, type Store } from '@local-datastore/shared/page/store';
import { defaultOptions, Upload as TusUpload } from 'tus-js-client';
import type { Access } from '../access/access.ts';
import { createTransferRate } from './transfer-rate.ts';
import { failureOf, tusOptions } from './tus-options.ts';
import { findUnfinished, isSameFile, type UnfinishedUpload } from './unfinished.ts';
import { fingerprintOf, type UploadPlan } from './upload-plan.ts';

/** `finishing`: all has been sent, the datastore checks and publishes. `retrying`: it does not answer. */
export type UploadState =
  | 'waiting'
  | 'running'
  | 'finishing'
  | 'retrying'
  | 'paused'
  | 'exists'
  | 'failed'
  | 'done';

/** An upload as it is shown. */
export interface Upload {
  readonly id: number;
  readonly path: string;
  readonly sizeBytes: number;
  readonly sentBytes: number;
  readonly state: UploadState;
  readonly bytesPerSecond: number | undefined;
  /** What went wrong. */
  readonly message: string | undefined;
}

export interface Uploads {
  readonly list: Store<readonly Upload[]>;
  readonly unfinished: Store<readonly UnfinishedUpload[]>;
  /** Asks for the write token where it is missing; nothing begins without. */
  add(plans: readonly UploadPlan[]): Promise<void>;
  pause(id: number): void;
  /** All that runs or waits. */
  pauseAll(): void;
  /** Goes on after a pause or a failure. */
  resume(id: number): Promise<void>;
  /** All that was paused. */
  resumeAll(): Promise<void>;
  /** Tries again, and takes the place of the image that is there. */
  replace(id: number): Promise<void>;
  /** Ends it, here and at the datastore, and takes it off the list. */
  cancel(id: number): Promise<void>;
  /** Looks for what was left unfinished. */
  findUnfinished(): Promise<void>;
  /** @returns false: the file is not the one that the upload was begun with */
  resumeUnfinished(upload: UnfinishedUpload, file: File): Promise<boolean>;
  /** Goes on with all of which one of these is the file. @returns those of which none is */
  resumeAllUnfinished(files: readonly File[]): Promise<readonly UnfinishedUpload[]>;
  discardUnfinished(upload: UnfinishedUpload): Promise<void>;
}

/** The rest waits: one disk and one link do not get faster by more. */
const MAX_RUNNING = 2;
const ACTIVE: readonly UploadState[] = ['running', 'finishing', 'retrying'];
const PAUSABLE: readonly UploadState[] = ['running', 'waiting', 'retrying'];

export const mayPause = ({ state }: Upload): boolean => PAUSABLE.includes(state);

interface Task {
  plan: UploadPlan;
  tus: TusUpload;
  readonly rate: ReturnType<typeof createTransferRate>;
}

/** @param onPublished is called when an image has come to be */
export function createUploads(access: Access, onPublished: (path: string) => void): Uploads {
  const list = createStore<readonly Upload[]>([]);
  const unfinished = createStore<readonly UnfinishedUpload[]>([]);
  const tasks = new Map<number, Task>();
  let lastId = 0;

  const find = (id: number) => list.get().find((upload) => upload.id === id);
  const change = (id: number, changes: Partial<Upload>) =>
    list.set(list.get().map((upload) => (upload.id === id ? { ...upload, ...changes } : upload)));

  /** Begins what waits, as far as there is room. */
  function startWaiting(): void {
    for (const { id, state } of list.get()) {
      if (list.get().filter((upload) => ACTIVE.includes(upload.state)).length >= MAX_RUNNING) return;
      const task = tasks.get(id);
      if (state !== 'waiting' || task === undefined) continue;
      task.rate.reset();
      change(id, { state: 'running', message: undefined, bytesPerSecond: undefined });
      task.tus.start();
    }
  }

  async function onFailure(id: number, error: Error): Promise<void> {
    const { status, code, message } = failureOf(error);
    if (status === 401) {
      access.refuseWriteToken(access.writeToken() ?? '');
      change(id, { state: 'paused', message: 'Waiting for the write token.', bytesPerSecond: undefined });
      startWaiting();
      if ((await access.needWriteToken()) !== undefined) await resume(id);
      return;
    }
    const isTaken = code === 'IMAGE_EXISTS' || (code === undefined && (status === 409 || status === 412));
    change(id, { state: isTaken ? 'exists' : 'failed', message, bytesPerSecond: undefined });
    startWaiting();
  }

  function createTus(id: number, plan: UploadPlan): TusUpload {
    const options = tusOptions(plan, {
      writeToken: access.writeToken,
      onRetry({ message }) {
        tasks.get(id)?.rate.reset();
        change(id, { state: 'retrying', message, bytesPerSecond: undefined });
      },
    });
    return new TusUpload(plan.file, {
      ...options,
      onProgress(sentBytes, sizeBytes) {
        const task = tasks.get(id);
        // An event of a request that was aborted may come late.
        if (task === undefined || find(id)?.state === 'paused') return;
        task.rate.note(sentBytes, performance.now());
        change(id, {
          sentBytes,
          state: sentBytes >= sizeBytes ? 'finishing' : 'running',
          bytesPerSecond: task.rate.bytesPerSecond(),
          message: undefined,
        });
      },
      onSuccess() {
        change(id, { state: 'done', sentBytes: plan.file.size, bytesPerSecond: undefined });
        tasks.delete(id);
        onPublished(plan.path);
        startWaiting();
      },
      onError: (error) => void onFailure(id, error),
    });
  }

  function enqueue(plan: UploadPlan, previous?: UnfinishedUpload): void {
    lastId += 1;
    const id = lastId;
    const tus = createTus(id, plan);
    if (previous !== undefined) tus.resumeFromPreviousUpload(previous.previous);
    tasks.set(id, { plan, tus, rate: createTransferRate() });
    const upload: Upload = {
      id,
      path: plan.path,
      sizeBytes: plan.file.size,
      sentBytes: previous?.receivedBytes ?? 0,
      state: 'waiting',
      bytesPerSecond: undefined,
      message: undefined,
    };
    list.set([...list.get(), upload]);
  }

  async function resume(id: number): Promise<void> {
    if (!tasks.has(id) || (await access.needWriteToken()) === undefined) return;
    change(id, { state: 'waiting', message: undefined });
    startWaiting();
  }

  function pause(id: number): void {
    void tasks.get(id)?.tus.abort();
    change(id, { state: 'paused', bytesPerSecond: undefined, message: undefined });
  }

  async function refreshUnfinished(): Promise<void> {
    const isRunning = (url: string) =>
      [...tasks.values()].some(({ tus }) => tus.url !== null && new URL(tus.url, location.href).href === url);
    unfinished.set(await findUnfinished(access, isRunning));
  }

  const withoutUnfinished = (gone: UnfinishedUpload) =>
    unfinished.set(unfinished.get().filter((upload) => upload !== gone));

  function goOn(upload: UnfinishedUpload, file: File): void {
    withoutUnfinished(upload);
    enqueue({ file, path: upload.path, isReplacing: false, sha256: undefined }, upload);
  }

  return {
    list,
    unfinished,
    async add(plans) {
      if ((await access.needWriteToken()) === undefined) return;
      for (const plan of plans) {
        const previous = unfinished
          .get()
          .find((upload) => isSameFile(upload, fingerprintOf(plan.path, plan.file)));
        if (previous !== undefined) withoutUnfinished(previous);
        enqueue(plan, previous);
      }
      startWaiting();
    },
    pause(id) {
      pause(id);
      startWaiting();
    },
    pauseAll() {
      for (const { id } of list.get().filter(mayPause)) pause(id);
    },
    resume,
    async resumeAll() {
      if ((await access.needWriteToken()) === undefined) return;
      for (const { id, state } of list.get()) {
        if (state === 'paused') change(id, { state: 'waiting', message: undefined });
      }
      startWaiting();
    },
    async replace(id) {
      const task = tasks.get(id);
      if (task === undefined) return;
      task.plan = { ...task.plan, isReplacing: true };
      task.tus = createTus(id, task.plan);
      await resume(id);
    },
    async cancel(id) {
      const task = tasks.get(id);
      tasks.delete(id);
      list.set(list.get().filter((upload) => upload.id !== id));
      startWaiting();
      // The datastore collects what is left of it, should this not reach it.
      await task?.tus.abort(true).catch(() => {});
    },
    findUnfinished: refreshUnfinished,
    async resumeUnfinished(upload, file) {
      if (!isSameFile(upload, fingerprintOf(upload.path, file))) return false;
      if ((await access.needWriteToken()) === undefined) return true;
      goOn(upload, file);
      startWaiting();
      return true;
    },
    async resumeAllUnfinished(files) {
      if ((await access.needWriteToken()) === undefined) return [];
      const missing: UnfinishedUpload[] = [];
      for (const upload of unfinished.get()) {
        const file = files.find((each) => isSameFile(upload, fingerprintOf(upload.path, each)));
        if (file === undefined) missing.push(upload);
        else goOn(upload, file);
      }
      startWaiting();
      return missing;
    },
    async discardUnfinished(upload) {
      const token = await access.needWriteToken();
      if (token === undefined) return;
      withoutUnfinished(upload);
      await defaultOptions.urlStorage.removeUpload(upload.previous.urlStorageKey);
      await fetch(upload.previous.uploadUrl ?? '', {
        method: 'DELETE',
        headers: { 'Tus-Resumable': '1.0.0', Authorization: `Bearer ${token}` },
        credentials: 'omit',
      }).catch(() => {});
    },
  };
}
