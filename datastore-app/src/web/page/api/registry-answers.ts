// SPDX-License-Identifier: Apache-2.0
/**
 * What the registry's part of the API answers, as far as the page reads it. Parts that are absent are not known to
 * this version of the datastore: the page leaves them out.
 */

export interface Repository {
  readonly name: string;
  readonly kind: 'pushed' | 'archive' | 'upstream';
  readonly tagCount?: number;
  readonly sizeBytes?: number;
  /** ISO 8601, as every time below; null: never. */
  readonly updated?: string | null;
  /** Of an archive among the images: its path. */
  readonly archive?: string;
  /** Of what is imported: where it comes from. */
  readonly upstream?: string;
}

export interface RepositoryPage {
  readonly repositories: readonly Repository[];
  readonly isMore: boolean;
}

export interface TagVersion {
  readonly number: number;
  readonly digest: string;
  readonly at: string;
}

export interface Tag {
  readonly tag: string;
  readonly digest: string;
  readonly mediaType: string;
  readonly kind: 'image' | 'index' | 'artifact';
  /** Of all its blobs. */
  readonly sizeBytes: number;
  /** `linux/amd64`; attestations are left out. */
  readonly platforms: readonly string[];
  readonly artifactType?: string | null;
  readonly pushed?: string | null;
  /** Who pushed it. */
  readonly by?: string | null;
  /** It cannot be moved to another image. */
  readonly isReleased?: boolean;
  readonly versions?: readonly TagVersion[];
  /** False: parts come from upstream when they are asked for. */
  readonly isComplete?: boolean;
}

/** A tag of which nothing is here yet: it is fetched when it is first asked for. */
export interface ExternalTag {
  readonly tag: string;
  readonly source: string;
  readonly at: string;
  readonly by: string | null;
}

export interface RepositoryDetails extends Repository {
  readonly tags: readonly Tag[];
  readonly external?: readonly ExternalTag[];
  /** Whether there are tags behind the last. */
  readonly isMore?: boolean;
  /** Manifests without a tag. */
  readonly manifests?: number;
}

export interface Upstream {
  readonly prefix: string;
  readonly url: string;
  readonly state: 'unasked' | 'reachable' | 'failing';
  readonly reason: string | null;
  readonly since: string | null;
}

export interface Import {
  readonly digest: string;
  readonly repository: string;
  readonly receivedBytes: number;
  readonly sizeBytes: number;
}

export interface Upstreams {
  readonly upstreams: readonly Upstream[];
  readonly imports: readonly Import[];
}

/** An image that somebody wants to come here. */
export interface ImportJob {
  readonly id: string;
  readonly source: string;
  readonly repository: string;
  /** null: several, or none. */
  readonly tag: string | null;
  readonly tags: readonly string[];
  readonly platforms: readonly string[];
  readonly state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
  readonly created: string;
  readonly ended: string | null;
  readonly failure: { readonly code: string; readonly message: string } | null;
  readonly imagesTotal: number;
  readonly imagesDone: number;
  readonly sizeBytes: number;
  readonly doneBytes: number;
  readonly fetchedBytes: number;
  readonly step: string | null;
  readonly notes: readonly string[];
  /** Those that are coming now. */
  readonly blobs: readonly { readonly digest: string }[];
}

/** What the datastore is asked to import. */
export interface ImportWish {
  readonly source: string;
  readonly as?: string;
  readonly platforms?: readonly string[];
  readonly insecure?: boolean;
}

/** What a collection takes, or would take. */
export interface Collected {
  readonly sentences: readonly string[];
  readonly manifests: readonly unknown[];
  readonly blobs: number;
  /** Why nothing is collected at all. */
  readonly paused: string | null;
}

/** A manifest, as the registry serves it. */
export interface Manifest {
  readonly artifactType?: string;
  readonly layers?: readonly {
    readonly mediaType: string;
    readonly digest: string;
    readonly size: number;
    readonly annotations?: Readonly<Record<string, string>>;
  }[];
}
