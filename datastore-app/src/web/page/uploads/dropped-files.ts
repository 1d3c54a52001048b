// SPDX-License-Identifier: Apache-2.0
import type { ChosenFile } from './upload-plan.ts';

/** More is a mistake: somebody dropped a home folder. */
const MAX_FILES = 500;

const entriesOf = (reader: FileSystemDirectoryReader) =>
  new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
const fileOf = (entry: FileSystemFileEntry) =>
  new Promise<File>((resolve, reject) => entry.file(resolve, reject));

async function walk(entry: FileSystemEntry, folder: string, found: ChosenFile[]): Promise<void> {
  // The datastore shows no dotfiles.
  if (entry.name.startsWith('.') || found.length >= MAX_FILES) return;
  const relativePath = folder === '' ? entry.name : `${folder}/${entry.name}`;
  if (entry.isFile) {
    found.push({ file: await fileOf(entry as FileSystemFileEntry), relativePath });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  // A reader hands out its entries in portions.
  for (;;) {
    const entries = await entriesOf(reader);
    if (entries.length === 0) return;
    for (const child of entries) await walk(child, relativePath, found);
  }
}

/** The files of a drop, with those of dropped folders. */
export async function droppedFiles(items: DataTransferItemList): Promise<ChosenFile[]> {
  // The list is empty as soon as the event is over.
  const entries = [...items]
    .map((item) => (item.kind === 'file' ? item.webkitGetAsEntry() : null))
    .filter((entry) => entry !== null);
  const found: ChosenFile[] = [];
  for (const entry of entries) await walk(entry, '', found);
  return found;
}

/** Files as a chooser gives them. */
export const chosenFiles = (files: FileList | null): ChosenFile[] =>
  [...(files ?? [])].map((file) => ({ file, relativePath: file.name }));
