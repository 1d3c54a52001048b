import type { Log } from '@local-datastore/shared/log';
import { MAX_IMAGES } from '../images/catalogue.ts';
import { areInodesPermanent } from '../images/file-system-type.ts';
import { loadImageIndex } from '../images/image-index.ts';
import { type ScannedFile, scanImages } from '../images/scan.ts';
import type { Storage } from '../images/storage.ts';
import { createVerificationInbox } from '../scrub/verification-inbox.ts';

/** An image, and what the index says of it. */
export interface Listed extends ScannedFile {
  readonly sha256: string | null;
  readonly isCorrupt: boolean;
}

/** The images of a root, with what is known of them. */
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
  const { files } = await scanImages(root, MAX_IMAGES, new AbortController().signal);
  return files.map((file) => ({
    ...file,
    sha256: index.digestOf(file.path, file.version) ?? null,
    isCorrupt: index.verifiedOf(file.path, file.version)?.isCorrupt === true,
  }));
}
