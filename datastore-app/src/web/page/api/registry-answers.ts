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

export interface RepositoryDetails extends Repository {
  readonly tags: readonly Tag[];
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
