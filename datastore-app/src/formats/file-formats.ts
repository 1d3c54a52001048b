// SPDX-License-Identifier: Apache-2.0
import { type FileFormat, type FileFormatName, STAGES } from './file-format.ts';
import { dockerArchive } from './kinds/docker-archive.ts';
import { foreign } from './kinds/foreign.ts';
import { iso } from './kinds/iso.ts';
import { ociArchive } from './kinds/oci-archive.ts';
import { ova } from './kinds/ova.ts';
import { qcow } from './kinds/qcow.ts';
import { qcow2 } from './kinds/qcow2.ts';
import { raw } from './kinds/raw.ts';
import { tar } from './kinds/tar.ts';
import { text } from './kinds/text.ts';
import { vhd } from './kinds/vhd.ts';
import { vhdx } from './kinds/vhdx.ts';
import { vmdk } from './kinds/vmdk.ts';

/**
 * Every file of `kinds`, in no order: one list for the sources and the bundle alike, checked by the compiler; a test
 * fails for a file that is not in it.
 */
const KINDS: readonly FileFormat[] = [
  dockerArchive,
  foreign,
  iso,
  ociArchive,
  ova,
  qcow,
  qcow2,
  raw,
  tar,
  text,
  vhd,
  vhdx,
  vmdk,
];

/** In the order in which they are asked whether a content is their own. */
export const FILE_FORMATS: readonly FileFormat[] = STAGES.flatMap((stage) =>
  KINDS.filter((kind) => kind.stage === stage),
);

/** The format of a name; what is no image goes by the name of raw, and is not meant. */
export function fileFormatOf(name: FileFormatName): FileFormat {
  const found = FILE_FORMATS.findLast((format) => format.name === name);
  if (found === undefined) throw new Error(`no file of kinds has the format ${name}`);
  return found;
}
