// SPDX-License-Identifier: Apache-2.0
/** A value of a log's field as one word, in quotes where its end could not be seen. */
export const fieldText = (value: unknown): string =>
  typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
