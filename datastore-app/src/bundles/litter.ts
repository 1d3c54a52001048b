// SPDX-License-Identifier: Apache-2.0
/** What desktops leave in folders, and nobody means to bring along. */
const NAMES = new Set([
  '.DS_Store',
  '__MACOSX',
  '.Spotlight-V100',
  '.Trashes',
  '.fseventsd',
  '.TemporaryItems',
  'Thumbs.db',
  'desktop.ini',
  'System Volume Information',
  'lost+found',
]);
/** macOS's forks of other files, and the trash of Linux desktops. */
const BEGINNINGS = /^(?:\._|\.Trash-\d)/;

/** Whether a path of a bundle is passed over: something in it is a desktop's and no image. */
export const isLitter = (path: string): boolean =>
  path.split('/').some((name) => NAMES.has(name) || BEGINNINGS.test(name));

/** Lists of other digests, and signatures of lists, which stand beside ours. */
const OTHER_LIST = /^(?:(?:SHA(?:1|224|256|384|512)|MD5|B2)SUMS?)(?:\.(?:gpg|asc|sig|sign|minisig))?$/;

/** Whether a name beside the list of digests is another list, or the signature of one: nothing is checked by it. */
export const isOtherList = (name: string): boolean => name !== 'SHA256SUMS' && OTHER_LIST.test(name);
