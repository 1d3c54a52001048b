// SPDX-License-Identifier: Apache-2.0
import { parseYaml } from '@local-datastore/shared/files/yaml-file';
import * as z from 'zod';
import { parseChecksumLine } from '../../bundles/checksum-list.ts';
import { IMAGE_FORMATS } from '../../formats/image-description.ts';
import { imageReference } from '../../images/image-path.ts';
import {
  createFileCollector,
  type FileCollector,
  type FileList,
  type ListedFile,
  type UnsizedFile,
} from './listed-file.ts';

/** Is larger than any list that is read. */
export const MAX_LIST_BYTES = 8 * 1024 * 1024;
/** YAML takes much longer to read than JSON. */
const MAX_YAML_BYTES = 1024 * 1024;
const MAX_URL_LENGTH = 4096;

/** What is no list at all, as a sentence. */
export class ListError extends Error {}

/** An entry of the list of another datastore, and of a manifest: both have the same words. */
const ENTRY = z.looseObject({
  path: z.string().max(4096),
  sizeBytes: z.number(),
  sha256: z
    .string()
    .max(100)
    .transform((text) => text.toLowerCase().replace(/^sha256:/, '')),
  format: z.enum(IMAGE_FORMATS).optional().catch(undefined),
  modified: z.iso.datetime().optional().catch(undefined),
});
const IN_WORK = z.looseObject({ state: z.literal('hashing') });
const PATH = z.looseObject({ path: z.string() });
const IMAGES = z.looseObject({ images: z.array(z.unknown()) });
const MANIFEST = z.looseObject({ version: z.literal(1), images: z.array(z.unknown()) });

const textOf = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ListError('it is not UTF-8 text');
  }
};

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(textOf(bytes));
  } catch (error) {
    if (error instanceof ListError) throw error;
    throw new ListError('it is no JSON');
  }
}

/** Half a character can stand in no URL. */
export const urlBelow = (path: string, base: URL): URL | undefined =>
  path.isWellFormed() ? new URL(imageReference(path), base) : undefined;

function addAt<File extends UnsizedFile>(
  collector: FileCollector<File>,
  file: Omit<File, 'url'>,
  url: URL | undefined,
): void {
  if (url === undefined) collector.add({ path: file.path, reason: 'it has no url that could be asked' });
  else collector.add({ ...file, url: url.href } as File);
}

const unusable = (entry: unknown, reason: string) => {
  const named = PATH.safeParse(entry);
  return { path: named.success ? named.data.path : 'an entry', reason };
};

/** Why an entry is not taken: the first that is wrong with it. */
const whyWrong = ({ issues: [first] }: z.ZodError) =>
  `${first?.path.join('.') || 'entry'}: ${first?.message}`;

/**
 * Reads `/-/api/v1/images` of another datastore: what is ready there, below the path of a URL.
 *
 * @param base where the images stand there; ends in a slash
 * @throws ListError
 */
export function parseDatastoreList(bytes: Uint8Array, base: URL): FileList {
  const parsed = IMAGES.safeParse(jsonOf(bytes));
  if (!parsed.success) throw new ListError('it is no list of images');
  const folder = decodeURIComponent(base.pathname.slice(1));
  const collector = createFileCollector<ListedFile>();
  for (const entry of parsed.data.images) {
    const file = ENTRY.safeParse(entry);
    // What is hashed there may be ready at the next look. What comes there itself is none of its own.
    if (IN_WORK.safeParse(entry).success) collector.noteComing();
    if (!file.success || file.data.state !== 'ready') continue;
    const { path, sizeBytes, sha256, format, modified } = file.data;
    if (!path.startsWith(folder)) continue;
    const within = path.slice(folder.length);
    addAt(
      collector,
      { path: within, sizeBytes, sha256, format, modified },
      urlBelow(path, new URL('/', base)),
    );
  }
  return collector.list();
}

/** Reads what `sha256sum` wrote. @param base of the names in it @throws ListError where no line is one of it */
export function parseChecksums(bytes: Uint8Array, base: URL): FileList<UnsizedFile> {
  const collector = createFileCollector<UnsizedFile>();
  for (const line of textOf(bytes).split(/\r?\n/)) {
    if (line === '' || line.startsWith('#')) continue;
    const parsed = parseChecksumLine(line);
    if (parsed === undefined) collector.add({ path: line, reason: 'it is no line of sha256sum' });
    else {
      const { name: path, sha256 } = parsed;
      const file = { path, sha256, sizeBytes: undefined, format: undefined, modified: undefined };
      addAt(collector, file, urlBelow(path, base));
    }
  }
  const list = collector.list();
  if (list.files.length === 0 && list.leftOut > 0) throw new ListError('no line of it is one of sha256sum');
  return list;
}

export interface ManifestOptions {
  /** In which language it is written. */
  readonly language: 'json' | 'yaml';
  /** Where a path without a URL stands; undefined: each needs a URL. Ends in a slash. */
  readonly base: URL | undefined;
  /** Whether the upstream may lead to a URL. */
  mayLeadTo(url: URL): boolean;
}

/** Reads a manifest: `version: 1` and `images` with path, sizeBytes, sha256, and url where it stands elsewhere. @throws ListError */
export function parseManifestList(
  bytes: Uint8Array,
  { language, base, mayLeadTo }: ManifestOptions,
): FileList {
  if (language === 'yaml' && bytes.length > MAX_YAML_BYTES) {
    throw new ListError(`it has more than ${MAX_YAML_BYTES} bytes: write it as JSON`);
  }
  let document: unknown;
  try {
    document = language === 'json' ? jsonOf(bytes) : parseYaml(textOf(bytes));
  } catch (error) {
    throw error instanceof ListError ? error : new ListError(error instanceof Error ? error.message : '');
  }
  const parsed = MANIFEST.safeParse(document);
  if (!parsed.success) throw new ListError('it has no "version: 1" with a list of "images"');
  const collector = createFileCollector<ListedFile>();
  for (const entry of parsed.data.images) {
    const file = ENTRY.safeParse(entry);
    if (!file.success) {
      collector.add(unusable(entry, whyWrong(file.error)));
      continue;
    }
    const { path, sizeBytes, sha256, format, modified, url: given } = file.data;
    const url = urlOf(path, given, base);
    if (url === undefined || mayLeadTo(url))
      addAt(collector, { path, sizeBytes, sha256, format, modified }, url);
    else collector.add({ path, reason: `${url.host} is none of the hosts that may be asked` });
  }
  return collector.list();
}

function urlOf(path: string, given: unknown, base: URL | undefined): URL | undefined {
  if (given === undefined) return base && urlBelow(path, base);
  if (typeof given !== 'string' || given.length > MAX_URL_LENGTH) return undefined;
  const url = URL.parse(given, base?.href);
  const isPlain = url !== null && url.username === '' && url.password === '';
  return isPlain && /^https?:$/.test(url.protocol) ? url : undefined;
}
