// SPDX-License-Identifier: Apache-2.0
import type { AdvertisedService } from '../advertise/service-instances.ts';
import type { TlsStatus } from '../tls/certificate-source.ts';
import type { TlsChoice } from '../tls/decide-tls.ts';

/** Something that is wrong, or that a person should know. An error keeps `serve` from starting as it should. */
export interface Problem {
  readonly severity: 'error' | 'warning' | 'info';
  /** What is wrong and what to do. */
  readonly message: string;
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
}

export interface CheckedInterface {
  readonly name: string;
  /** The one it is called by. */
  readonly address: string;
  /** All that are advertised there. */
  readonly addresses: readonly string[];
  readonly services: readonly (Pick<AdvertisedService, 'type' | 'port'> & {
    readonly instanceName: string;
    readonly subtypes: readonly string[];
    readonly txt: readonly string[];
  })[];
}

export interface CheckedListener {
  readonly scheme: 'http' | 'https';
  /** null: every address. */
  readonly address: string | null;
  readonly port: number;
  /** Why the port cannot be had; null when it can. */
  readonly trouble: string | null;
}

export interface CheckedImages {
  readonly root: string;
  readonly count: number;
  readonly sizeBytes: number;
}

/** What `serve` would do. A part is null when it could not be looked at; `problems` says why. */
export interface CheckReport {
  /** No problem is an error. */
  readonly isFine: boolean;
  /** With `.local`; null when nothing would be advertised. */
  readonly hostName: string | null;
  readonly interfaces: readonly CheckedInterface[];
  readonly images: CheckedImages | null;
  readonly state: string | null;
  readonly listeners: readonly CheckedListener[];
  /** Where the certificate of HTTPS comes from. */
  readonly tls: TlsChoice['kind'];
  /** A given one; null where there is none, or it cannot be read. */
  readonly certificate: TlsStatus | null;
  /** The file with the write token; null when it is given as such. */
  readonly writeTokenFile: string | null;
  readonly problems: readonly Problem[];
}
