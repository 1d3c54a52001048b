// SPDX-License-Identifier: Apache-2.0
import { type FileHandle, open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import { descriptorDocument } from '@local-datastore/shared/oci/descriptor';
import {
  formatDigest,
  OCI_ALGORITHMS,
  type OciDigest,
  parseOciDigest,
} from '@local-datastore/shared/oci/digest';
import {
  blobPath,
  INDEX_FILE,
  indexEntries,
  LAYOUT_FILE,
  LAYOUT_TEXT,
  REF_NAME,
} from '@local-datastore/shared/oci/image-archive';
import { isLayoutMark, type LayoutEntry, layoutEntries } from '@local-datastore/shared/oci/layout-entries';
import { MAX_MANIFEST_BYTES } from '@local-datastore/shared/oci/manifest';
import { OCI_INDEX } from '@local-datastore/shared/oci/media-types';
import { parsePlatform, type WantedPlatform } from '@local-datastore/shared/oci/platform';
import { type TarFile, tarParts, totalBytes } from '@local-datastore/shared/oci/tar-parts';
import { type FoundImage, ImageFailure } from '../../archive-imports/archive-image.ts';
import { findLayoutImages, subjectOfTag } from '../../archive-imports/layout-images.ts';
import { splitArchiveName } from '../../archives/archive-naming.ts';
import { contentOfFile } from './archive-file.ts';
import {
  type ImportDeps,
  type ImportKind,
  type ImportReport,
  type ImportRequest,
  outcomeOf,
} from './import-kind.ts';
import { sendArchive } from './send-archive.ts';

const PREFIX = 'oci:';
const MAX_DOCUMENT_BYTES = 1024 * 1024;
/** What refers to images without being named is small; more of it is looked at by nobody. */
const MAX_CANDIDATE_BYTES = 256 * 1024;
const MAX_CANDIDATES = 5000;
const BRACE = 0x7b;

const isFolder = (path: string) =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

/**
 * Takes `DIR` or `DIR:ref` apart: both may hold colons, and the folder is the longest that is there.
 *
 * @throws ConfigurationError
 */
async function splitPlace(
  text: string,
): Promise<{ readonly folder: string; readonly ref: string | undefined }> {
  if (await isFolder(text)) return { folder: text, ref: undefined };
  for (let colon = text.lastIndexOf(':'); colon > 0; colon = text.lastIndexOf(':', colon - 1)) {
    const folder = text.slice(0, colon);
    if (await isFolder(folder)) return { folder, ref: text.slice(colon + 1) };
  }
  throw new ConfigurationError(`there is no folder ${text}`);
}

/** @throws ConfigurationError */
async function readDocument(folder: string, name: string): Promise<unknown> {
  const file = join(folder, name);
  try {
    const { size } = await stat(file);
    if (size > MAX_DOCUMENT_BYTES) throw new Error(`it has ${size} bytes`);
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    const message = `${folder} is no image layout: ${name} cannot be read: ${errorMessage(error)}`;
    throw new ConfigurationError(message, { cause: error });
  }
}

/** @returns undefined where there is none */
async function readBlob(folder: string, digest: OciDigest, maxBytes: number): Promise<Buffer | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(join(folder, blobPath(digest)), 'r');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { size } = await handle.stat();
    if (size > maxBytes) throw new ImageFailure('IMAGE_INVALID', `Its ${formatDigest(digest)} is too large.`);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** Blobs that may refer to others without being named, by their size and first byte. */
async function candidatesIn(folder: string): Promise<OciDigest[]> {
  const found: OciDigest[] = [];
  for (const algorithm of OCI_ALGORITHMS) {
    const names = await readdir(join(folder, 'blobs', algorithm)).catch((): string[] => []);
    for (const name of names) {
      const digest = parseOciDigest(`${algorithm}:${name}`);
      if (digest === undefined || found.length >= MAX_CANDIDATES) continue;
      const { size } = await stat(join(folder, blobPath(digest)));
      if (size > MAX_CANDIDATE_BYTES) continue;
      const bytes = await readBlob(folder, digest, MAX_CANDIDATE_BYTES);
      if (bytes?.[0] === BRACE) found.push(digest);
    }
  }
  return found;
}

/** The entries that a reference means; none is given: all of them. @throws ConfigurationError */
function chooseEntries(
  entries: readonly LayoutEntry[],
  ref: string | undefined,
  folder: string,
): readonly LayoutEntry[] {
  if (ref === undefined) return entries;
  const isMeant = ({ name }: LayoutEntry) =>
    name !== undefined && (name === ref || splitArchiveName(name).tag === ref);
  if (entries.some(isMeant)) return entries.filter((each) => isMeant(each) || isBeside(each));
  const names = entries.flatMap(({ name }) => name ?? []).slice(0, 20);
  throw new ConfigurationError(
    `${folder} has no image "${ref}", but: ${names.join(', ') || 'none with a name'}`,
  );
}

/** What may belong to another image: no name leads to it, or one that is made of a digest. */
const isBeside = ({ name }: Pick<LayoutEntry, 'name'>) =>
  name === undefined || subjectOfTag(name) !== undefined;

/** The images as the files of an archive, as far as they are in the folder. @throws ImageFailure */
async function filesOf(folder: string, images: readonly FoundImage[]): Promise<TarFile[]> {
  const files = new Map<string, TarFile>();
  const entries: object[] = [];
  for (const { root, names, others, attached, blobs } of images) {
    for (const { digest, bytes } of [root, ...others]) {
      files.set(blobPath(digest), { name: blobPath(digest), content: { kind: 'bytes', bytes } });
    }
    for (const { digest, sizeBytes } of blobs.values()) {
      const found = await stat(join(folder, blobPath(digest))).catch(() => undefined);
      // What is not here may be there.
      if (found === undefined) continue;
      if (found.size !== sizeBytes) {
        const message = `Its ${formatDigest(digest)} has ${found.size} bytes, and not ${sizeBytes}.`;
        throw new ImageFailure('SIZE_MISMATCH', message);
      }
      files.set(blobPath(digest), { name: blobPath(digest), content: { kind: 'blob', digest, sizeBytes } });
    }
    const entryOf = (name: string, { digest, mediaType, bytes }: FoundImage['root']) =>
      descriptorDocument({ mediaType, digest, sizeBytes: bytes.length, annotations: { [REF_NAME]: name } });
    if (names.length === 0) entries.push(...indexEntries({ manifest: root, children: [], names: [] }));
    entries.push(...names.map((name) => entryOf(name, root)));
    entries.push(...[...attached].map(([tag, document]) => entryOf(tag, document)));
  }
  const text = (name: string, content: string): TarFile => ({
    name,
    content: { kind: 'bytes', bytes: Buffer.from(content) },
  });
  return [
    text(LAYOUT_FILE, LAYOUT_TEXT),
    text(INDEX_FILE, JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: entries })),
    ...files.values(),
  ];
}

