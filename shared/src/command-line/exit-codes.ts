// SPDX-License-Identifier: Apache-2.0
/** What a program's end means to the shell that called it. Stopped by a signal: 128 + its number. */
export const EXIT_CODES = {
  done: 0,
  unexpected: 1,
  usage: 2,
  datastoreNotFound: 3,
  transferFailed: 4,
  contentMismatch: 5,
  noSpace: 6,
} as const;

/** What each of them means to people, in the order of the numbers. */
export const EXIT_CODE_MEANINGS: Readonly<Record<keyof typeof EXIT_CODES, string>> = {
  done: 'done',
  unexpected: 'unexpected',
  usage: 'usage or configuration',
  datastoreNotFound: 'datastore not found',
  transferFailed: 'transfer failed',
  contentMismatch: 'digest or size mismatch',
  noSpace: 'no space',
};

/** All exit codes in one sentence. */
export function exitCodesText(): string {
  const codes = Object.entries(EXIT_CODES) as [keyof typeof EXIT_CODES, number][];
  return `${codes.map(([name, code]) => `${code} ${EXIT_CODE_MEANINGS[name]}`).join(', ')}; stopped by a signal: 128 + its number.`;
}
