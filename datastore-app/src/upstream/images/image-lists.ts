// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { isImagePath, isKeptPath } from '../../images/image-path.ts';
import { spread } from '../spread.ts';
import { UpstreamError } from '../upstream-error.ts';
import type { ImageUpstream } from './image-upstream-settings.ts';
import type { FileList, ImageSource, ListedFile } from './listed-file.ts';

/** An image that an upstream has. */
export interface DistantFile {
  /** As it is called here. */
  readonly path: string;
  readonly upstream: ImageUpstream;
  readonly file: ListedFile;
}

/** How it goes with an upstream of images. */
export interface ImageUpstreamStatus {
  /** Empty: its images stand here at their own paths. */
  readonly prefix: string;
  /** For people, without a secret. */
  readonly name: string;
  readonly state: 'unasked' | 'reachable' | 'failing';
  /** Why it fails, as a sentence without a secret. */
  readonly reason: string | null;
  /** ISO 8601: since when it is so. */
  readonly since: string | null;
  /** ISO 8601: when its list was last read, or found to be what it was. */
  readonly listedAt: string | null;
  readonly images: number;
  /** Entries of its list that cannot be used. */
  readonly leftOut: number;
  /** Why, of the first few. */
  readonly leftOutReasons: readonly string[];
}

/** What upstreams have, as far as they said the last time. */
export interface ImageLists {
  find(path: string): DistantFile | undefined;
  /** By path; each once: of two upstreams the first gives it. */
  files(): Iterable<DistantFile>;
  /** Another one whenever {@link ImageLists.files} may say something else. */
  revision(): number;
  /**
   * Finds a path, and asks for the lists in which it may have come up since, each at most twice a minute.
   *
   * @throws UpstreamError where an upstream that may have it has never told what it has
   */
  lookFor(path: string): Promise<DistantFile | undefined>;
  /** Asks for all lists now. */
  refresh(): Promise<void>;
  /** Asks for the lists whose time has come; never rejects. */
  advance(): void;
  /** Takes over that a file could not be had, or could. */
  noteAnswer(upstream: ImageUpstream, failure: UpstreamError | undefined): void;
  status(): readonly ImageUpstreamStatus[];
  /** Takes over which upstreams there are. */
  replace(upstreams: readonly ImageUpstream[]): void;
  stop(): Promise<void>;
}

export interface ImageListsDeps {
  readonly log: Log;
  readonly clock: Clock;
  readonly sourceOf: (upstream: ImageUpstream) => ImageSource;
  /** In ms since 1970. */
  readonly now?: () => number;
  /** From 0 to 1. */
  readonly random?: () => number;
  /** Is called when a large list has been read. */
  readonly afterLarge?: () => void;
}

/** All lists together: memory is bounded. */
export const MAX_DISTANT_FILES = 10_000;
/** Reading a list of more leaves megabytes behind. */
const LARGE_FILES = 1000;
/** After a failure a list is asked for again; then after twice as long each time, until `check`. */
const RETRY_MS = 30_000;
/** How long one reading may take. With many files whose sizes are asked for one by one, the next goes on. */
const READ_MS = 120_000;
/** How long somebody who asks for a path waits for a list. */
const BUDGET_MS = 5000;

interface Known {
  readonly upstream: ImageUpstream;
  readonly source: ImageSource;
  list: FileList | undefined;
  /** Of the list, what may be fetched. */
  allowed: number;
  /** When it was last asked for, and when it is the next time. */
  askedAtMs: number;
  dueAtMs: number;
  failures: number;
  word: { readonly failure: UpstreamError | undefined; readonly sinceMs: number } | undefined;
  listedMs: number | undefined;
  reading: Promise<void> | undefined;
}

const pathHere = (prefix: string, path: string) => (prefix === '' ? path : `${prefix}/${path}`);

