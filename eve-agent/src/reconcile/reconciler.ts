import type { ContentTreeStatus, Hold } from '@local-datastore/shared/eve/content-tree-status';
import type { DeviceConfig } from '@local-datastore/shared/eve/device-config';
import { createActual, createContent, type OriginState, originStateOf, UNTIL_CHANGE } from './actual.ts';
import { type Desired, NOTHING_DESIRED, planDesired } from './desired.ts';
import type { JsonFile } from './json-file.ts';
import { planSteps } from './plan.ts';
import { runStep } from './run-step.ts';
import { advance, type Runtime, type StepDeps, type StepOptions } from './runtime.ts';
import type { SourceOptions } from './source.ts';
import { statusDocument } from './status-document.ts';
import type { StatusFiles } from './status-files.ts';

export interface ReconcilerDeps extends StepDeps {
  readonly statusFiles: StatusFiles;
  /** By the trees' uuids. */
  readonly holdsFile: JsonFile<Record<string, Exclude<Hold, 'none'>>>;
  /** When content was last referred to, in milliseconds since the epoch, by its digest. */
  readonly lastUseFile: JsonFile<Record<string, number>>;
}

export interface ReconcilerOptions extends StepOptions, SourceOptions {}

export type ReconcilerEvent =
  | { readonly kind: 'status'; readonly status: ContentTreeStatus }
  | { readonly kind: 'removed'; readonly uuid: string };

export const TREE_ACTIONS = ['pause', 'resume', 'cancel', 'retry'] as const;
export type TreeAction = (typeof TREE_ACTIONS)[number];

/** Keeps the content of this host as a configuration wants it. */
export interface Reconciler {
  /** Reads what an earlier run left. Before anything else. */
  open(): Promise<void>;
  /** Works until the signal is aborted; returns when nothing is under way any more. */
  run(signal: AbortSignal): Promise<void>;
  apply(config: DeviceConfig): void;
  /** @returns `unknown`: there is no such tree; `verified`: there is nothing to hold up any more */
  act(uuid: string, action: TreeAction): 'done' | 'unknown' | 'verified';
  /** In the order of the configuration. */
  statuses(): ContentTreeStatus[];
  status(uuid: string): ContentTreeStatus | null;
  /**
   * A datastore has shown up: what waits for it goes on at once.
   *
   * @param isSolicited whether it may just have answered a question of ours: no news where it was found before
   */
  wakeHost(host: string, isSolicited: boolean): void;
  /** The hosts on `.local` that something waits for. */
  waitedHosts(): ReadonlySet<string>;
  onEvent(listener: (event: ReconcilerEvent) => void): () => void;
}

/** How often progress is published. */
const PROGRESS_INTERVAL_MS = 1000;

export function createReconciler(deps: ReconcilerDeps, options: ReconcilerOptions): Reconciler {
  return new ReconcilerLoop(deps, options);
}

class ReconcilerLoop implements Reconciler, Runtime {
  readonly actual = createActual();
  readonly deps: ReconcilerDeps;
  readonly options: ReconcilerOptions;
  readonly #listeners = new Set<(event: ReconcilerEvent) => void>();
  readonly #running = new Set<Promise<void>>();
  readonly #touched = new Set<string>();
  readonly #lacks = new Map<string, { bytes: number; sinceMs: number }>();
  /** The content that may come from an origin. */
  #contentOfOrigin = new Map<string, Set<string>>();
  #desired: Desired = NOTHING_DESIRED;
  #configuredAtMs: number;
  #waitedHosts: ReadonlySet<string> = new Set();
  #signal: AbortSignal | null = null;
  #isPlanned = false;
  readonly #wokenMs = new Map<string, number>();
  #cancelWake: () => void = () => {};
  #cancelProgress: (() => void) | null = null;

  constructor(deps: ReconcilerDeps, options: ReconcilerOptions) {
    this.deps = deps;
    this.options = options;
    this.#configuredAtMs = deps.wallMs();
  }

