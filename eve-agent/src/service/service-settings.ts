// SPDX-License-Identifier: Apache-2.0
import type { ListenAddress } from '../api/listen.ts';
import type { TlsFiles } from '../api/server-tls.ts';
import type { LeastRate } from '../transfer/rate-watch.ts';
import type { AppsSettings } from './run-apps.ts';
import type { DeploymentsSettings } from './run-deployments.ts';

/**
 * Whether a process without rights speaks to the network: never; where this host lets one run; or always, so that the
 * service does not go on without.
 */
export type SeparationWish = 'off' | 'preferred' | 'required';

/** What a service is told to do, whoever tells it. */
export interface ServiceSettings {
  /** A file or a folder; null: what is put through the API. */
  readonly configPath: string | null;
  readonly statePath: string;
  /** Undefined: below the state. */
  readonly imagesPath: string | undefined;
  readonly api: {
    /** Undefined: the Unix socket in the state directory. */
    readonly places: readonly ListenAddress[] | undefined;
    readonly tls: TlsFiles;
    /** Whether a web page is shown, here and where the deployments are offered. */
    readonly hasPage: boolean;
  };
  /** null: none. */
  readonly deployments: DeploymentsSettings | null;
  /** null: the apps of the configuration are not launched. */
  readonly apps: AppsSettings | null;
  readonly discovery: {
    /** Names; none: all that there are. */
    readonly bridges: readonly string[];
    readonly timeoutMs: number;
  };
  readonly transfer: {
    readonly bytesPerSecond: number | undefined;
    readonly stallTimeoutMs: number;
    readonly leastRate: LeastRate;
    readonly proxy: URL | undefined;
    readonly allowsInternalRedirects: boolean;
  };
  readonly separation: SeparationWish;
  /** Interfaces that get their addresses by DHCP. */
  readonly dhcp: readonly string[];
  /** Time servers that the clock is kept right by; none: it is left alone. */
  readonly ntp: readonly string[];
  readonly allowPlainCredentials: boolean;
  readonly maxDownloads: number;
  readonly maxDownloadsPerDatastore: number;
  /** Kept free on the volume of the images. */
  readonly reserveBytes: number;
  /** How long what nobody wants is kept. */
  readonly graceMs: number;
  readonly retryMs: number;
  /** After failures that only a person or a change of the datastore ends. */
  readonly slowRetryMs: number;
  /** 0: verified files are not read again. */
  readonly scrubMs: number;
}
