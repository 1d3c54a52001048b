// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { formatDigest, type OciDigest, parseOciDigest } from '@local-datastore/shared/oci/digest';
import { parseManifest } from '@local-datastore/shared/oci/manifest';
import {
  formatManifestReference,
  isRepositoryName,
  isTag,
  TAG_RULES,
  whyNoRepositoryName,
} from '@local-datastore/shared/oci/reference';
import { countText } from '@local-datastore/shared/text/quantities';
import type { Importer } from '../archive-imports/importer.ts';
import { openExport, planExport } from '../archives/export-image.ts';
import { requireNothingReleased } from '../blobs/change-record.ts';
import type { RegistryStore } from '../blobs/registry-store.ts';
import type { RepositoryRecord } from '../blobs/repository-record.ts';
import { reachOf, sizeOf } from '../container-images/describe-repository.ts';
import type { DiskArtifacts } from '../container-images/disk-artifacts.ts';
import type { PlatformsOf } from '../container-images/image-platforms.ts';
import type { FindRepository, KnownRepository } from '../container-images/known-repositories.ts';
import { exportFileName } from '../container-images/local-reference.ts';
import {
  type RepositoryValidationDeps,
  validateRepository,
} from '../container-images/validate-repository.ts';
import { lowerCased, type OciName } from './image-name.ts';
import type { ChangeWish, Created, Exported, ImageOperations, NewContent } from './image-operations.ts';
import { asResult, failure, type OperationFailure } from './operation-result.ts';
import { planPurge, planRemoval, planUntagging, tagsTo } from './removal-sentences.ts';

export interface RegistryOperationsDeps extends Pick<RepositoryValidationDeps, 'noteDamaged'> {
  readonly find: FindRepository;
  readonly platformsOf: PlatformsOf;
  /** What is here. */
  readonly stored: RegistryStore;
  /** With what upstreams have: refuses where nothing can be changed. */
  readonly shown: RegistryStore;
  readonly artifacts: DiskArtifacts;
  readonly importer: Pick<Importer, 'importArchive'>;
}

/** An image of a repository that is there. */
interface Found extends KnownRepository {
  readonly text: string;
  readonly digest: OciDigest;
}

const noRepository = (name: string) => failure('IMAGE_MISSING', `There is no repository ${name}.`);
const isFailure = (found: object): found is OperationFailure => 'ok' in found;

