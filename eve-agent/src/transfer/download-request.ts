// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import type { OciDigest } from '@local-datastore/shared/oci/digest';
import type { Origin } from '../discovery/origin.ts';
import type { OpenFlow } from './flow.ts';
import type { Pace } from './pace.ts';
import type { LeastRate } from './rate-watch.ts';
import type { RetryLimits } from './retry-policy.ts';
import type { Target } from './target.ts';

/** A 401, by what was sent and what came. */
export interface Unauthorized {
  readonly refused: string | null;
  /** `WWW-Authenticate` (RFC 9110 §11.6.1). */
  readonly challenge: string | null;
  /** Who refused it. */
  readonly origin: Origin;
}

export type RenewAuthorization = (refusal: Unauthorized, signal: AbortSignal) => Promise<string | null>;

export interface DownloadRequest {
  readonly url: URL;
  /** Left whole and verified, or as it was. */
  readonly target: Target;
  /** Of the algorithm that the target computes. */
  readonly digest: OciDigest | null;
  readonly sizeBytes: number | null;
  /** The value of `Authorization`, sent to the URL's own origin alone. */
  readonly authorization: string | null;
  /**
   * Gets a credential in place of one that was refused, or that was not sent.
   *
   * @returns null: there is none, or none but the refused one
   */
  readonly renewAuthorization?: RenewAuthorization | undefined;
  /** PEM that replaces the system's roots. */
  readonly ca: string | null;
}

export type DownloadEvent =
  | { readonly kind: 'located'; readonly origin: Origin }
  | { readonly kind: 'redirected'; readonly url: URL }
  | { readonly kind: 'receiving'; readonly fromBytes: number; readonly totalBytes: number | null }
  | { readonly kind: 'starting-over'; readonly reason: string }
  | { readonly kind: 'retrying'; readonly delayMs: number; readonly error: Error }
  /** The body comes slower than the least rate; and no longer. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  | { readonly kind: 'fast-enough' }
  | { readonly kind: 'verifying' };

export interface DownloadResult {
  readonly sizeBytes: number;
  readonly digest: OciDigest;
  /** Who said what the digest should be; null: nobody did. */
  readonly verifiedAgainst: 'request' | 'datastore' | null;
  /** Bytes that an earlier run had stored. */
  readonly resumedFromBytes: number;
  /** Bytes of the body that came over the network in this run. */
  readonly receivedBytes: number;
  readonly attempts: number;
  readonly origin: Origin;
}

export interface DownloadDeps {
  /**
   * @param slowAddresses another one is to be preferred
   * @throws CodedError when the host cannot be found
   */
  locate(url: URL, signal: AbortSignal, slowAddresses?: ReadonlySet<string>): Promise<Origin>;
  readonly openFlow: OpenFlow;
  /** Waits; rejects with the signal's reason. */
  delay(delayMs: number, signal: AbortSignal): Promise<void>;
  now(): number;
  random(): number;
  /** A rate that this download keeps to, together with others; absent: none. */
  readonly pace?: Pace | undefined;
  /** Of the least rate. */
  readonly clock?: Clock | undefined;
}

export interface DownloadOptions {
  readonly retry: RetryLimits;
  readonly stallTimeoutMs: number;
  readonly userAgent: string;
  /** Below it the observer is told; absent: never. */
  readonly leastRate?: LeastRate | undefined;
  /** Through which a name that ordinary DNS resolves is reached; absent: without one. */
  readonly proxy?: URL | undefined;
  /** Whether datastores that are not local may redirect to loopback, link-local and metadata addresses. */
  readonly allowsInternalRedirects?: boolean;
  /** Whether a new connection is to be tried then, where what is here can be gone on from. */
  readonly reconnectsWhenSlow?: boolean;
}

export interface DownloadObserver {
  onEvent(event: DownloadEvent): void;
  /** Called for every piece that arrives; must be quick. */
  onProgress(receivedBytes: number): void;
}
