// SPDX-License-Identifier: Apache-2.0
/** What the API answers, as far as the page reads it. */

export interface Image {
  /** Below the root; its URL path without the first slash. */
  readonly path: string;
  /** Of a symbolic link: where it leads. */
  readonly linkTo?: string;
  /** Where another path looks the same. */
  readonly nameForm?: 'composed' | 'decomposed' | 'mixed';
  /** Where another path differs in upper and lower case alone: that one. */
  readonly caseTwin?: string;
  readonly sizeBytes: number;
  readonly sha256: string | null;
  /** `upstream`: it is not here yet, and comes when it is asked for. */
  readonly state: 'hashing' | 'ready' | 'corrupt' | 'upstream';
  /** From where one comes that is not here yet. */
  readonly upstream?: {
    readonly name: string;
    /** null: it is not on its way. */
    readonly receivedBytes: number | null;
    /** Why it could not be had lately. */
    readonly reason: string | null;
  };
  /** Not hashed yet, as it may not be complete. */
  readonly isGrowing: boolean;
  /** It is not replaced, renamed or removed. */
  readonly isReleased?: boolean;
  /** Of a disk that was pushed to the registry. */
  readonly artifact?: { readonly repository: string; readonly tag: string };
  readonly hashedBytes: number;
  readonly format: string;
  /** The format, or what it is instead, such as vdi. */
  readonly content?: string;
  readonly virtualSizeBytes: number | null;
  /** What keeps EVE from using it as it is. */
  readonly warnings?: readonly { readonly code: string; readonly message: string }[];
  /** ISO 8601, as every time below. */
  readonly modified: string;
}

export interface Advertising {
  readonly isReady: boolean;
  readonly reasons: readonly string[];
  readonly interfaces: readonly {
    readonly name: string;
    readonly address: string;
    /** All, `address` being the first. */
    readonly addresses?: readonly string[];
    readonly services: readonly string[];
    readonly state: string;
  }[];
}

export interface Query {
  readonly at: string;
  /** How often. */
  readonly count: number;
  /** The address of who asked. */
  readonly source: string;
  readonly interface: string;
  readonly question: string;
}

export interface Download {
  readonly id: number | string;
  readonly path: string;
  readonly client: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly sentBytes: number;
  readonly totalBytes: number;
  readonly state: 'running' | 'done' | 'probe' | 'broken';
}

export interface Disk {
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly imageBytes: number;
  readonly quotaBytes: number | null;
  readonly reserveBytes: number;
}

export interface Tls {
  readonly kind: 'authority' | 'given';
  readonly subject: string;
  readonly notAfter: string;
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  readonly fingerprint256: string;
}

/** Parts that are absent are not known to this version of the datastore: the page leaves them out. */
export interface Status {
  readonly version: string;
  readonly startedAt?: string;
  /** With `.local`; null: advertising is off. */
  readonly hostName: string | null;
  /** By what clients are told to reach it; null: as the page was asked. */
  readonly publicUrl?: string | null;
  readonly isReady?: boolean;
  readonly reasons?: readonly string[];
  /** What a person should know though devices are served. */
  readonly warnings?: readonly string[];
  readonly listeners?: { readonly http: number; readonly https: number | null };
  readonly advertising: Advertising | null;
  readonly queries?: readonly Query[];
  readonly downloads?: readonly Download[];
  readonly disk?: Disk;
  readonly tls?: Tls | null;
  readonly access?: { readonly isReadOpen: boolean };
}
