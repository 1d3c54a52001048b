// SPDX-License-Identifier: Apache-2.0
import { printableText } from '@local-datastore/shared/text/printable-text';
import { ImageStreamError } from './image-stream-error.ts';

/** Those of blobs have 80 characters, of layers of old about as many. */
const MAX_NAME_LENGTH = 512;
/** What came out of bytes that are no UTF-8, and characters that nobody writes into such a name. */
const ODD = /[\p{Cc}\ufffd\\]/u;

/** A name as messages show it. */
export const shownName = (name: string): string => `"${printableText(name.slice(0, 100))}"`;

const unsafe = (name: string, why: string) =>
  new ImageStreamError('ARCHIVE_UNSAFE', `The archive holds ${shownName(name)}, ${why}.`);

/**
 * A name in one form: `./a//b/` is `a/b`. Empty: the folder itself in which all stands.
 *
 * @throws ImageStreamError ARCHIVE_UNSAFE for one that leads out of the archive, or that nobody writes
 */
export function safeName(name: string): string {
  if (name.length > MAX_NAME_LENGTH) throw unsafe(name, 'a name that is too long');
  if (ODD.test(name)) throw unsafe(name, 'a name that no image archive has');
  if (name.startsWith('/')) throw unsafe(name, 'which is an absolute path');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw unsafe(name, 'which leads out of it');
  return parts.join('/');
}

/**
 * What a link leads to: of a hard link another name, of a symbolic one a path from its folder.
 *
 * @throws ImageStreamError ARCHIVE_UNSAFE
 */
export function safeLinkTarget(name: string, target: string, isSymbolic: boolean): string {
  if (!isSymbolic) return safeName(target);
  if (target.startsWith('/')) throw unsafe(name, 'a link to an absolute path');
  const parts = name.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) throw unsafe(name, 'a link that leads out of it');
  }
  return safeName(parts.join('/'));
}
