// SPDX-License-Identifier: Apache-2.0
/** A file to upload, and where to. */
export interface UploadPlan {
  readonly file: File;
  /** Path below the root. */
  readonly path: string;
  readonly isReplacing: boolean;
  /** 64 hexadecimal digits, where the person knows what must come out. */
  readonly sha256: string | undefined;
}

/** A file that was chosen or dropped; a dropped folder's files carry their path in it. */
export interface ChosenFile {
  readonly file: File;
  readonly relativePath: string;
}

/** `/linux//base/ ` → `linux/base`: a folder as people write it. */
export const normalFolder = (folder: string): string =>
  folder
    .trim()
    .split('/')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .join('/');

/** The path of a file in a folder. */
export function pathIn(folder: string, relativePath: string): string {
  const normal = normalFolder(folder);
  return normal === '' ? relativePath : `${normal}/${relativePath}`;
}

/** Every folder that holds images, and the folders above, sorted. */
export function foldersOf(paths: readonly string[]): string[] {
  const folders = new Set<string>();
  for (const path of paths) {
    const names = path.split('/').slice(0, -1);
    for (let depth = 1; depth <= names.length; depth += 1) folders.add(names.slice(0, depth).join('/'));
  }
  return [...folders].sort();
}

/** A digest as people paste it, `sha256:ABC…  file.img`; undefined: none, null: not one. */
export function parseSha256(text: string): string | undefined | null {
  const [word = ''] = text
    .trim()
    .replace(/^sha256:/i, '')
    .split(/\s/);
  if (word === '') return undefined;
  return /^[0-9a-f]{64}$/i.test(word) ? word.toLowerCase() : null;
}

/** Tells a file apart from others, and from itself after a change: what an upload may go on with. */
export const fingerprintOf = (path: string, { name, size, lastModified }: File): string =>
  ['datastore', path, name, size, lastModified].map((part) => encodeURIComponent(part)).join('-');