async function importLayout(request: ImportRequest, deps: ImportDeps): Promise<ImportReport> {
  const { folder, ref } = await splitPlace(request.source.slice(PREFIX.length));
  const entries = layoutEntries(await readDocument(folder, INDEX_FILE));
  if (!isLayoutMark(await readDocument(folder, LAYOUT_FILE)) || entries === undefined) {
    throw new ConfigurationError(`${folder} is no image layout: its ${INDEX_FILE} is none`);
  }
  const platforms = request.platforms.map((each) => parsePlatform(each) as WantedPlatform);
  const content = {
    readManifest: (digest: OciDigest) => readBlob(folder, digest, MAX_MANIFEST_BYTES),
    candidates: await candidatesIn(folder),
  };
  const { found, failed } = await findLayoutImages(chooseEntries(entries, ref, folder), content, platforms);
  const isNamed = ({ names }: FoundImage) => names.some((name) => !isBeside({ name }));
  const images = ref === undefined ? found : found.filter(isNamed);
  const ownFailures = failed.map((each) => ({
    ...each,
    missing: each.missing?.map(({ digest, sizeBytes }) => ({ digest, sizeBytes })),
  }));
  if (images.length === 0) return { images: [], failed: ownFailures, notices: [], blobs: 0 };
  const parts = tarParts(await filesOf(folder, images));
  async function* archive() {
    for (const part of parts) {
      if (part.kind === 'bytes') yield part.bytes;
      else yield* contentOfFile(join(folder, blobPath(part.digest)));
    }
  }
  const report = await sendArchive(request, archive(), totalBytes(parts), deps);
  return { ...report, failed: [...report.failed, ...ownFailures] };
}

/** Image layouts in folders: what the images need of them is sent as an archive. */
export const layoutFolders: ImportKind = {
  form: 'oci:DIR[:ref]',
  isKindOf: (source) => source.startsWith(PREFIX),
  async *importFrom(requests, deps) {
    for (const request of requests) {
      yield await outcomeOf(request.source, () => importLayout(request, deps));
    }
  },
};
