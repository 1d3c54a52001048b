// SPDX-License-Identifier: Apache-2.0
import type { Platform } from '@local-datastore/shared/oci/descriptor';
import { INDEX_FILE, LAYOUT_FILE } from '@local-datastore/shared/oci/image-archive';
import { isLayoutMark, layoutEntries } from '@local-datastore/shared/oci/layout-entries';
import { SAVED_FILE, savedEntries } from '@local-datastore/shared/oci/saved-entries';
import { parseDocument } from './document.ts';
import { shownName } from './entry-name.ts';
import { findLayoutImage } from './find-layout-image.ts';
import { findSavedImage } from './find-saved-image.ts';
import type { FoundImage } from './found-image.ts';
import { ImageStreamError } from './image-stream-error.ts';
import type { Inventory } from './inventory.ts';

/** What Docker before 1.10 wrote, and nothing beside it. */
const OLD_FILE = 'repositories';

function document(inventory: Inventory, name: string): unknown {
  const file = inventory.find(name);
  return file?.kind === 'document' ? parseDocument(file.bytes) : undefined;
}

function noImage(inventory: Inventory): ImageStreamError {
  const known = [SAVED_FILE, INDEX_FILE].find((name) => inventory.find(name) !== undefined);
  if (known !== undefined) {
    return new ImageStreamError('MANIFEST_INVALID', `The ${known} of the archive cannot be read.`);
  }
  const deeper = [...inventory.names()].find(
    (name) => name.endsWith(`/${SAVED_FILE}`) || name.endsWith(`/${LAYOUT_FILE}`),
  );
  const why =
    deeper !== undefined
      ? `${shownName(deeper)} is in a folder of it: pack what is in the folder, not the folder`
      : inventory.find(OLD_FILE) !== undefined
        ? 'it is as Docker before 1.10 wrote them: save the image with a newer one'
        : `it has neither ${SAVED_FILE} nor ${LAYOUT_FILE}`;
  return new ImageStreamError('NO_IMAGE', `The archive holds no container image: ${why}.`);
}

/**
 * Finds the one image of an archive. One that is an image layout is read as such, and what `docker save` says of it
 * must be the same: engines of one kind believe the one, of the other kind the other.
 *
 * @throws ImageStreamError
 */
export function findImage(inventory: Inventory, wanted: Platform): FoundImage {
  const entries = isLayoutMark(document(inventory, LAYOUT_FILE))
    ? layoutEntries(document(inventory, INDEX_FILE))
    : undefined;
  const saved = savedEntries(document(inventory, SAVED_FILE));
  if (entries === undefined || entries.length === 0) {
    if (saved === undefined) throw noImage(inventory);
    return findSavedImage(inventory, saved);
  }
  const found = findLayoutImage(inventory, entries, wanted);
  const said = saved && findSavedImage(inventory, saved);
  if (said !== undefined && !found.hasConfig(said.configDigest.hex)) {
    throw new ImageStreamError(
      'MANIFEST_INVALID',
      `The archive contradicts itself: its ${SAVED_FILE} names another image than its ${INDEX_FILE}.`,
    );
  }
  return found.image;
}
