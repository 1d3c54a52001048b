import { constants } from 'node:os';

/** `ENOENT: no such file or directory, open '/x'`, as Node puts the errors of the system into words. */
const SYSTEM_ERROR = /\b(E[A-Z0-9]{2,}): ([^,\n]+), [a-z_]+(?: '([^'\n]*)'(?: -> '([^'\n]*)')?)?/g;

/**
 * Sentences for people, in which no error of the system has its code in front and the call behind it. The path is left
 * out where the sentence has named it already.
 */
export function plainReason(sentences: string): string {
  return sentences.replace(
    SYSTEM_ERROR,
    (whole: string, code: string, words: string, from?: string, to?: string) => {
      if (!Object.hasOwn(constants.errno, code)) return whole;
      const before = sentences.slice(0, sentences.indexOf(whole));
      const paths = [from, to].filter((path) => path !== undefined && !before.includes(path));
      return paths.length === 0 ? words : `${words}: ${paths.join(', ')}`;
    },
  );
}
