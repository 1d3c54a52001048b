// SPDX-License-Identifier: Apache-2.0
import { basename } from 'node:path';
import { sizeText } from '@local-datastore/shared/text/quantities';
import type { Archives } from '../archives/archives.ts';
import { byteSourceOf, createSourceReadAt, wholeFile } from '../content/byte-source.ts';
import type { Hasher } from '../content/hasher.ts';
import { type Defect, damaged, type FileFormat } from '../formats/file-format.ts';
import { fileFormatOf } from '../formats/file-formats.ts';
import type { Catalogue } from '../images/catalogue.ts';
import type { ImageStore } from '../images/image-store.ts';
import type { OpenImage } from '../images/open-image.ts';
import type { FileParser, ParsedFile } from '../parsing/file-parser.ts';
import type { FileName } from './image-name.ts';
import type { ChangeWish, Exported, ImageOperations, NewContent } from './image-operations.ts';
import {
  asResult,
  failure,
  ImageChangedError,
  ImageUnreadableError,
  type OperationFailure,
} from './operation-result.ts';

/** What a program that knows a format finds; undefined: there is no such program here. */
export type CheckByProgram = (
  file: string,
  qemuName: string,
  signal: AbortSignal,
) => Promise<readonly Defect[] | undefined>;

export interface FileOperationsDeps {
  readonly catalogue: Pick<Catalogue, 'find' | 'list' | 'noteVerified' | 'totalBytes'>;
  readonly store: Pick<
    ImageStore,
    'stage' | 'publish' | 'discard' | 'requirePlaceable' | 'remove' | 'rename' | 'release' | 'released'
  >;
  /** From createImageOpener. */
  readonly openImage: (path: string) => OpenImage | undefined;
  readonly hash: Hasher['hash'];
  readonly archives: Pick<Archives, 'repositories'>;
  readonly checkByQemu: CheckByProgram;
  readonly parser: FileParser;
}

const missing = (path: string): OperationFailure =>
  failure('IMAGE_MISSING', `There is no image at "${path}".`);

const parsedFile = (image: OpenImage): ParsedFile => ({
  sizeBytes: image.version.sizeBytes,
  readAt: createSourceReadAt(wholeFile(image)),
});

