// SPDX-License-Identifier: Apache-2.0
import type { OciAlgorithm } from '@local-datastore/shared/oci/digest';
import type { OpenTarget, Target } from '../transfer/target.ts';
import { ContentSink } from './content-sink.ts';
import { createHashLanes, type HashLanes } from './hash-lanes.ts';
import { openPartialFile, type PartialFile, wrapStorageError } from './partial-file.ts';
import { lockTarget } from './target-lock.ts';
import { isWrongSize, judgeDigest } from './verdict.ts';

/** Large enough for the disk to be quick with each write, enough of them to bridge a slow moment. */
const SLOT_BYTES = 4 * 1024 * 1024;
const SLOT_COUNT = 6;
/** What a killed run has to fetch again: at most what came in this time, and one slot. Fast links never wait for it. */
const WRITE_INTERVAL_MS = 250;
/** What the lanes of {@link createFileTarget} are to be made with. */
export const HASH_LANE_BYTES = SLOT_BYTES * SLOT_COUNT;

/** Whoever reads a file while it arrives. */
export interface ArrivalObserver {
  /** So many bytes of the partial file can be read by now. */
  onStored(bytes: number): void;
  /** What it held was no good: another file takes its place. */
  onEmptied(): void;
}

export interface FileTargetOptions {
  /** Shared with other targets, made with {@link HASH_LANE_BYTES}; absent: it has its own. */
  readonly lanes?: HashLanes;
  /** Of the digest that is expected. */
  readonly algorithm?: OciAlgorithm;
  readonly arrival?: ArrivalObserver;
  /** Is asked before bytes are stored, with how many more there are to come. @throws SpaceError */
  readonly makeRoom?: (neededBytes: number) => Promise<void>;
}

/** A partial file as it is filled: by whoever has it, or by who was lent it. */
export type FilledFile<Stored> = Omit<PartialFile, 'stored'> & {
  /** What an earlier run left. */
  readonly stored: (Stored & { readonly sizeBytes: number }) | null;
};

/**
 * A file as the target of a download. It is left whole and verified, or as it was; what has arrived of a download
 * that fails stays in a hidden file beside it.
 *
 * @param path absolute, of the file to make or replace
 */
export function createFileTarget(path: string, options: FileTargetOptions = {}): Target {
  const lanes = options.lanes ?? createHashLanes(HASH_LANE_BYTES, 0);
  return {
    async open() {
      let unlock: (() => void) | undefined;
      let partial: PartialFile | undefined;
      try {
        unlock = await lockTarget(path);
        partial = await openPartialFile(path);
        return await fillPartialFile(path, partial, { ...options, lanes }, unlock);
      } catch (error) {
        await partial?.close();
        unlock?.();
        throw wrapStorageError(error, path);
      }
    },
  };
}

/**
 * Takes bytes in for a partial file: hashes and writes them.
 *
 * @param path of the file that it becomes
 * @param unlock is called when it is closed
 * @throws the system's errors
 */
export async function fillPartialFile<Stored>(
  path: string,
  partial: FilledFile<Stored>,
  { lanes, algorithm = 'sha256', arrival, makeRoom }: FileTargetOptions & { readonly lanes: HashLanes },
  unlock: () => void,
): Promise<Omit<OpenTarget, 'stored'> & Pick<FilledFile<Stored>, 'stored'>> {
  const lane = lanes.take();
  const { hasher, memory } = lane;
  try {
    // Lanes that are lent are of sha256.
    if (algorithm !== 'sha256') await hasher.reset(algorithm);
  } catch (error) {
    lanes.give(lane);
    throw error;
  }
  const sink = new ContentSink(hasher, partial.file, {
    memory,
    slotBytes: SLOT_BYTES,
    writeIntervalMs: WRITE_INTERVAL_MS,
    nowMs: () => performance.now(),
    algorithm,
    onStored: (bytes) => arrival?.onStored(bytes),
  });
  lane.onError = (error) => sink.fail(error);

  /** What the system says of the file, in the project's words. */
  async function wrapped<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw wrapStorageError(error, path);
    }
  }

  async function restart(): Promise<void> {
    await sink.restart();
    arrival?.onEmptied();
  }
  async function requireSpace(neededBytes: number): Promise<void> {
    await makeRoom?.(neededBytes);
    await partial.requireSpace(neededBytes);
  }

  return {
    stored: partial.stored,
    get position() {
      return sink.position;
    },
    region: () => sink.region(),
    take: (bytes) => sink.take(bytes),
    listen: (onSpace, onFailure) => sink.listen(onSpace, (error) => onFailure(wrapStorageError(error, path))),
    resume: () =>
      wrapped(async () => {
        const storedBytes = partial.stored?.sizeBytes ?? 0;
        await sink.resume(partial.path, storedBytes);
        arrival?.onStored(storedBytes);
      }),
    begin: (neededBytes, record) =>
      wrapped(async () => {
        await restart();
        await requireSpace(neededBytes);
        await partial.writeRecord(record);
      }),
    restart: () => wrapped(restart),
    requireSpace: (neededBytes) => wrapped(() => requireSpace(neededBytes)),
    publish: (expected) =>
      wrapped(async () => {
        if (isWrongSize(sink.position, expected)) return { kind: 'wrong-size' };
        const verdict = judgeDigest({ algorithm, hex: await sink.finish() }, expected);
        if (verdict.kind === 'accepted') await partial.publish();
        return verdict;
      }),
    abandon: (isWrong) =>
      wrapped(async () => {
        await sink.settle();
        await (isWrong ? partial.discard() : partial.discardIfEmpty());
      }),
    close: () =>
      wrapped(async () => {
        lanes.give(lane);
        try {
          await partial.close();
        } finally {
          unlock();
        }
      }),
  };
}
