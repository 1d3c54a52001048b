// SPDX-License-Identifier: Apache-2.0
import { ImageStreamError } from './image-stream-error.ts';

const HOW = 'send what "docker save" writes';

interface Mark {
  readonly at: number;
  readonly bytes: string;
  readonly what: string;
}

/** Where in their first block other files are told by. */
const MARKS: readonly Mark[] = [
  { at: 0, bytes: 'QFI\xfb', what: 'a disk image (QCOW2)' },
  { at: 0, bytes: 'KDMV', what: 'a disk image (VMDK)' },
  { at: 0, bytes: 'vhdxfile', what: 'a disk image (VHDX)' },
  { at: 0, bytes: 'conectix', what: 'a disk image (VHD)' },
  { at: 0, bytes: 'hsqs', what: 'a file system (SquashFS)' },
  { at: 0, bytes: '\x7fELF', what: 'a program' },
  { at: 510, bytes: '\x55\xaa', what: 'a disk image (RAW)' },
];

function nameOf(head: Buffer): string | undefined {
  const mark = MARKS.find(({ at, bytes }) => head.toString('latin1', at, at + bytes.length) === bytes);
  if (mark !== undefined) return mark.what;
  const text = head.toString('latin1').trimStart();
  if (/^<(?:!doctype|html|\?xml)/i.test(text)) return 'a page of HTML or XML';
  if (/^[{[]/.test(text)) return 'a JSON document';
  return undefined;
}

/**
 * Why content that does not begin as a tar is not taken.
 *
 * @param head its first block, or all there is
 */
export function explainForeign(head: Buffer): ImageStreamError {
  if (head.length === 0) return new ImageStreamError('ARCHIVE_EMPTY', `Nothing was sent: ${HOW}.`);
  const name = nameOf(head);
  return new ImageStreamError(
    'ARCHIVE_UNKNOWN',
    name === undefined
      ? `What was sent is no tar archive, or damaged: ${HOW}.`
      : `What was sent is ${name}, not an archive of a container image: ${HOW}.`,
  );
}