/** Operations on images that are files of the root. */
export function createFileOperations(
  { catalogue, store, openImage, hash, archives, checkByQemu, parser }: FileOperationsDeps,
  format: FileFormat,
): Partial<ImageOperations<FileName>> {
  /** Opens an image, and closes it unless whoever has it keeps it. */
  async function withImage<Found>(
    path: string,
    work: (image: OpenImage, keep: () => void) => Promise<Found | OperationFailure>,
  ): Promise<Found | OperationFailure> {
    const image = openImage(path);
    if (image === undefined) return missing(path);
    const source = wholeFile(image);
    let isKept = false;
    try {
      return await work(image, () => {
        isKept = true;
      });
    } finally {
      if (!isKept) source.close();
    }
  }

  async function hexOf(
    { place, version }: OpenImage,
    options: Parameters<Hasher['hash']>[2],
    signal: AbortSignal,
  ): Promise<string> {
    signal.throwIfAborted();
    const outcome = await hash(place, version, options);
    signal.throwIfAborted();
    if (outcome.kind === 'hashed') return outcome.hex;
    if (outcome.kind === 'changed') throw new ImageChangedError();
    throw new ImageUnreadableError(`The image cannot be read: ${outcome.reason}.`);
  }

  /** Reads it whole; what is known of it is told. */
  async function hashWhole(path: string, image: OpenImage, signal: AbortSignal) {
    const before = catalogue.find(path)?.sha256 ?? null;
    const sha256 = await hexOf(image, {}, signal);
    const isDifferent = before !== null && before !== sha256;
    if (before !== null) {
      const verified = new Date().toISOString();
      const { path: place, version } = image;
      await catalogue.noteVerified([{ path: place, version, verified, isCorrupt: isDifferent }]);
    }
    return { sha256, before, isDifferent };
  }

  const entityTagOf = (path: string, part: string) => {
    const sha256 = catalogue.find(path)?.sha256;
    return sha256 == null ? undefined : `"sha256:${sha256}${part}"`;
  };

  async function publish(path: string, wanted: NewContent, isDigestNeeded: boolean) {
    if (wanted.kind !== 'bytes') return failure('UPLOAD_INVALID', 'The content of a file is expected.');
    const { content, sizeBytes, digests = [], replace } = wanted;
    if (isDigestNeeded && digests.length === 0) {
      return failure('UPLOAD_INVALID', 'Of what is imported a digest has to be known.');
    }
    await store.requirePlaceable(path, { replace });
    const staged = await store.stage(content, { sizeBytes, digests, path });
    try {
      const { sha256 } = await store.publish(staged, path, { replace });
      return { image: path, digest: sha256, version: null };
    } catch (error) {
      await store.discard(staged);
      throw error;
    }
  }

  /** What goes along with a file, or no longer leads to it. */
  function consequences(path: string): string[] {
    const links = catalogue.list().filter(({ linkTo }) => linkTo === path);
    const repositories = [...archives.repositories()].filter(([, { image }]) => image.path === path);
    return [
      ...links.map((link) => `The link ${link.path} leads nowhere then.`),
      ...repositories.map(([name]) => `The repository ${name}, which it is, goes with it.`),
    ];
  }

  const sizeOf = (path: string) => sizeText(catalogue.find(path)?.sizeBytes ?? 0);

  /** What of the room of a file comes free with its name. */
  function freedText(path: string, freedBytes: number): string {
    const linkTo = catalogue.find(path)?.linkTo;
    if (linkTo !== undefined)
      return `It is a link: ${linkTo}, to which it leads, stays, and no room comes free.`;
    return freedBytes > 0
      ? `${sizeText(freedBytes)} come free.`
      : 'No room comes free: the same file has another name.';
  }

  /** Says what would be done; or does it, and says what was. */
  async function change(
    { dryRun = false }: ChangeWish,
    path: string,
    sentences: readonly string[],
    act: () => Promise<boolean>,
  ) {
    if (dryRun) return { isDone: false, sentences };
    return (await act()) ? { isDone: true, sentences } : missing(path);
  }

  function requireFree(path: string): OperationFailure | undefined {
    const place = catalogue.find(path)?.linkTo === undefined ? path : undefined;
    if (place === undefined || store.released.find(place) === undefined) return undefined;
    return failure('IMAGE_RELEASED', `"${path}" was released, and stays as it is: let it go first.`);
  }

  return {
    describe: ({ path }) =>
      asResult(() =>
        withImage(path, async (image) => {
          const { sizeBytes } = image.version;
          const { format: own, description, members } = await parser.parse('list', parsedFile(image));
          return {
            ...{ format: own, sizeBytes, content: description.content },
            digest: catalogue.find(path)?.sha256 ?? null,
            isReleased: store.released.find(image.path) !== undefined,
            virtualSizeBytes: description.virtualSizeBytes,
            problems: description.problems,
            members,
            ...{ tags: [], platforms: [], referrers: [], origin: null },
          };
        }),
      ),

    validate: ({ path }, signal) =>
      asResult(() =>
        withImage(path, async (image) => {
          const { sizeBytes } = image.version;
          const parsed: ParsedFile = {
            ...parsedFile(image),
            hashOf: (extent, algorithm) => hexOf(image, { extent, algorithm }, signal),
          };
          const { format: own, description, defects: found } = await parser.parse('validate', parsed, signal);
          const { qemuName } = fileFormatOf(own);
          const defects: Defect[] = [...description.problems];
          // What a description tells of is not told twice.
          defects.push(...found.filter(({ message }) => !defects.some((each) => each.message === message)));
          const { sha256, before, isDifferent } = await hashWhole(path, image, signal);
          if (isDifferent) {
            defects.push(
              damaged(
                `Its sha256 is ${sha256}, and was ${before}: it is served no more. Put it there again.`,
              ),
            );
          }
          const checks = ['content', 'sha256'];
          // A program is shown nothing that is known to be wrong, or to lead to other files.
          if (qemuName !== undefined && defects.length === 0) {
            const byQemu = await checkByQemu(image.place, qemuName, signal);
            if (byQemu !== undefined) checks.push('qemu-img');
            defects.push(...(byQemu ?? []));
          }
          return { format: own, checks, checkedBytes: sizeBytes, defects };
        }),
      ),

    updateHash: ({ path }, signal) =>
      asResult(() =>
        withImage(path, async (image) => {
          const { sha256, before, isDifferent } = await hashWhole(path, image, signal);
          const { sizeBytes } = image.version;
          return { digest: sha256, before, isDifferent, sizeBytes, topLayerBytes: null };
        }),
      ),

    create: ({ path }, content) => asResult(() => publish(path, content, false)),
    import: ({ path }, content) => asResult(() => publish(path, content, true)),

    export: ({ path }) =>
      asResult<Exported>(() =>
        withImage(path, async (image, keep) => {
          const entityTag = entityTagOf(path, '');
          if (entityTag === undefined)
            return failure('NOT_HASHED', 'The image is not hashed yet: try again later.');
          keep();
          return {
            ...{ source: wholeFile(image), fileName: basename(path), entityTag },
            contentType: 'application/octet-stream',
          };
        }),
      ),

    ...(format.disks !== undefined && {
      extract: ({ path }, wanted) =>
        asResult<Exported>(() =>
          withImage(path, async (image, keep) => {
            const { disks } = await parser.parse('disks', parsedFile(image));
            const [disk, ...others] =
              wanted === undefined ? disks : disks.filter(({ name }) => name === wanted);
            if (disk === undefined || others.length > 0) {
              const names = disks.map(({ name }) => name).join(', ');
              return failure(
                'DISK_UNKNOWN',
                disks.length === 0 ? 'There is no disk in it.' : `Name one of its disks: ${names}.`,
              );
            }
            const { offset, sizeBytes: length, name } = disk;
            if (offset + length > image.version.sizeBytes)
              return failure('INCOMPLETE', `"${name}" in it is not whole.`);
            const entityTag = entityTagOf(path, `-${offset}-${length}`);
            if (entityTag === undefined)
              return failure('NOT_HASHED', 'The image is not hashed yet: try again later.');
            keep();
            return {
              source: byteSourceOf([{ kind: 'file', file: image, offset, length }]),
              ...{ fileName: basename(name), entityTag, contentType: 'application/octet-stream' },
            };
          }),
        ),
    }),

    release: ({ path }, isReleased) =>
      asResult(async () => {
        const image = catalogue.find(path);
        const sha256 = image?.state === 'ready' ? image.sha256 : null;
        if (isReleased && image === undefined) return missing(path);
        if (isReleased && sha256 === null) {
          const isCorrupt = image?.state === 'corrupt';
          const why = isCorrupt
            ? 'It is damaged: put it there again'
            : 'It is not hashed yet: try again when it is';
          return failure('NOT_HASHED', `Only an image whose digest is known can be released. ${why}.`);
        }
        const isDone = await store.release(path, isReleased ? (sha256 ?? undefined) : undefined);
        if (!isDone) return failure('IMAGE_MISSING', `"${path}" is not released.`);
        const what = isReleased
          ? 'is released: it is not replaced, renamed or removed'
          : 'can be changed again';
        return { isDone: true, sentences: [`${path} ${what}.`] };
      }),

    remove: ({ path }, wish) =>
      asResult(async () => {
        if (catalogue.find(path) === undefined && openImageIsMissing(path)) return missing(path);
        const freedBytes = catalogue.totalBytes() - catalogue.totalBytes(new Set([path]));
        const sentences = [
          `${path}, ${sizeOf(path)}: removed. Downloads that run end well.`,
          freedText(path, freedBytes),
          ...consequences(path),
        ];
        const done = requireFree(path) ?? (await change(wish, path, sentences, () => store.remove(path)));
        return 'ok' in done ? done : { ...done, freedBytes };
      }),

    rename: ({ path }, to, wish) =>
      asResult(async () => {
        if (catalogue.find(path) === undefined && openImageIsMissing(path)) return missing(path);
        await store.requirePlaceable(to, { replace: false, leaves: path });
        const sentences = [`${path}, ${sizeOf(path)}: renamed to ${to}.`, ...consequences(path)];
        return requireFree(path) ?? change(wish, path, sentences, () => store.rename(path, to));
      }),
  };

  /** What has just come may not be listed yet. */
  function openImageIsMissing(path: string): boolean {
    const image = openImage(path);
    if (image === undefined) return true;
    wholeFile(image).close();
    return false;
  }
}
