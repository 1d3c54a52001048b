// SPDX-License-Identifier: Apache-2.0
import { printableText } from '@local-datastore/shared/text/printable-text';
import type { ImageFormat } from '../../formats/image-description.ts';
import { isImagePath, isKeptPath } from '../../images/image-path.ts';
import type { ByteStream } from '../upstream-requests.ts';

/** A file that an upstream has, as its list says. */
export interface ListedFile {
  /** As the upstream calls it. */
  readonly path: string;
  readonly sizeBytes: number;
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  /** Where its bytes are: http or https, without a password. */
  readonly url: string;
  /** undefined: the list does not say. */
  readonly format: ImageFormat | undefined;
  /** ISO 8601; undefined: the list does not say. */
  readonly modified: string | undefined;
}

/** A file of which the list does not say how large it is. */
export type UnsizedFile = Omit<ListedFile, 'sizeBytes'> & { readonly sizeBytes: number | undefined };

/** Reads the images of an upstream. Everything throws UpstreamError, or the signal's reason. */
export interface ImageSource {
  /** All files with their sizes and digests; undefined: the list is what it was the last time. */
  readList(signal: AbortSignal): Promise<FileList | undefined>;
  /** Whoever reads it verifies it. */
  open(file: ListedFile, position: number, signal: AbortSignal): Promise<ByteStream>;
  close(): void;
}

/** What a list holds that can be used, and what was left out of it. */
export interface FileList<File = ListedFile> {
  readonly files: readonly File[];
  readonly leftOut: number;
  /** Why, of the first few, as sentences. */
  readonly reasons: readonly string[];
  /** False: more is to come soon, such as what is just being hashed there. */
  readonly isComplete: boolean;
}

/** More of one upstream are not shown: memory is bounded. */
export const MAX_LISTED_FILES = 10_000;
const MAX_REASONS = 5;
const SHA256 = /^[0-9a-f]{64}$/;

/** Takes files of a list one after another; what cannot be used is left out, and stops no other. */
export interface FileCollector<File extends UnsizedFile> {
  /** @param file or why it cannot be used */
  add(file: File | { readonly path: string; readonly reason: string }): void;
  /** More is to come soon. */
  noteComing(): void;
  list(): FileList<File>;
}

function whyUnusable({ path, sizeBytes, sha256 }: UnsizedFile): string | undefined {
  if (!path.isWellFormed() || !isImagePath(path) || isKeptPath(path)) return 'no image may have this path';
  if (!SHA256.test(sha256)) return 'its sha256 is not 64 hexadecimal digits';
  if (sizeBytes !== undefined && (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0))
    return 'its size is none';
  return undefined;
}

export function createFileCollector<File extends UnsizedFile>(): FileCollector<File> {
  const files = new Map<string, File>();
  /** Of which the list says two things. */
  const ambiguous = new Set<string>();
  const reasons: string[] = [];
  let leftOut = 0;
  let isComplete = true;

  function leaveOut(path: string, reason: string): void {
    leftOut += 1;
    if (reasons.length < MAX_REASONS) reasons.push(`${printableText(path.slice(0, 200))}: ${reason}`);
  }

  return {
    add(file) {
      const { path } = file;
      const why = 'reason' in file ? file.reason : whyUnusable(file);
      if (why !== undefined || 'reason' in file) {
        leaveOut(path, why ?? '');
        return;
      }
      const other = files.get(path);
      if (ambiguous.has(path)) leaveOut(path, 'it is listed several times, with other content');
      else if (other === undefined && files.size >= MAX_LISTED_FILES) {
        leaveOut(path, `a list of more than ${MAX_LISTED_FILES} files is not read to its end`);
      } else if (other === undefined) files.set(path, file);
      else if (other.sha256 !== file.sha256 || other.sizeBytes !== file.sizeBytes) {
        // Nobody can say which of them is meant.
        files.delete(path);
        ambiguous.add(path);
        leaveOut(path, 'it is listed several times, with other content');
        leftOut += 1;
      }
    },
    noteComing() {
      isComplete = false;
    },
    list: () => ({ files: [...files.values()], leftOut, reasons, isComplete }),
  };
}
