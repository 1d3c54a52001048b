// SPDX-License-Identifier: Apache-2.0
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import type { DeviceConfig } from '@local-datastore/shared/eve/device-config';
import type { ImageFolder } from '../content/image-folders.ts';
import { createActual, type OriginState, originStateOf } from './actual.ts';
import { adoptDesired } from './adopt-desired.ts';
import {
  type Desired,
  lostFallbacks,
  NOTHING_DESIRED,
  partsOf,
  planDesired,
  withResolutions,
} from './desired.ts';
import type { ImageResolution } from './image-resolution.ts';
import { KeptState, type KeptStateDeps } from './kept-state.ts';
import { createLoop, type Loop } from './loop.ts';
import { type Plan, planSteps, type Step } from './plan.ts';
import { recallContents } from './recall.ts';
import { runStep } from './run-step.ts';
import type { Runtime, StepDeps, StepOptions } from './runtime.ts';
import { scrub } from './scrub.ts';
import type { SourceOptions } from './source.ts';
import { StatusBoard, type StatusEvent } from './status-board.ts';
import { findWaitedHosts, wakeOrigin } from './wake.ts';

export interface ReconcilerDeps extends StepDeps, KeptStateDeps {}

export interface ReconcilerOptions extends StepOptions, SourceOptions {}

export const TREE_ACTIONS = ['pause', 'resume', 'cancel', 'retry'] as const;
export type TreeAction = (typeof TREE_ACTIONS)[number];

export type ActionOutcome = 'done' | 'unknown' | 'unusable' | 'verified';

/** Keeps the content of this host as a configuration wants it. */
export interface Reconciler {
  /** Reads what an earlier run left. Before anything else. */
  open(): Promise<void>;
  /** Works until the signal is aborted; returns when nothing is under way any more. */
  run(signal: AbortSignal): Promise<void>;
  /** @returns why datastores in it cannot be used, where a tree has others */
  apply(config: DeviceConfig): readonly string[];
  /**
   * @returns `unknown`: there is no such tree; `unusable`: as it is configured; `verified`: there is nothing to hold
   *   up any more
   */
  act(uuid: string, action: TreeAction): ActionOutcome;
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
  /** Reads every verified file again; what is damaged is fetched anew. */
  scrub(signal: AbortSignal): Promise<void>;
  onEvent(listener: (event: StatusEvent) => void): () => void;
}

/** How often progress is published. */
const PROGRESS_INTERVAL_MS = 1000;

export function createReconciler(deps: ReconcilerDeps, options: ReconcilerOptions): Reconciler {
  return new RunningReconciler(deps, options);
}

type ShownOrigin = Pick<OriginState, 'failure' | 'retryCount' | 'waitUntilMs'>;

class RunningReconciler implements Reconciler, Runtime {
  readonly actual = createActual();
  readonly deps: ReconcilerDeps;
  readonly options: ReconcilerOptions;
  readonly #board: StatusBoard;
  readonly #kept: KeptState;
  readonly #loop: Loop;
  /** The content that may come from an origin. */
  #contentOfOrigin = new Map<string, Set<string>>();
  /** What the documents of their trees show of origins; of others that is not known. */
  readonly #shownOrigins = new Map<string, ShownOrigin>();
  #imageOfName: ReadonlyMap<string, ImageFolder> = new Map();
  #desired: Desired = NOTHING_DESIRED;
  /** Until then it is not known what is wanted: what an earlier run left stays as it is. */
  #isConfigured = false;
  /** When it was looked last, by the clock. */
  #lookedMs = 0;
  #waitedHosts: ReadonlySet<string> = new Set();
  #cancelProgress: (() => void) | null = null;

