// SPDX-License-Identifier: Apache-2.0
import type { FormatProblem } from './image-description.ts';
import { CONVERT, type ImageSource, problem, quoted } from './image-source.ts';

/** What the versions of QCOW have in common (QEMU docs/interop/qcow2): magic, version, size at 24; big endian. */
export const QCOW_MAGIC = 'QFI\u00fb';
const MAX_NAME_BYTES = 1023;

export async function backingFile({
  head,
  readAt,
  sizeBytes,
}: ImageSource): Promise<FormatProblem | undefined> {
  const offset = head.readBigUInt64BE(8);
  const length = head.readUInt32BE(16);
  if (offset === 0n || length === 0) return undefined;
  const position = Number(offset);
  const name =
    position < sizeBytes ? await readAt(position, Math.min(length, MAX_NAME_BYTES)) : Buffer.from('?');
  return problem(
    'NEEDS_OTHER_FILE',
    `It holds only what differs from its backing file ${quoted(name.toString())}, which EVE does not download. Make one file of both, where the backing file is: ${CONVERT}`,
  );
}

export function encryption(method: number): FormatProblem | undefined {
  if (method === 0) return undefined;
  return problem(
    'ENCRYPTED',
    'It is encrypted, and EVE cannot give the key. Offer it decrypted: qemu-img convert, with --object secret and --image-opts, makes such a one.',
  );
}
