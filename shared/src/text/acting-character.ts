// SPDX-License-Identifier: Apache-2.0
/** A joiner or non-joiner inside a word or an emoji: Persian and Hindi are not written without these. */
const JOINED = String.raw`(?<=(?!\p{ASCII})[\p{L}\p{M}\p{S}])[\u200c\u200d](?=(?!\p{ASCII})[\p{L}\p{M}\p{S}])`;

/**
 * What acts on a terminal, turns the writing direction or cannot be seen: control, format, private and unassigned
 * characters, lone surrogates, line breaks. The source of a regular expression, for the flag `u`.
 */
export const ACTING_CHARACTER = String.raw`(?!${JOINED})[\p{C}\p{Zl}\p{Zp}]`;