/** Operations on repositories, and on images in them. */
export function createRegistryOperations(deps: RegistryOperationsDeps): Partial<ImageOperations<OciName>> {
  const { find, stored, shown, artifacts } = deps;

  function findImage({ repository, reference }: OciName): Found | OperationFailure {
    const known = find(repository);
    if (known === undefined) return noRepository(repository);
    const text =
      reference === undefined
        ? undefined
        : 'tag' in reference
          ? known.record.tags.get(reference.tag)?.digest
          : formatDigest(reference.digest);
    const digest = text === undefined ? undefined : parseOciDigest(text);
    if (text !== undefined && digest !== undefined && known.record.manifests.has(text))
      return { ...known, text, digest };
    const what = reference === undefined ? 'a tag or a digest' : formatManifestReference(reference);
    return failure(
      'IMAGE_UNKNOWN',
      reference === undefined
        ? `Say which image of ${repository} is meant: ${repository}:TAG.`
        : `There is no ${what} in the repository ${repository}.`,
    );
  }

  async function describeImage(found: Found, tag: string | undefined) {
    const { record, origin, text, digest } = found;
    const manifest = record.manifests.get(text);
    const disk = tag === undefined ? undefined : await artifacts.find(record.name, tag);
    const referrers = await stored.listReferrers(record.name, digest);
    return {
      ...({
        format: 'oci',
        sizeBytes: sizeOf(reachOf(record, [text])),
        digest: text,
        origin: origin.kind,
      } as const),
      isReleased: tag !== undefined && record.tags.get(tag)?.isReleased === true,
      virtualSizeBytes: disk?.description.virtualSizeBytes ?? null,
      content: disk?.description.content ?? manifest?.artifactType ?? manifest?.mediaType ?? 'image',
      ...{ problems: disk?.description.problems ?? [], members: [] },
      tags: tagsTo(record, text),
      platforms: await deps.platformsOf(record.name, digest),
      referrers: referrers.map((each) => ({
        digest: formatDigest(each.digest),
        artifactType: each.artifactType ?? null,
      })),
    };
  }

  /** What is to be read of a name: an image, or the whole repository. */
  function partOf(name: OciName): Pick<RepositoryRecord, 'name' | 'manifests'> | OperationFailure {
    if (name.reference === undefined) return find(name.repository)?.record ?? noRepository(name.repository);
    const found = findImage(name);
    if (isFailure(found)) return found;
    return { name: name.repository, manifests: reachOf(found.record, [found.text]).manifests };
  }

  async function validate(name: OciName, signal: AbortSignal) {
    const part = partOf(name);
    return isFailure(part) ? part : validateRepository(deps, part, signal);
  }

  async function renameTag(name: OciName, tag: string, given: string, { dryRun = false }: ChangeWish) {
    const { repository } = name;
    const prefix = `${repository}:`;
    const to = given.startsWith(prefix) ? given.slice(prefix.length) : given;
    if (!isTag(to)) {
      return failure(
        'NAME_INVALID',
        `"${to}": ${TAG_RULES} To another repository only a whole repository is renamed.`,
      );
    }
    const found = findImage(name);
    if (isFailure(found)) return found;
    if (found.record.tags.has(to))
      return failure('NAME_TAKEN', `The repository ${repository} has a tag ${to} already.`);
    if (found.record.tags.get(tag)?.isReleased === true) {
      return failure('TAG_RELEASED', `The tag ${tag} of ${repository} was released, and stays as it is.`);
    }
    const sentences = [`${repository}:${tag}: renamed to ${repository}:${to}, with what it led to before.`];
    if (dryRun) return { isDone: false, sentences };
    if (await shown.renameTag(repository, tag, to)) return { isDone: true, sentences };
    return failure('IMAGE_UNKNOWN', `There is no ${tag} in the repository ${repository}.`);
  }

  async function renameRepository(repository: string, given: string, { dryRun = false }: ChangeWish) {
    const { text: to, notice } = lowerCased(given.replace(/^oci:/, ''));
    if (!isRepositoryName(to)) return failure('NAME_INVALID', `"${to}": ${whyNoRepositoryName(to)}`);
    const known = find(repository);
    if (known === undefined) return noRepository(repository);
    const target = find(to);
    if (target !== undefined && target.record.manifests.size > 0) {
      return failure('NAME_TAKEN', `There is a repository ${to} already.`);
    }
    requireNothingReleased(known.record);
    const sentences = [
      ...(notice === undefined ? [] : [notice]),
      `${repository}, ${countText(known.record.tags.size, 'tag')}: renamed to ${to}. Nothing answers at the old name.`,
    ];
    if (dryRun) return { isDone: false, sentences };
    return (await shown.renameRepository(repository, to))
      ? { isDone: true, sentences }
      : noRepository(repository);
  }

  /** The one image of an archive becomes the tag that is asked for, or the next version. */
  async function importArchive(
    { repository, reference }: OciName,
    content: NewContent,
  ): Promise<Created | OperationFailure> {
    if (content.kind !== 'archive')
      return failure('UPLOAD_INVALID', 'An archive with one image is expected.');
    if (reference !== undefined && !('tag' in reference)) {
      return failure('NAME_INVALID', 'A digest is not chosen: name a tag, or the repository alone.');
    }
    const tag = reference?.tag;
    const name = { repository, tag, isNextVersion: tag === undefined };
    const wish = { name, platforms: content.platforms };
    const report = await deps.importer.importArchive(content.content, wish, content.caller);
    const [image] = report.images;
    const [failed] = report.failed;
    if (image === undefined) {
      return failed === undefined
        ? failure('IMAGE_INVALID', 'The archive is a part of a set, and holds no image by itself.')
        : failure(failed.code, failed.message);
    }
    const notices = [...report.notices, ...report.failed.map((each) => `${each.name}: ${each.message}`)];
    return { image: `oci:${repository}:${image.tag}`, digest: image.digest, version: image.tag, notices };
  }

  return {
    describe: (name) =>
      asResult(async () => {
        if (name.reference !== undefined) {
          const found = findImage(name);
          return isFailure(found)
            ? found
            : describeImage(found, 'tag' in name.reference ? name.reference.tag : undefined);
        }
        const known = find(name.repository);
        if (known === undefined) return noRepository(name.repository);
        const { record, origin } = known;
        return {
          ...({
            format: 'oci',
            content: 'repository',
            digest: null,
            origin: origin.kind,
            members: [],
            problems: [],
          } as const),
          sizeBytes: sizeOf(reachOf(record, record.manifests.keys())),
          isReleased: [...record.tags.values()].some((tag) => tag.isReleased === true),
          virtualSizeBytes: null,
          tags: [...record.tags.keys()].sort(),
          ...{ platforms: [], referrers: [] },
        };
      }),

    validate: (name, signal) =>
      asResult(async () => {
        const validated = await validate(name, signal);
        if (isFailure(validated)) return validated;
        const { checkedBytes, problems } = validated;
        const defects = problems.map(({ digest, problem }) => ({
          code: problem.toUpperCase(),
          message: `${digest} is ${problem}.`,
        }));
        return { format: 'oci', checks: ['digests', 'sizes'], checkedBytes, defects } as const;
      }),

    updateHash: (name, signal) =>
      asResult(async () => {
        const found = findImage(name);
        if (isFailure(found)) return found;
        const manifest = await stored.readManifest(name.repository, { digest: found.digest });
        const validated = await validate(name, signal);
        if (isFailure(validated)) return validated;
        const layers = manifest === undefined ? [] : parseManifest(manifest.bytes, manifest.mediaType).layers;
        return {
          ...{ digest: found.text, before: found.text, isDifferent: validated.problems.length > 0 },
          sizeBytes: sizeOf(reachOf(found.record, [found.text])),
          topLayerBytes: layers.at(-1)?.sizeBytes ?? null,
        };
      }),

    create: ({ repository }, content) =>
      asResult(async () => {
        if (content.kind !== 'manifest')
          return failure('UPLOAD_INVALID', 'The digest of a manifest that was pushed is expected.');
        const version = await shown.tagNextVersion(repository, content.digest, content.by);
        if (version === undefined) {
          return failure(
            'IMAGE_UNKNOWN',
            `There is no ${formatDigest(content.digest)} in the repository ${repository}.`,
          );
        }
        return { image: `oci:${repository}:${version}`, digest: formatDigest(content.digest), version };
      }),

    import: (name, content) => asResult<Created>(() => importArchive(name, content)),

    export: (name, { form = 'oci-archive', platform, name: called }) =>
      asResult<Exported>(async () => {
        const { repository, reference = { tag: 'latest' } } = name;
        const planned = await planExport(shown, { repository, reference, form, platform, name: called });
        const source = await openExport(shown, repository, planned);
        const hash = createHash('sha256');
        for (const part of planned.parts)
          hash.update(part.kind === 'bytes' ? part.bytes : formatDigest(part.digest));
        const fileName = exportFileName({ repository, reference }, platform);
        return { source, fileName, contentType: 'application/x-tar', entityTag: `"${hash.digest('hex')}"` };
      }),

    extract: ({ repository, reference = { tag: 'latest' } }) =>
      asResult<Exported>(async () => {
        const disk = 'tag' in reference ? await artifacts.find(repository, reference.tag) : undefined;
        const blob = disk && (await stored.openBlob(repository, disk.digest));
        if (disk === undefined || blob === undefined || !('tag' in reference)) {
          return failure('DISK_UNKNOWN', 'It is no artifact of one layer that is a disk.');
        }
        const fileName = `${repository.replaceAll('/', '-')}-${reference.tag}.${disk.description.format}`;
        const entityTag = `"${formatDigest(disk.digest)}"`;
        return { source: blob.source, fileName, contentType: 'application/octet-stream', entityTag };
      }),

    release: ({ repository, reference }, isReleased) =>
      asResult(async () => {
        if (reference === undefined || !('tag' in reference)) {
          return failure('NAME_INVALID', 'A tag is released: say which, such as oci:lab/app:1.2.');
        }
        if (!(await stored.releaseTag(repository, reference.tag, isReleased))) {
          return failure('IMAGE_UNKNOWN', `There is no ${reference.tag} in the repository ${repository}.`);
        }
        const what = isReleased ? 'is released: it is not moved, renamed or removed' : 'can be changed again';
        return { isDone: true, sentences: [`${repository}:${reference.tag} ${what}.`] };
      }),

    remove: (name, { dryRun = false, force = false, tagOnly = false }) =>
      asResult(async () => {
        const found = findImage(name);
        if (isFailure(found)) return found;
        const tag = name.reference !== undefined && 'tag' in name.reference ? name.reference.tag : undefined;
        if (tagOnly && tag === undefined) {
          return failure('NAME_INVALID', 'A tag is meant: say which, such as oci:lab/app:1.2.');
        }
        const untagged = tagOnly ? tag : undefined;
        const plan = untagged === undefined ? planRemoval(found, tag, force) : planUntagging(found, untagged);
        if (dryRun) return { isDone: false, ...plan };
        const isDone =
          untagged === undefined
            ? await stored.deleteManifest(name.repository, found.digest, { isForced: force })
            : await stored.deleteTag(name.repository, untagged);
        return isDone ? { isDone, ...plan } : noRepository(name.repository);
      }),

    purge: ({ repository }, { dryRun = false }) =>
      asResult(async () => {
        const known = find(repository);
        if (known === undefined) return noRepository(repository);
        const plan = planPurge(known.record);
        if (dryRun) return { isDone: false, ...plan };
        return (await stored.purgeRepository(repository))
          ? { isDone: true, ...plan }
          : noRepository(repository);
      }),

    rename: (name, to, wish) =>
      asResult(async () => {
        const { repository, reference } = name;
        if (reference === undefined) return renameRepository(repository, to, wish);
        if ('tag' in reference) return renameTag(name, reference.tag, to, wish);
        return failure('NAME_INVALID', 'A digest is its own name: rename a tag, or the repository.');
      }),
  };
}
