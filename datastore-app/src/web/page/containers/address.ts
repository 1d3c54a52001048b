// SPDX-License-Identifier: Apache-2.0
const VIEW = '#containers';

/** The address within the page that shows the repositories which hold this text. */
export const containersAddress = (search: string): string => `${VIEW}/${encodeURIComponent(search)}`;

/** What is searched for by an address within the page; empty: nothing. */
export function searchOfAddress(hash: string): string {
  if (!hash.startsWith(`${VIEW}/`)) return '';
  try {
    return decodeURIComponent(hash.slice(VIEW.length + 1));
  } catch {
    return '';
  }
}
