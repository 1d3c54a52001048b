// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import type { Log } from '@local-datastore/shared/log';
import type { OciAlgorithm } from '@local-datastore/shared/oci/digest';
import type { ContentStore } from '../content/content-store.ts';
import type { HashedFile } from '../content/hash-file.ts';
import type { ImageFolder } from '../content/image-folders.ts';
import type { RegistryImage } from '../registry/image-reference.ts';
import type { DownloadObserver, DownloadRequest, DownloadResult } from '../transfer/download-request.ts';
import type { Actual, ContentActual } from './actual.ts';
import type { ImageResolution } from './image-resolution.ts';
import type { OutcomeFacts } from './outcome.ts';
import type { PlanLimits } from './plan.ts';
import type { RegistryContent } from './registry-place.ts';
import type { RetrySchedule } from './retry-schedule.ts';
import type { Tally } from './tally.ts';
import { type ContentEvent, nextState } from './transitions.ts';

/** A download as the service asks for it: its target is the place of its digest in the store. */
export interface ContentRequest extends Omit<DownloadRequest, 'target' | 'digest'> {
  /** What the content is named by: 64 digits; of a blob that its image names by sha512, the 128 of that. */
  readonly sha256: string;
  readonly authorization: string | null;
  readonly ca: string | null;
  /** Null: a file of a datastore. */
  readonly registry: RegistryContent | null;
  /** Addresses that served wrong bytes: another one is preferred. */
  readonly avoidedAddresses: ReadonlySet<string>;
}

/** Which image is asked for, and how. */
export interface ResolveRequest extends Pick<ContentRequest, 'authorization' | 'ca' | 'avoidedAddresses'> {
  readonly image: RegistryImage;
}

/** The world that steps act upon. */
export interface StepDeps {
  readonly store: ContentStore;
  /** One attempt: it fails at the first failure, and keeps what has arrived. */
  download(request: ContentRequest, observer: DownloadObserver, signal: AbortSignal): Promise<DownloadResult>;
  /** Asks a registry, once, which manifest and which blobs a name stands for on this host. */
  resolve(request: ResolveRequest, signal: AbortSignal): Promise<ImageResolution>;
  /**
   * @returns the address of a datastore on `.local`; null: the URL names none
   * @throws CodedError when it does not answer by multicast DNS
   */
  probe(url: URL, signal: AbortSignal): Promise<string | null>;
  /** @param algorithm absent: sha256 */
  hashFile(path: string, signal: AbortSignal, algorithm?: OciAlgorithm): Promise<HashedFile>;
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  wallMs(): number;
  random(): number;
  readonly tally: Pick<Tally, 'noteVerified' | 'noteFailure'>;
  /** Ties the lines of one download together. */
  createId(): string;
  readonly log: Log;
}

export interface StepOptions {
  readonly limits: PlanLimits;
  readonly schedule: RetrySchedule;
}

/** What the steps share while the service runs. */
export interface Runtime {
  readonly actual: Actual;
  readonly deps: StepDeps;
  readonly options: StepOptions;
  /** The trees that have some content, for the log. */
  treesOf(sha256: string): readonly string[];
  /** It is known which image a name stands for. */
  imageResolved(key: string, resolution: ImageResolution): void;
  /** The image that a name is to lead to; undefined: none. */
  wantedImage(name: string): ImageFolder | undefined;
  /** The status of the trees with this content may have changed. */
  touchContent(sha256: string): void;
  /** The same for all content that may come from there, where something else is to be said of it than before. */
  touchOrigin(origin: string): void;
  /** The names that were given are others. */
  namesChanged(): void;
  /** Compare again what should be with what is. */
  replan(): void;
}

/** Takes content through the table of transitions. */
export function advance(runtime: Runtime, content: ContentActual, event: ContentEvent): void {
  content.state = nextState(content.state, event);
  runtime.touchContent(content.sha256);
}

export function outcomeFacts({ deps, options }: Runtime): OutcomeFacts {
  return {
    schedule: options.schedule,
    maxMismatches: options.limits.maxMismatches,
    nowMs: deps.clock.nowMs(),
    wallMs: deps.wallMs(),
    random: deps.random(),
  };
}
