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
