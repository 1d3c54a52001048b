// SPDX-License-Identifier: Apache-2.0
/** How files are called that `docker save`, skopeo and others write, plain and compressed. */
const ARCHIVE = /\.(?:tar|tar\.gz|tgz|tar\.zst|tzst)$/i;

/** Whether a file may be an archive of container images, by its name alone. */
export const isArchiveName = (name: string): boolean => ARCHIVE.test(name);
