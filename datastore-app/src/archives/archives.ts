// SPDX-License-Identifier: Apache-2.0
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import { formatDigest, type OciDigest } from '@local-datastore/shared/oci/digest';
import { waitFor } from '@local-datastore/shared/system-clock';
import type { FileVersion } from '../content/file-version.ts';
import type { ArchiveView } from '../formats/container/archive-view.ts';
import { UnreadableContentError } from '../parsing/file-parser.ts';
import { repositoriesOf, repositoryOfPath } from './archive-naming.ts';
import type { ArchiveVerdict, VerdictFiles } from './verdict-files.ts';

/** A container archive of the root whose digest is known, and which is sound. */
export interface ContainerImage {
  /** Below the root. */
  readonly path: string;
  readonly version: FileVersion;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

/** An archive, or a part of one, as a repository. */
export interface ArchiveRepository {
  readonly image: ContainerImage;
  readonly view: ArchiveView;
  readonly tags: ReadonlyMap<string, OciDigest>;
  /** By their digests as text. */
  readonly manifests: ReadonlyMap<string, ArchiveView['manifests'][number]>;
  readonly blobs: ReadonlyMap<string, ArchiveView['blobs'][number]>;
}

/** Container archives of the root, as repositories that take no room. */
export interface Archives {
  /** By name, in order. */
  repositories(): ReadonlyMap<string, ArchiveRepository>;
  /** By the path of the archive: why it is no repository, as a sentence. */
  problems(): ReadonlyMap<string, string>;
  /** Reads archives that come, until the signal aborts. */
  follow(signal: AbortSignal): Promise<void>;
}

export interface ArchivesDeps {
  readonly log: Log;
  containers(): Iterable<ContainerImage>;
  /** Another one whenever `containers` may say something else. */
  revision(): number;
  /** As readArchive. */
  read(path: string, version: FileVersion): Promise<ArchiveVerdict | undefined>;
  readonly files: VerdictFiles;
  /** In ms, of a clock that only goes forward. */
  readonly now?: () => number;
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const LOOK_INTERVAL_MS = 1000;
/** After an archive could not be read. */
const RETRY_MS = 60_000;

const byDigest = <T extends { readonly digest: OciDigest }>(all: readonly T[]): ReadonlyMap<string, T> =>
  new Map(all.map((each) => [formatDigest(each.digest), each]));

interface Listing {
  readonly repositories: ReadonlyMap<string, ArchiveRepository>;
  readonly problems: ReadonlyMap<string, string>;
}

/** Names what archives hold. Of two whose names differ only in what repositories cannot say, the first has it. */
function listArchives(
  containers: Iterable<ContainerImage>,
  verdicts: ReadonlyMap<string, ArchiveVerdict>,
): Listing {
  const repositories = new Map<string, ArchiveRepository>();
  const problems = new Map<string, string>();
  for (const image of [...containers].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const verdict = verdicts.get(image.sha256);
    if (verdict === undefined) continue;
    if (verdict.kind === 'none') {
      problems.set(image.path, verdict.reason);
      continue;
    }
    const named = repositoryOfPath(image.path);
    if (named.kind === 'unnamed') {
      problems.set(image.path, named.reason);
      continue;
    }
    const { view } = verdict;
    const parts = repositoriesOf(named.repository, view.images);
    const taken = [...parts.keys()].find((name) => repositories.has(name));
    if (taken !== undefined) {
      const holder = repositories.get(taken)?.image.path;
      problems.set(
        image.path,
        `Its name as a repository, ${taken}, is that of /${holder}: rename one of them.`,
      );
      continue;
    }
    const [manifests, blobs] = [byDigest(view.manifests), byDigest(view.blobs)];
    for (const [name, tags] of parts) repositories.set(name, { image, view, tags, manifests, blobs });
  }
  const sorted = [...repositories].sort(([a], [b]) => (a < b ? -1 : 1));
  return { repositories: new Map(sorted), problems };
}

export function createArchives(deps: ArchivesDeps): Archives {
  const { log, files, now = () => performance.now(), wait = waitFor } = deps;
  const verdicts = new Map<string, ArchiveVerdict>();
  const retryAtMs = new Map<string, number>();
  let verdictCount = 0;
  let listed: (Listing & { readonly key: string }) | undefined;

  function listing(): Listing {
    const key = `${deps.revision()} ${verdictCount}`;
    if (listed?.key !== key) listed = { key, ...listArchives(deps.containers(), verdicts) };
    return listed;
  }

  /** undefined: another file is there meanwhile. */
  async function find({ path, version, sha256 }: ContainerImage): Promise<ArchiveVerdict | undefined> {
    const known = await files.load(sha256);
    if (known !== undefined) return known;
    try {
      const verdict = await deps.read(path, version);
      if (verdict !== undefined) await files.save(sha256, verdict);
      return verdict;
    } catch (error) {
      if (!(error instanceof UnreadableContentError)) throw error;
      // Not remembered over a restart: another version of the program may be able to read it.
      return { kind: 'none', reason: `It cannot be read: ${error.message}.` };
    }
  }

  async function judge(image: ContainerImage): Promise<void> {
    const { path, sha256 } = image;
    const verdict = await find(image);
    if (verdict === undefined) return;
    verdicts.set(sha256, verdict);
    verdictCount += 1;
    if (verdict.kind === 'none') log.info({ path, reason: verdict.reason }, 'an archive is no repository');
  }

  /** @returns when to look again, also where nothing changes meanwhile; Infinity: all has been done */
  async function look(signal: AbortSignal): Promise<number> {
    const containers = [...deps.containers()];
    const known = new Set(containers.map(({ sha256 }) => sha256));
    const isGone = [...verdicts.keys()].filter((sha256) => !known.has(sha256));
    for (const sha256 of isGone) verdicts.delete(sha256);
    for (const image of containers) {
      if (signal.aborted) break;
      if (verdicts.has(image.sha256) || now() < (retryAtMs.get(image.path) ?? 0)) continue;
      try {
        await judge(image);
        retryAtMs.delete(image.path);
      } catch (error) {
        retryAtMs.set(image.path, now() + RETRY_MS);
        log.error({ path: image.path, reason: errorMessage(error) }, 'an archive could not be read');
      }
    }
    // No archive at all: more likely the volume is away, and will come back with them.
    if (known.size > 0) await files.keepOnly(known);
    const unknown = containers.filter(({ sha256 }) => !verdicts.has(sha256));
    const waiting = new Set(unknown.map(({ path }) => path));
    for (const path of [...retryAtMs.keys()]) if (!waiting.has(path)) retryAtMs.delete(path);
    return [...retryAtMs.values()].reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  }

  return {
    repositories: () => listing().repositories,
    problems: () => listing().problems,
    async follow(signal) {
      let seen: number | undefined;
      let lookAtMs = Number.POSITIVE_INFINITY;
      while (!signal.aborted) {
        const revision = deps.revision();
        if (revision !== seen || now() >= lookAtMs) {
          seen = revision;
          lookAtMs = await look(signal).catch((error) => {
            log.error({ reason: errorMessage(error) }, 'the archives could not be looked at');
            return now() + RETRY_MS;
          });
        }
        await wait(LOOK_INTERVAL_MS, signal);
      }
    },
  };
}
