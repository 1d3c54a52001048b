// SPDX-License-Identifier: Apache-2.0
import { extname } from 'node:path';
import { UpstreamError } from '../upstream-error.ts';
import { headerOf, release } from '../upstream-requests.ts';
import type { StoreAsker } from './ask-store.ts';
import { createConditionalList } from './conditional-list.ts';
import { createFileInquiry } from './file-inquiry.ts';
import {
  createFileCollector,
  type FileCollector,
  type FileList,
  type ListedFile,
  type UnsizedFile,
} from './listed-file.ts';
import { ListError, parseChecksums, parseDatastoreList, parseManifestList, urlBelow } from './parse-list.ts';

/** A way in which an upstream may tell what it has. */
export interface ListForm {
  /** For people, such as `SHA256SUMS`. */
  readonly name: string;
  /** @returns undefined: it is what it was the last time @throws UpstreamError, or the signal's reason */
  read(signal: AbortSignal): Promise<FileList | undefined>;
  /** The next time it is read, whether or not it has changed. */
  forget(): void;
}

const DATASTORE_LIST = '/-/api/v1/images';
export const CHECKSUM_LIST = 'SHA256SUMS';

/** Says of what is no list why, as an upstream's failure. */
export async function inWordsOfUpstream<T>(target: URL, name: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof ListError)) throw error;
    const message = `${name} of ${target.host} cannot be used: ${error.message}`;
    throw new UpstreamError('INVALID', message, { cause: error });
  }
}

/** Where a list stands that is named relative to its files. */
function targetOf(path: string, base: URL): URL {
  const target = path.startsWith('/') ? undefined : urlBelow(path, base);
  if (target?.href.startsWith(base.href)) return target;
  throw new UpstreamError('INVALID', `the list "${path}" does not stand beside the files`);
}

/** The list of another datastore. */
export function datastoreForm(asker: StoreAsker, base: URL): ListForm {
  const target = new URL(DATASTORE_LIST, base);
  const list = createConditionalList(asker, {
    ...{ target, what: 'list of images' },
    parse: (bytes) => parseDatastoreList(bytes, base),
  });
  return {
    name: DATASTORE_LIST,
    read: (signal) => inWordsOfUpstream(target, DATASTORE_LIST, list.read(signal)),
    forget: list.forget,
  };
}

/** A manifest, in JSON or YAML by its name. */
export function manifestForm(
  asker: StoreAsker,
  base: URL,
  path: string,
  mayLeadTo: (url: URL) => boolean,
): ListForm {
  const target = targetOf(path, base);
  const language = extname(path).toLowerCase() === '.json' ? 'json' : 'yaml';
  const list = createConditionalList(asker, {
    ...{ target, what: `manifest ${path}` },
    parse: (bytes) => parseManifestList(bytes, { language, base: new URL('.', target), mayLeadTo }),
  });
  return {
    name: path,
    read: (signal) => inWordsOfUpstream(target, path, list.read(signal)),
    forget: list.forget,
  };
}

/** What `sha256sum` wrote, and the sizes of the files as a HEAD of each says them. */
export function checksumsForm(asker: StoreAsker, base: URL, path = CHECKSUM_LIST): ListForm {
  const target = targetOf(path, base);
  const list = createConditionalList(asker, {
    ...{ target, what: `list ${path}` },
    parse: (bytes) => parseChecksums(bytes, new URL('.', target)),
  });
  const sizes = createFileInquiry<UnsizedFile, number>({
    // Of another sha256 it is another file.
    keyOf: (file) => `${file.sha256} ${file.path}`,
    async ask({ path: name, url }, signal) {
      const file = new URL(url);
      const answer = await asker.ask({ target: file, method: 'HEAD', what: `image ${name}`, signal });
      release(answer);
      const text = headerOf(answer, 'content-length') ?? '';
      if (/^\d{1,15}$/.test(text)) return Number(text);
      throw new UpstreamError('INVALID', `${file.host} does not say how large it is`);
    },
  });
  return {
    name: path,
    forget: list.forget,
    async read(signal) {
      const listed = await inWordsOfUpstream(target, path, list.read(signal));
      if (listed === undefined) return undefined;
      try {
        const { factOf, isComplete } = await sizes.learn(listed.files, signal);
        // What failed for a while is asked for again, though the list stays the same.
        if (!isComplete) list.forget();
        const collector: FileCollector<ListedFile> = createFileCollector();
        if (!isComplete) collector.noteComing();
        for (const file of listed.files) {
          const found = factOf(file);
          collector.add('fact' in found ? { ...file, sizeBytes: found.fact } : { path: file.path, ...found });
        }
        return withLeftOut(collector.list(), listed);
      } catch (error) {
        list.forget();
        throw error;
      }
    },
  };
}

/** @param before what an earlier step left out */
const withLeftOut = (list: FileList, before: Pick<FileList, 'leftOut' | 'reasons'>): FileList => ({
  ...list,
  leftOut: before.leftOut + list.leftOut,
  reasons: [...before.reasons, ...list.reasons].slice(0, 5),
});

/** What says that an upstream does not tell in a form; everything else is a failure. */
const isOtherForm = (error: unknown): error is UpstreamError =>
  error instanceof UpstreamError && error.code !== 'UNREACHABLE';

/**
 * Reads a list in the first of some forms in which there is one, and goes on in that form.
 *
 * @param host for people
 */
export function createListReader(
  forms: readonly ListForm[],
  host: string,
): (signal: AbortSignal) => Promise<FileList | undefined> {
  let current: ListForm | undefined;

  return async (signal) => {
    if (current !== undefined) {
      try {
        return await current.read(signal);
      } catch (error) {
        if (!(error instanceof UpstreamError) || error.code !== 'NOT_FOUND' || forms.length === 1)
          throw error;
      }
    }
    current = undefined;
    const refused: UpstreamError[] = [];
    for (const form of forms) {
      try {
        form.forget();
        const list = await form.read(signal);
        current = form;
        return list;
      } catch (error) {
        if (!isOtherForm(error)) throw error;
        refused.push(error);
      }
    }
    const [only] = refused;
    if (only !== undefined && refused.length === 1) throw only;
    const isDenied = refused.some(({ code }) => code === 'DENIED');
    const told = refused.map(({ message }) => message).join('; ');
    throw new UpstreamError(
      isDenied ? 'DENIED' : 'NOT_FOUND',
      `${host} tells nothing of its images: ${told}`,
    );
  };
}
