import type { ImageDescription } from './image-description.ts';
import { problem, SECTOR_BYTES } from './image-source.ts';

const EMPTY = problem('NOT_AN_IMAGE', 'It is empty: upload the image again.');
const ODD_SIZE = problem(
  'ODD_SIZE',
  `A raw disk is a whole number of sectors of ${SECTOR_BYTES} bytes, and this file is not: it may be cut off, or be no disk at all. Compare size and sha256 with where it comes from.`,
);

/** A raw disk: what no other format claims. */
export function describeRaw(sizeBytes: number): ImageDescription {
  if (sizeBytes === 0) return { format: 'raw', content: 'empty', virtualSizeBytes: 0, problems: [EMPTY] };
  const problems = sizeBytes % SECTOR_BYTES === 0 ? [] : [ODD_SIZE];
  return { format: 'raw', content: 'raw', virtualSizeBytes: sizeBytes, problems };
}