  async open(): Promise<void> {
    const { store, wallMs, clock, holdsFile, lastUseFile } = this.deps;
    const { verified, whole, partial, links } = await store.open();
    const lastUse = lastUseFile.read() ?? {};
    const nowMs = clock.nowMs();
    const add = (sha256: string, sizeBytes: number) => {
      const content = createContent(sha256, lastUse[sha256] ?? wallMs());
      content.currentBytes = sizeBytes;
      content.unreferencedAtMs = nowMs - Math.max(wallMs() - content.lastUseMs, 0);
      this.actual.contents.set(sha256, content);
      return content;
    };
    for (const { sha256, sizeBytes } of partial) add(sha256, sizeBytes);
    for (const { sha256, sizeBytes } of whole) advance(this, add(sha256, sizeBytes), 'found-pending');
    for (const { sha256, sizeBytes } of verified) {
      const content = add(sha256, sizeBytes);
      content.totalBytes = sizeBytes;
      advance(this, content, 'found-verified');
    }
    for (const [name, sha256] of links) this.actual.links.set(name, sha256);
    for (const [uuid, hold] of Object.entries(holdsFile.read() ?? {})) this.actual.holds.set(uuid, hold);
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    this.replan();
    if (!signal.aborted) {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    }
    this.#cancelWake();
    for (const { activity } of this.actual.contents.values()) activity?.abort.abort(signal.reason);
    while (this.#running.size > 0) await Promise.all(this.#running);
    this.#cancelProgress?.();
    this.#publish();
  }

  apply(config: DeviceConfig): void {
    const before = this.#desired;
    const { contents } = this.actual;
    this.#desired = planDesired(config, this.options);
    this.#configuredAtMs = this.deps.wallMs();
    this.#contentOfOrigin = new Map();
    for (const { sha256, trees } of this.#desired.contents.values()) {
      const content = contents.get(sha256) ?? createContent(sha256, this.deps.wallMs());
      contents.set(sha256, content);
      content.unreferencedAtMs = null;
      content.lastUseMs = this.deps.wallMs();
      const sources = trees.flatMap((tree) => tree.sources);
      const keys = new Set(sources.map(({ key }) => key));
      const isSame = trees.every(
        ({ uuid, tree }) => JSON.stringify(before.trees.get(uuid)?.tree) === JSON.stringify(tree),
      );
      for (const key of content.sources.keys()) if (!isSame || !keys.has(key)) content.sources.delete(key);
      if (content.sources.size === 0) content.failure = null;
      for (const { url } of sources) {
        const known = this.#contentOfOrigin.get(url.origin) ?? new Set();
        this.#contentOfOrigin.set(url.origin, known.add(sha256));
      }
    }
    for (const origin of this.actual.origins.keys()) {
      if (this.#contentOfOrigin.has(origin)) continue;
      this.actual.origins.delete(origin);
      this.#wokenMs.delete(origin);
    }
    this.#markUnreferenced();
    for (const uuid of [...this.actual.holds.keys()]) {
      if (!this.#desired.trees.has(uuid)) this.actual.holds.delete(uuid);
    }
    this.#saveHolds();
    this.deps.statusFiles.keepOnly(new Set(this.#desired.trees.keys()));
    for (const uuid of before.trees.keys()) {
      if (!this.#desired.trees.has(uuid)) this.#emit({ kind: 'removed', uuid });
    }
    for (const tree of this.#desired.trees.values()) {
      if (tree.sha256 === null) this.#publishTree(tree.uuid);
      else this.touchContent(tree.sha256);
    }
    this.replan();
  }

  act(uuid: string, action: TreeAction): 'done' | 'unknown' | 'verified' {
    const tree = this.#desired.trees.get(uuid.toLowerCase());
    if (tree === undefined) return 'unknown';
    const content = tree.sha256 === null ? undefined : this.actual.contents.get(tree.sha256);
    if (content?.state === 'VERIFIED' && action !== 'resume') return 'verified';
    if (action === 'pause' || action === 'cancel') {
      this.actual.holds.set(tree.uuid, action === 'pause' ? 'paused' : 'cancelled');
    } else this.actual.holds.delete(tree.uuid);
    if (action === 'retry') {
      content?.sources.clear();
      for (const { url } of tree.sources) {
        const origin = this.actual.origins.get(url.origin);
        if (origin !== undefined) origin.waitUntilMs = 0;
      }
    }
    this.#saveHolds();
    if (content !== undefined) this.touchContent(content.sha256);
    this.deps.log.info({ trees: [tree.uuid], action }, 'asked for by hand');
    this.replan();
    return 'done';
  }

  statuses(): ContentTreeStatus[] {
    return [...this.#desired.trees.keys()].map((uuid) => this.status(uuid) as ContentTreeStatus);
  }

  status(uuid: string): ContentTreeStatus | null {
    const tree = this.#desired.trees.get(uuid.toLowerCase());
    if (tree === undefined) return null;
    const { actual, deps } = this;
    const sha256 = tree.sha256 ?? '';
    return statusDocument(tree, actual.contents.get(sha256), {
      actual,
      refCount: this.#desired.contents.get(sha256)?.trees.length ?? 0,
      lack: this.#lacks.get(sha256),
      fileLocation: actual.links.get(tree.name) === sha256 ? deps.store.linkPath(tree.name) : '',
      configuredAtMs: this.#configuredAtMs,
      nowMs: deps.clock.nowMs(),
      wallMs: deps.wallMs(),
    });
  }

  wakeHost(host: string, isSolicited: boolean): void {
    const nowMs = this.deps.clock.nowMs();
    for (const origin of this.actual.origins.values()) {
      const wasMissing = origin.failure?.code === 'DATASTORE_NOT_FOUND';
      if (origin.host !== host || (isSolicited && !wasMissing)) continue;
      if (nowMs - (this.#wokenMs.get(origin.origin) ?? Number.NEGATIVE_INFINITY) < MIN_WAKE_INTERVAL_MS)
        continue;
      if (this.#wakeOrigin(origin, nowMs)) {
        this.#wokenMs.set(origin.origin, nowMs);
        this.deps.log.info({ datastore: origin.origin }, 'the datastore has shown up: its downloads go on');
        this.touchOrigin(origin.origin);
        this.replan();
      }
    }
  }

  /** @returns whether anything was waiting */
  #wakeOrigin(origin: OriginState, nowMs: number): boolean {
    let isWoken = origin.waitUntilMs > nowMs;
    origin.waitUntilMs = 0;
    for (const sha256 of this.#contentOfOrigin.get(origin.origin) ?? []) {
      for (const state of this.actual.contents.get(sha256)?.sources.values() ?? []) {
        if (state.waitUntilMs === UNTIL_CHANGE || state.waitUntilMs <= nowMs) continue;
        state.waitUntilMs = 0;
        isWoken = true;
      }
    }
    return isWoken;
  }

  waitedHosts(): ReadonlySet<string> {
    return this.#waitedHosts;
  }

  onEvent(listener: (event: ReconcilerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  treesOf(sha256: string): readonly string[] {
    return this.#desired.contents.get(sha256)?.trees.map(({ uuid }) => uuid) ?? [];
  }

  touchContent(sha256: string): void {
    this.#touched.add(sha256);
    this.replan();
  }

  touchOrigin(origin: string): void {
    for (const sha256 of this.#contentOfOrigin.get(origin) ?? []) this.#touched.add(sha256);
  }

  replan(): void {
    if (this.#isPlanned || this.#signal === null || this.#signal.aborted) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      this.#pass();
    });
  }

  #pass(): void {
    const signal = this.#signal;
    if (signal === null || signal.aborted) return;
    const { actual, deps, options } = this;
    const originOf = (source: Parameters<typeof originStateOf>[1]): OriginState =>
      originStateOf(actual, source);
    const nowMs = deps.clock.nowMs();
    const plan = planSteps(this.#desired, actual, originOf, options.limits, deps.store.freeBytes(), nowMs);
    for (const step of plan.steps) {
      const running: Promise<void> = runStep(this, step, signal).finally(() => this.#running.delete(running));
      this.#running.add(running);
    }
    this.#findWaitedHosts();
    this.#keepLacks(plan.lacksBytes);
    // Space may come from elsewhere: nobody says so.
    const spaceMs = this.#lacks.size > 0 ? nowMs + options.schedule.steadyMs : Number.POSITIVE_INFINITY;
    const wakeAtMs = Math.min(plan.wakeAtMs ?? Number.POSITIVE_INFINITY, spaceMs);
    this.#cancelWake();
    this.#cancelWake =
      wakeAtMs === Number.POSITIVE_INFINITY
        ? () => {}
        : deps.clock.after(Math.min(wakeAtMs - nowMs, MAX_TIMER_MS), () => this.replan());
    this.#publish();
    this.#watchProgress();
  }

  #findWaitedHosts(): void {
    const hosts = new Set<string>();
    const isIncomplete = (sha256: string) => this.actual.contents.get(sha256)?.state !== 'VERIFIED';
    for (const { isLocal, host, origin } of this.actual.origins.values()) {
      if (!isLocal || hosts.has(host)) continue;
      if ([...(this.#contentOfOrigin.get(origin) ?? [])].some(isIncomplete)) hosts.add(host);
    }
    this.#waitedHosts = hosts;
  }

  #keepLacks(lacksBytes: ReadonlyMap<string, number>): void {
    for (const sha256 of this.#lacks.keys()) {
      if (lacksBytes.has(sha256)) continue;
      this.#lacks.delete(sha256);
      this.#touched.add(sha256);
    }
    for (const [sha256, bytes] of lacksBytes) {
      if (this.#lacks.get(sha256)?.bytes === bytes) continue;
      this.#lacks.set(sha256, { bytes, sinceMs: this.#lacks.get(sha256)?.sinceMs ?? this.deps.wallMs() });
      this.#touched.add(sha256);
    }
  }

  #watchProgress(): void {
    const isActive = [...this.actual.contents.values()].some(({ activity }) => activity?.kind === 'download');
    if (!isActive || this.#cancelProgress !== null) return;
    this.#cancelProgress = this.deps.clock.after(PROGRESS_INTERVAL_MS, () => {
      this.#cancelProgress = null;
      for (const { sha256, activity } of this.actual.contents.values()) {
        if (activity?.kind === 'download') this.#touched.add(sha256);
      }
      this.#publish();
      this.#watchProgress();
    });
  }

  #publish(): void {
    for (const sha256 of this.#touched) for (const uuid of this.treesOf(sha256)) this.#publishTree(uuid);
    this.#touched.clear();
  }

  #publishTree(uuid: string): void {
    const status = this.status(uuid);
    if (status !== null && this.deps.statusFiles.write(uuid, status)) this.#emit({ kind: 'status', status });
  }

  #emit(event: ReconcilerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #markUnreferenced(): void {
    const lastUse: Record<string, number> = {};
    for (const content of this.actual.contents.values()) {
      if (this.#desired.contents.has(content.sha256)) continue;
      if (content.unreferencedAtMs === null) {
        content.unreferencedAtMs = this.deps.clock.nowMs();
        content.lastUseMs = this.deps.wallMs();
      }
      lastUse[content.sha256] = content.lastUseMs;
    }
    this.deps.lastUseFile.write(lastUse);
  }

  #saveHolds(): void {
    this.deps.holdsFile.write(Object.fromEntries(this.actual.holds));
  }
}

/** Announcements come in threes. */
const MIN_WAKE_INTERVAL_MS = 2000;
/** Node's timers hold 31 bits. */
const MAX_TIMER_MS = 2 ** 31 - 1;