export function createImageLists(deps: ImageListsDeps): ImageLists {
  const { log, clock, now = Date.now, random = Math.random } = deps;
  const ending = new AbortController();
  let all: readonly Known[] = [];
  let merged = new Map<string, DistantFile>();
  let changes = 0;

  function merge(): void {
    const files = new Map<string, DistantFile>();
    for (const { upstream, list } of all) {
      for (const file of list?.files ?? []) {
        const path = pathHere(upstream.prefix, file.path);
        if (files.size >= MAX_DISTANT_FILES) break;
        const isWanted = upstream.allows(file.path) && isImagePath(path) && !isKeptPath(path);
        if (isWanted && !files.has(path)) files.set(path, { path, upstream, file });
      }
    }
    merged = files;
    changes += 1;
  }

  function note(known: Known, failure: UpstreamError | undefined): void {
    const { word } = known;
    const isSame = word !== undefined && (word.failure === undefined) === (failure === undefined);
    known.word = { failure, sinceMs: isSame ? word.sinceMs : now() };
  }

  function take(known: Known, list: FileList): void {
    const others = all.reduce((sum, each) => sum + (each === known ? 0 : (each.list?.files.length ?? 0)), 0);
    const room = Math.max(0, MAX_DISTANT_FILES - others);
    const over = Math.max(0, list.files.length - room);
    known.list = { ...list, files: list.files.slice(0, room), leftOut: list.leftOut + over };
    known.allowed = known.list.files.filter(({ path }) => known.upstream.allows(path)).length;
    const { name: upstream } = known.upstream;
    const { leftOut, reasons } = known.list;
    log.info({ upstream, images: known.list.files.length, leftOut, reasons }, 'an upstream told what it has');
    merge();
    if (list.files.length > LARGE_FILES) deps.afterLarge?.();
  }

  async function readOnce(known: Known): Promise<void> {
    const { upstream, source } = known;
    known.askedAtMs = clock.nowMs();
    const limit = new AbortController();
    const cancel = clock.after(READ_MS, () =>
      limit.abort(
        new UpstreamError('UNREACHABLE', `${upstream.name} does not answer in time`, { retryable: true }),
      ),
    );
    try {
      const list = await source.readList(AbortSignal.any([limit.signal, ending.signal]));
      if (list !== undefined) take(known, list);
      known.listedMs = now();
      known.failures = 0;
      note(known, undefined);
      const isComplete = known.list?.isComplete !== false;
      const waitMs = isComplete ? upstream.checkMs : Math.min(RETRY_MS, upstream.checkMs);
      known.dueAtMs = clock.nowMs() + spread(waitMs, random());
    } catch (error) {
      if (ending.signal.aborted) return;
      const failure =
        error instanceof UpstreamError
          ? error
          : new UpstreamError('UNREACHABLE', `${upstream.name}: ${errorMessage(error)}`, { cause: error });
      const isNews = known.word?.failure === undefined;
      const waitMs = Math.min(RETRY_MS * 2 ** Math.min(known.failures, 10), upstream.checkMs);
      known.failures += 1;
      known.dueAtMs = clock.nowMs() + spread(waitMs, random());
      note(known, failure);
      if (isNews) log.warn({ upstream: upstream.name, reason: failure.message }, 'an upstream tells nothing');
    } finally {
      cancel();
      known.reading = undefined;
    }
  }

  function read(known: Known): Promise<void> {
    known.reading ??= readOnce(known);
    return known.reading;
  }

  /** Waits no longer than somebody who asks for a path can. */
  function within(limitMs: number, work: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(limitMs, resolve);
      void work.finally(() => {
        cancel();
        resolve();
      });
    });
  }

  const mayHave = ({ upstream: { prefix, allows } }: Known, path: string) =>
    (prefix === '' || path.startsWith(`${prefix}/`)) &&
    allows(prefix === '' ? path : path.slice(prefix.length + 1));

  return {
    find: (path) => merged.get(path),
    files: () => merged.values(),
    revision: () => changes,

    async lookFor(path) {
      const there = merged.get(path);
      if (there !== undefined) return there;
      const candidates = all.filter((known) => mayHave(known, path));
      const nowMs = clock.nowMs();
      const old = candidates.filter(
        (each) => each.reading !== undefined || nowMs - each.askedAtMs >= RETRY_MS,
      );
      if (old.length > 0) await within(BUDGET_MS, Promise.all(old.map(read)));
      const found = merged.get(path);
      if (found !== undefined) return found;
      const silent = candidates.find(({ list }) => list === undefined);
      if (silent === undefined) return undefined;
      throw (
        silent.word?.failure ??
        new UpstreamError('UNREACHABLE', `${silent.upstream.name} has not yet told what it has`, {
          retryable: true,
        })
      );
    },

    async refresh() {
      await Promise.all(all.map(read));
    },

    advance() {
      if (ending.signal.aborted) return;
      for (const known of all) if (clock.nowMs() >= known.dueAtMs) void read(known);
    },

    noteAnswer(upstream, failure) {
      const known = all.find((each) => each.upstream === upstream);
      if (known === undefined) return;
      note(known, failure);
      // It has other files than its list says: that is old.
      const isOld = failure !== undefined && failure.code !== 'UNREACHABLE';
      if (isOld) known.dueAtMs = Math.min(known.dueAtMs, known.askedAtMs + RETRY_MS);
    },

    status: () =>
      all.map(({ upstream, list, allowed, word, listedMs }) => ({
        ...{ prefix: upstream.prefix, name: upstream.name },
        state: word === undefined ? 'unasked' : word.failure === undefined ? 'reachable' : 'failing',
        reason: word?.failure?.message ?? null,
        since: word === undefined ? null : new Date(word.sinceMs).toISOString(),
        listedAt: listedMs === undefined ? null : new Date(listedMs).toISOString(),
        images: allowed,
        leftOut: list?.leftOut ?? 0,
        leftOutReasons: list?.reasons ?? [],
      })),

    replace(upstreams) {
      const kept = new Map(all.map((known) => [known.upstream, known]));
      for (const [upstream, { source }] of kept) if (!upstreams.includes(upstream)) source.close();
      all = upstreams.map(
        (upstream) =>
          kept.get(upstream) ?? {
            ...{ upstream, source: deps.sourceOf(upstream), list: undefined, allowed: 0, failures: 0 },
            ...{ askedAtMs: Number.NEGATIVE_INFINITY, dueAtMs: clock.nowMs() },
            ...{ word: undefined, listedMs: undefined, reading: undefined },
          },
      );
      merge();
    },

    async stop() {
      ending.abort(new UpstreamError('UNREACHABLE', 'the datastore is stopping', { retryable: true }));
      await Promise.all(all.map(({ reading }) => reading));
      for (const { source } of all) source.close();
    },
  };
}
