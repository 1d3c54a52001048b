// SPDX-License-Identifier: Apache-2.0
import type { NewChange, NoteChange } from '../changes/change.ts';
import type { ImportedImage } from './import-bundle.ts';

/** Tells of an image that came in a bundle; of one that was there already there is nothing to tell. */
export function noteBundled(
  note: NoteChange,
  { path, sizeBytes, sha256, outcome }: ImportedImage,
  origin: Pick<NewChange, 'by' | 'client' | 'via'>,
): void {
  if (outcome === 'unchanged') return;
  const action = outcome === 'new' ? 'created' : 'replaced';
  note(
    { action, image: path, sizeBytes, digest: `sha256:${sha256}`, ...origin },
    'an image came in a bundle',
  );
}
