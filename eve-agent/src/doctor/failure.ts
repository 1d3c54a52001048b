// SPDX-License-Identifier: Apache-2.0
/** What a problem ends the program with; the names of EXIT_CODES. */
export type Failure = 'usage' | 'datastoreNotFound' | 'transferFailed' | 'contentMismatch';
