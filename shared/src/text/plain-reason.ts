// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:os';
import { getSystemErrorMessage } from 'node:util';

/** `ENOENT: no such file or directory, open '/x'`, as Node puts the errors of the system into words. */
const SYSTEM_ERROR = /\b(E[A-Z0-9]{2,}): ([^,\n]+), [a-z_]+(?: '([^'\n]*)'(?: -> '([^'\n]*)')?)?/g;
/** `connect ECONNREFUSED 127.0.0.1:80` and `listen EADDRINUSE: address already in use :::80`, as it says them of sockets. */
const SOCKET_ERROR =
  /\b(?:connect|bind|listen|read|write|send) (E[A-Z0-9]{2,})(?:: [a-z]+(?: [a-z]+)*)?(?: ([^\s,;()]+))?/g;

const numberOf = (code: string): number | undefined =>
  Object.hasOwn(constants.errno, code) ? constants.errno[code as keyof typeof constants.errno] : undefined;

/**
 * Sentences for people, in which no error of the system has its code in front and the call behind it. The path or
 * address is left out where the sentence has named it already.
 */
export function plainReason(sentences: string): string {
  const told = (whole: string, words: string, ...named: readonly (string | undefined)[]) => {
    const before = sentences.slice(0, sentences.indexOf(whole));
    const places = named.filter((place) => place !== undefined && !before.includes(place));
    return places.length === 0 ? words : `${words}: ${places.join(', ')}`;
  };
  return sentences
    .replace(SYSTEM_ERROR, (whole: string, code: string, words: string, from?: string, to?: string) =>
      numberOf(code) === undefined ? whole : told(whole, words, from, to),
    )
    .replace(SOCKET_ERROR, (whole: string, code: string, place?: string) => {
      const number = numberOf(code);
      return number === undefined ? whole : told(whole, getSystemErrorMessage(-number), place);
    });
}
