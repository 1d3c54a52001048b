// SPDX-License-Identifier: Apache-2.0
import { type FileFormat, nothingToCheck } from '../file-format.ts';
import { problem } from '../image-source.ts';
import { tarContentOf } from '../tar-content.ts';

const PLAIN_TAR = problem(
  'NOT_AN_IMAGE',
  'It is a tar archive, neither an OVA nor a container image; EVE would take it for a raw disk. Unpack it, and offer the disk in it: tar -xf FILE',
);

/** A tar archive of something else, which is no image. */
export const tar: FileFormat = {
  name: 'raw',
  stage: 'archive',
  async describe(source) {
    const content = await tarContentOf(source);
    if (content?.kind !== 'other') return undefined;
    const problems = [PLAIN_TAR, ...content.problems];
    return { format: 'raw', content: 'tar', virtualSizeBytes: null, problems };
  },
  validate: nothingToCheck,
};
