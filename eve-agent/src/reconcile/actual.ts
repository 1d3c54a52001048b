// SPDX-License-Identifier: Apache-2.0
import type { ErrorSeverity, Hold } from '@local-datastore/shared/eve/content-tree-status';
import type { ImageResolution } from './image-resolution.ts';
import type { FailureCode } from './judge-failure.ts';
import type { Source } from './source.ts';
import type { ContentState } from './transitions.ts';
import { WakeBudget } from './wake-budget.ts';

/** Why something failed, as the status says it. Never a secret. */
export interface Failure {
  readonly code: FailureCode;
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  readonly severity: ErrorSeverity;
}

/** What is known of a scheme, host and port, under one authority. Its failures hold up every download from there. */
export interface OriginState {
  /** The `originKey` of its sources. */
  readonly origin: string;
  readonly host: string;
  readonly isLocal: boolean;
  /** `found`: multicast DNS answered, HTTP has not yet. */
  status: 'unknown' | 'probing' | 'found' | 'reachable';
  /** In a row; what the next wait depends on. */
  failures: number;
  /** Since it last answered. */
  retryCount: number;
  waitUntilMs: number;
  failure: Failure | null;
  /** The content that got no proper answer, by its digests, since the last one that did. */
  readonly unanswered: Set<string>;
  /** How often its announcements may end a waiting. */
  readonly wakes: WakeBudget;
}

/** What is known of one file at one source. */
export interface SourceState {
  /** In a row, without a byte of progress. */
  failures: number;
  /** How often what arrived had another digest. */
  mismatches: number;
  waitUntilMs: number;
  failure: Failure | null;
  /** What it sent a second when that was too little, and how often others went first for that; null: it was not. */
  slow: { readonly bytesPerSecond: number; readonly turns: number } | null;
  /** Addresses that served wrong bytes under this name. */
  readonly avoidedAddresses: Set<string>;
}

export type Activity =
  | {
      readonly kind: 'download';
      readonly source: Source;
      readonly abort: AbortController;
      /** On the clock of the waits. */
      readonly startedMs: number;
      /** What comes a second while that is less than the least rate; null: enough, or not known yet. */
      slowBytesPerSecond: number | null;
    }
  | { readonly kind: 'verify' | 'remove'; readonly abort: AbortController };

/** What is known of one file by its digest, or of which image a name stands for. */
export interface ContentActual {
  /** The digest; of a name, the image's key. */
  readonly sha256: string;
  state: ContentState;
  /** Found in `verified` at the start; nobody has read it since. */
  isOfEarlierRun: boolean;
  /** Of the whole file, once it is known. */
  totalBytes: number | null;
  /** How much of it is here. */
  currentBytes: number;
  activity: Activity | null;
  /** Since when it is without a download: who waits longest is first. On the clock of the waits. */
  waitingSinceMs: number;
  /** When it last had a download, in milliseconds since the epoch; 0: never, or nobody knows. */
  triedAtMs: number;
  /** When a whole file in `pending` that could not be moved on is tried again, on the clock of the waits. */
  promotionWaitUntilMs: number;
  /** By the sources' keys. */
  readonly sources: Map<string, SourceState>;
  failure: Failure | null;
  retryCount: number;
  /** When a configuration last referred to it; milliseconds since the epoch. */
  lastUseMs: number;
  /** The same on the monotonic clock, where the grace time is counted; null while a configuration does. */
  unreferencedAtMs: number | null;
  downloadId: string;
  /** In use, or used last. */
  datastoreId: string;
}

export interface LinkFailure {
  readonly failure: Failure;
  /** On the clock of the waits. */
  readonly waitUntilMs: number;
}

export interface Actual {
  readonly contents: Map<string, ContentActual>;
  readonly origins: Map<string, OriginState>;
  /** What names led to, by the images' keys. */
  readonly resolutions: Map<string, ImageResolution>;
  /** Names that lead to verified content: of a file its digest, of an image the mark of its folder. */
  readonly links: Map<string, string>;
  /**
   * File names that this service or an earlier run of it gave, also those that lead nowhere for the moment. What
   * stands at any other name is somebody else's.
   */
  readonly givenNames: Set<string>;
  /** Names that are being changed. */
  readonly busyNames: Set<string>;
  /** Why a name does not lead to its content. */
  readonly linkFailures: Map<string, LinkFailure>;
  /** By the trees' uuids; absent: none. */
  readonly holds: Map<string, Exclude<Hold, 'none'>>;
}

export function createActual(): Actual {
  return {
    contents: new Map(),
    origins: new Map(),
    resolutions: new Map(),
    links: new Map(),
    givenNames: new Set(),
    busyNames: new Set(),
    linkFailures: new Map(),
    holds: new Map(),
  };
}

/** @param nowMs milliseconds since the epoch */
export function createContent(sha256: string, nowMs: number): ContentActual {
  return {
    sha256,
    state: 'INITIAL',
    isOfEarlierRun: false,
    totalBytes: null,
    currentBytes: 0,
    activity: null,
    waitingSinceMs: 0,
    triedAtMs: 0,
    promotionWaitUntilMs: 0,
    sources: new Map(),
    failure: null,
    retryCount: 0,
    lastUseMs: nowMs,
    unreferencedAtMs: null,
    downloadId: '',
    datastoreId: '',
  };
}

/** What is known of a source; made when it is new. */
export function sourceStateOf(content: ContentActual, key: string): SourceState {
  const known = content.sources.get(key);
  if (known !== undefined) return known;
  const state = {
    failures: 0,
    mismatches: 0,
    waitUntilMs: 0,
    failure: null,
    slow: null,
    avoidedAddresses: new Set<string>(),
  };
  content.sources.set(key, state);
  return state;
}

/** What is known of a source's origin; made when it is new. */
export function originStateOf(actual: Actual, { originKey, host, isLocal }: Source): OriginState {
  const known = actual.origins.get(originKey);
  if (known !== undefined) return known;
  const state: OriginState = {
    origin: originKey,
    host,
    isLocal,
    status: 'unknown',
    failures: 0,
    retryCount: 0,
    waitUntilMs: 0,
    failure: null,
    unanswered: new Set(),
    wakes: new WakeBudget(),
  };
  actual.origins.set(originKey, state);
  return state;
}
