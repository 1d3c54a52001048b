// SPDX-License-Identifier: Apache-2.0
import { fstatSync, readlinkSync } from 'node:fs';
import { isSameButChangeTime, isSameStanding, standingOf, versionOf } from './file-version.ts';
import type { OpenFile } from './open-file.ts';

/**
 * Watches over the content of an open file while it is read. It may lose its name, get another one, be
 * replaced by another file, or change owner and mode, and be read to its end all the same; written to it may
 * not be, though its times be put back: then what was read is not of one content.
 *
 * @returns a function that says whether the content is still the one that was opened
 */
export function followContent({ fd, place, version, standing }: OpenFile): () => boolean {
  let accepted = { version, standing, place };
  return () => {
    const stat = fstatSync(fd, { bigint: true });
    if (stat.ctimeNs === accepted.version.ctimeNs) {
      return isSameButChangeTime(versionOf(stat), accepted.version);
    }
    const now = {
      version: versionOf(stat),
      standing: standingOf(stat),
      place: readlinkSync(`/proc/self/fd/${fd}`),
    };
    if (!isSameButChangeTime(now.version, accepted.version)) return false;
    if (isSameStanding(now.standing, accepted.standing) && now.place === accepted.place) return false;
    accepted = now;
    return true;
  };
}
