// SPDX-License-Identifier: Apache-2.0
import type { Log } from '@local-datastore/shared/log';
import { areInodesPermanent } from '../content/file-system-type.ts';
import { MAX_IMAGES } from '../images/catalogue.ts';
import { loadImageIndex } from '../images/image-index.ts';
import { linkedPaths } from '../images/linked-paths.ts';
import { type ScannedFile, scanImages } from '../images/scan.ts';
import type { Storage } from '../images/storage.ts';
import { createVerificationInbox } from '../scrub/verification-inbox.ts';

/** An image, and what the index says of it. */
export interface Listed extends ScannedFile {
  readonly sha256: string | null;
  readonly isCorrupt: boolean;
  /** Of a symbolic link: the path of the file to which it leads. */
  readonly linkTo?: string;
}

/** The images of a root, and links to them, with what is known of them, by path. */
export async function listImages(log: Log, { root, state }: Storage): Promise<Listed[]> {
  const index = await loadImageIndex(
    { log },
    { stateDirectory: state, areInodesPermanent: await areInodesPermanent(root), isReadOnly: true },
  );
  for (const { path, version, ...verified } of await createVerificationInbox({
    stateDirectory: state,
  }).peek()) {
    index.setVerified(path, version, verified);
  }
  const { files, links } = await scanImages(root, MAX_IMAGES, new AbortController().signal);
  const listed = new Map<string, Listed>();
  for (const file of files) {
    listed.set(file.path, {
      ...file,
      sha256: index.digestOf(file.path, file.version) ?? null,
      isCorrupt: index.verifiedOf(file.path, file.version)?.isCorrupt === true,
    });
  }
  // Before any of them is added: a link shows files, not other links.
  for (const [path, linkTo] of [...linkedPaths(links, listed)]) {
    const image = listed.get(linkTo);
    if (image !== undefined) listed.set(path, { ...image, path, linkTo });
  }
  return [...listed.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}