  constructor(deps: ReconcilerDeps, options: ReconcilerOptions) {
    this.deps = deps;
    this.options = options;
    this.#board = new StatusBoard(deps, this.actual);
    this.#kept = new KeptState(deps, this.actual);
    this.#loop = createLoop<Step, Plan>(deps.clock, {
      plan: () => this.#plan(),
      runStep: (step, signal) => runStep(this, step, signal),
      begun: (plan) => this.#showBegun(plan),
      stopSteps: (reason) => {
        for (const { activity } of this.actual.contents.values()) activity?.abort.abort(reason);
      },
    });
  }

  async open(): Promise<void> {
    const { store, wallMs, clock } = this.deps;
    const scan = await store.open();
    const now = { nowMs: clock.nowMs(), wallMs: wallMs() };
    recallContents(this.actual, scan, this.#kept.readHolds(), now);
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#loop.run(signal);
    this.#cancelProgress?.();
    this.#board.publish();
    this.#kept.save(this.#desired, true);
  }

  apply(config: DeviceConfig): readonly string[] {
    const before = this.#desired;
    this.#desired = planDesired(config, this.options, this.actual.resolutions);
    this.#isConfigured = true;
    this.#adopt(before);
    this.#kept.recallRetries(this.#desired, this.options.schedule);
    this.#shownOrigins.clear();
    this.#kept.changed('holds', 'lastUse', 'retries', 'resolutions');
    this.#kept.save(this.#desired);
    this.#board.adopt(this.#desired);
    this.replan();
    return lostFallbacks(this.#desired);
  }

  #adopt(before: Desired): void {
    const { clock, wallMs } = this.deps;
    const facts = { nowMs: clock.nowMs(), wallMs: wallMs() };
    this.#contentOfOrigin = adoptDesired(this.actual, before, this.#desired, facts);
    this.#imageOfName = new Map(
      [...this.#desired.trees.values()].flatMap(({ name, image }) =>
        image?.resolved == null ? [] : [[name, image.resolved.folder]],
      ),
    );
  }

  imageResolved(key: string, resolution: ImageResolution): void {
    this.actual.contents.delete(key);
    // It may have been dropped while it was asked for.
    if (!this.#desired.contents.has(key)) return;
    const before = this.#desired;
    this.actual.resolutions.set(key, resolution);
    this.#desired = withResolutions(before, this.actual.resolutions);
    this.#adopt(before);
    this.#kept.changed('resolutions');
    this.#board.refresh(this.#desired);
    this.touchContent(resolution.manifest.sha256);
  }

  wantedImage(name: string): ImageFolder | undefined {
    return this.#imageOfName.get(name);
  }

  act(uuid: string, action: TreeAction): ActionOutcome {
    const tree = this.#desired.trees.get(uuid.toLowerCase());
    if (tree === undefined) return this.#board.status(uuid) === null ? 'unknown' : 'unusable';
    const contents = partsOf(tree).flatMap(({ sha256 }) => this.actual.contents.get(sha256) ?? []);
    const isHere = contents.length > 0 && contents.every(({ state }) => state === 'VERIFIED');
    const linkFailure = this.actual.linkFailures.get(tree.name);
    const isNameTried = action === 'retry' && linkFailure !== undefined;
    if (isHere && action !== 'resume' && !isNameTried) return 'verified';
    if (isNameTried) this.actual.linkFailures.set(tree.name, { ...linkFailure, waitUntilMs: 0 });
    if (action === 'pause' || action === 'cancel') {
      this.actual.holds.set(tree.uuid, action === 'pause' ? 'paused' : 'cancelled');
    } else this.actual.holds.delete(tree.uuid);
    if (action === 'retry') {
      for (const content of contents) {
        content.sources.clear();
        content.promotionWaitUntilMs = 0;
        // What went wrong before the new try would be read as what came of it.
        content.failure = null;
      }
      for (const { originKey } of tree.sources) {
        const origin = this.actual.origins.get(originKey);
        if (origin === undefined) continue;
        origin.waitUntilMs = 0;
        origin.failure = null;
      }
    }
    this.#kept.changed('holds', 'lastUse', 'retries');
    this.#kept.save(this.#desired);
    for (const { sha256 } of contents) this.touchContent(sha256);
    this.deps.log.info({ trees: [tree.uuid], action }, 'asked for by hand');
    this.replan();
    return 'done';
  }

  statuses(): ContentTreeStatus[] {
    return this.#board.statuses();
  }

  status(uuid: string): ContentTreeStatus | null {
    return this.#board.status(uuid);
  }

  wakeHost(host: string, isSolicited: boolean): void {
    const nowMs = this.deps.clock.nowMs();
    for (const origin of this.actual.origins.values()) {
      const wasMissing = origin.failure?.code === 'DATASTORE_NOT_FOUND';
      if (origin.host !== host || (isSolicited && !wasMissing)) continue;
      const digests = this.#contentOfOrigin.get(origin.origin) ?? [];
      const { actual, options } = this;
      const atMs = wakeOrigin(actual, this.#desired, origin, digests, options.schedule, nowMs);
      if (atMs === null) continue;
      this.deps.log.info(
        { datastore: origin.origin, waitMs: Math.round(atMs - nowMs) },
        'the datastore has shown up: its downloads go on',
      );
      this.#kept.changed('retries');
      // Their own waits have ended as well.
      this.#touchTreesOf(origin.origin);
      this.replan();
    }
  }

  waitedHosts(): ReadonlySet<string> {
    return this.#waitedHosts;
  }

  onEvent(listener: (event: StatusEvent) => void): () => void {
    return this.#board.onEvent(listener);
  }

  async scrub(signal: AbortSignal): Promise<void> {
    await scrub(this, signal);
  }

  treesOf(sha256: string): readonly string[] {
    return this.#desired.contents.get(sha256)?.parts.map(({ tree }) => tree.uuid) ?? [];
  }

  touchContent(sha256: string): void {
    this.#board.touch(sha256);
    this.#kept.changed('retries');
    this.replan();
  }

  namesChanged(): void {
    this.#kept.changed('names');
  }

  touchOrigin(origin: string): void {
    this.#kept.changed('retries');
    if (this.#showsOtherwise(origin)) this.#touchTreesOf(origin);
  }

  #touchTreesOf(origin: string): void {
    for (const sha256 of this.#contentOfOrigin.get(origin) ?? []) this.#board.touch(sha256);
  }

  /** Whether more is to be said of an origin than that it answered as before, which it does for each of many trees. */
  #showsOtherwise(origin: string): boolean {
    const state = this.actual.origins.get(origin);
    if (state === undefined) return false;
    const { failure, retryCount, waitUntilMs } = state;
    const shown = this.#shownOrigins.get(origin);
    this.#shownOrigins.set(origin, { failure, retryCount, waitUntilMs });
    return shown?.failure !== failure || shown.retryCount !== retryCount || shown.waitUntilMs !== waitUntilMs;
  }

  replan(): void {
    if (this.#isConfigured) this.#loop.replan();
  }

  #plan(): Plan {
    const { actual, deps, options } = this;
    const originOf = (source: Parameters<typeof originStateOf>[1]): OriginState =>
      originStateOf(actual, source);
    const { limits } = options;
    return planSteps(this.#desired, actual, originOf, limits, deps.store.freeBytes(), deps.clock.nowMs());
  }

  /** @returns when to look again, at the latest */
  #showBegun({ lacksBytes, wakeAtMs }: Plan): number {
    const { actual, deps, options } = this;
    this.#waitedHosts = findWaitedHosts(actual, this.#contentOfOrigin);
    this.#board.showLacks(lacksBytes);
    this.#touchEndedWaits();
    this.#board.publish();
    this.#watchProgress();
    const saving = this.#kept.save(this.#desired);
    // Space may come from elsewhere: nobody says so.
    const lacksSpace = lacksBytes.size > 0 || saving === 'failed';
    const spaceMs = lacksSpace ? deps.clock.nowMs() + options.schedule.steadyMs : Number.POSITIVE_INFINITY;
    const saveMs = typeof saving === 'object' ? saving.laterMs : Number.POSITIVE_INFINITY;
    return Math.min(wakeAtMs ?? Number.POSITIVE_INFINITY, spaceMs, saveMs);
  }

  /** What has waited long enough is not said to wait any more, also where it has to wait for a slot. */
  #touchEndedWaits(): void {
    const [beforeMs, nowMs] = [this.#lookedMs, this.deps.clock.nowMs()];
    this.#lookedMs = nowMs;
    const hasEnded = (waitUntilMs: number) => waitUntilMs > beforeMs && waitUntilMs <= nowMs;
    for (const { sha256, sources } of this.actual.contents.values()) {
      for (const { waitUntilMs } of sources.values()) if (hasEnded(waitUntilMs)) this.#board.touch(sha256);
    }
    for (const { origin, waitUntilMs } of this.actual.origins.values()) {
      if (hasEnded(waitUntilMs)) this.#touchTreesOf(origin);
    }
  }

  #watchProgress(): void {
    const isActive = [...this.actual.contents.values()].some(({ activity }) => activity?.kind === 'download');
    if (!isActive || this.#cancelProgress !== null) return;
    this.#cancelProgress = this.deps.clock.after(PROGRESS_INTERVAL_MS, () => {
      this.#cancelProgress = null;
      for (const { sha256, activity } of this.actual.contents.values()) {
        if (activity?.kind === 'download') this.#board.touch(sha256);
      }
      this.#board.publish();
      this.#watchProgress();
    });
  }
}
