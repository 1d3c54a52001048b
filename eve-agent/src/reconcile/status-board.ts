// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import type { ContentTreeStatus } from '@local-datastore/shared/eve/content-tree-status';
import type { ContentStore } from '../content/content-store.ts';
import type { StatusFiles } from '../content/status-files.ts';
import type { Actual } from './actual.ts';
import { type Desired, type DesiredTree, markOfTree, NOTHING_DESIRED, partsOf } from './desired.ts';
import { statusDocument } from './status-document.ts';
import { statusKeyOf, unusableStatus } from './unusable-status.ts';

export type StatusEvent =
  | { readonly kind: 'status'; readonly status: ContentTreeStatus }
  | { readonly kind: 'removed'; readonly uuid: string };

/** Of every entry of a configuration, also of those that cannot be used. */
const idsOf = ({ trees, unusable }: Desired): Set<string> => new Set([...trees.keys(), ...unusable.keys()]);

export interface StatusBoardDeps {
  readonly statusFiles: StatusFiles;
  readonly store: ContentStore;
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  wallMs(): number;
}

/** Makes the status of every content tree known: as files, and to whoever listens. */
export class StatusBoard {
  readonly #deps: StatusBoardDeps;
  readonly #actual: Actual;
  readonly #listeners = new Set<(event: StatusEvent) => void>();
  readonly #touched = new Set<string>();
  readonly #lacks = new Map<string, { bytes: number; sinceMs: number }>();
  #desired: Desired = NOTHING_DESIRED;
  #configuredAtMs: number;

  constructor(deps: StatusBoardDeps, actual: Actual) {
    this.#deps = deps;
    this.#actual = actual;
    this.#configuredAtMs = deps.wallMs();
  }

  /** Shows the trees of a new configuration, and no others. */
  adopt(desired: Desired): void {
    const before = idsOf(this.#desired);
    const ids = idsOf(desired);
    this.#desired = desired;
    this.#configuredAtMs = this.#deps.wallMs();
    this.#deps.statusFiles.keepOnly(new Set([...ids].map(statusKeyOf)));
    for (const uuid of before) if (!ids.has(uuid)) this.#emit({ kind: 'removed', uuid });
    for (const uuid of ids) this.#publishTree(uuid);
  }

  /** The same trees, of which more is known. */
  refresh(desired: Desired): void {
    this.#desired = desired;
  }

  /** The trees with this content are shown anew at the next `publish`. */
  touch(sha256: string): void {
    this.#touched.add(sha256);
  }

  publish(): void {
    for (const sha256 of this.#touched) {
      for (const { tree } of this.#desired.contents.get(sha256)?.parts ?? []) this.#publishTree(tree.uuid);
    }
    this.#touched.clear();
  }

  /** Which content waits for space, and how much. */
  showLacks(lacksBytes: ReadonlyMap<string, number>): void {
    for (const sha256 of [...this.#lacks.keys()]) {
      if (lacksBytes.has(sha256)) continue;
      this.#lacks.delete(sha256);
      this.touch(sha256);
    }
    for (const [sha256, bytes] of lacksBytes) {
      const known = this.#lacks.get(sha256);
      if (known?.bytes === bytes) continue;
      this.#lacks.set(sha256, { bytes, sinceMs: known?.sinceMs ?? this.#deps.wallMs() });
      this.touch(sha256);
    }
  }

  statuses(): ContentTreeStatus[] {
    return [...idsOf(this.#desired)].flatMap((uuid) => this.status(uuid) ?? []);
  }

  /** @param uuid or the place of an entry that has none */
  status(uuid: string): ContentTreeStatus | null {
    const { trees, unusable } = this.#desired;
    const tree = trees.get(uuid.toLowerCase());
    const unusableTree = unusable.get(uuid) ?? unusable.get(uuid.toLowerCase());
    const status = tree === undefined ? null : this.#statusOf(tree);
    return unusableTree === undefined ? status : unusableStatus(unusableTree, status, this.#configuredAtMs);
  }

  #statusOf(tree: DesiredTree): ContentTreeStatus {
    const { store, clock, wallMs } = this.#deps;
    const mark = markOfTree(tree);
    const [first] = partsOf(tree);
    return statusDocument(tree, {
      actual: this.#actual,
      refCount: this.#desired.contents.get(first?.sha256 ?? '')?.parts.length ?? 0,
      lackOf: (sha256) => this.#lacks.get(sha256),
      fileLocation:
        mark !== null && this.#actual.links.get(tree.name) === mark ? store.linkPath(tree.name) : '',
      linkFailure: this.#actual.linkFailures.get(tree.name),
      configuredAtMs: this.#configuredAtMs,
      nowMs: clock.nowMs(),
      wallMs: wallMs(),
    });
  }

  onEvent(listener: (event: StatusEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #publishTree(uuid: string): void {
    const status = this.status(uuid);
    if (status !== null && this.#deps.statusFiles.write(statusKeyOf(uuid), status)) {
      this.#emit({ kind: 'status', status });
    }
  }

  #emit(event: StatusEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
