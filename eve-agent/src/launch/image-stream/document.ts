// SPDX-License-Identifier: Apache-2.0
/** Of a manifest, an index, a config: what every registry takes, and more than anybody writes. */
export const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;
/** An index of a thousand manifests has about half as many; what is wrong with each takes half a kilobyte to tell. */
const MAX_VALUES = 30_000;
/** Members are named by a word. */
const MAX_KEY_LENGTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
/** `[` and `{`; `]` and `}`. */
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/** What the text of a JSON document shows without being parsed, which takes many times its size in memory. */
export interface DocumentOutline {
  /** How many values and members there are, about. */
  readonly values: number;
  /** The names of the members of the outermost object. */
  readonly keys: ReadonlySet<string>;
}

/** Nothing is said of whether it is a JSON document. */
export function outlineOf(bytes: Buffer): DocumentOutline {
  const keys = new Set<string>();
  let values = 0;
  let depth = 0;
  /** Where the text begins that ended last; it is a key where a colon follows. */
  let from = 0;
  let to = 0;
  for (let i = 0; i < bytes.length && values <= MAX_VALUES; i += 1) {
    const byte = bytes[i] ?? 0;
    if (byte === QUOTE) {
      from = i + 1;
      for (i += 1; i < bytes.length && bytes[i] !== QUOTE; i += 1) if (bytes[i] === BACKSLASH) i += 1;
      to = i;
    } else if (byte === COLON) {
      values += 1;
      if (depth === 1 && to - from <= MAX_KEY_LENGTH) keys.add(bytes.toString('latin1', from, to));
    } else if (OPENING.has(byte)) {
      values += 1;
      depth += 1;
    } else if (CLOSING.has(byte)) depth -= 1;
    else if (byte === COMMA) values += 1;
  }
  return { values, keys };
}

/** A JSON document of somebody else. @returns undefined where it is none, or a huge one */
export function parseDocument(bytes: Buffer): unknown {
  if (bytes.length > MAX_DOCUMENT_BYTES || outlineOf(bytes).values > MAX_VALUES) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

/**
 * Whether a member is written twice, in letters of different case: engines, whose language passes over case, would
 * take the other one.
 */
export function isAmbiguous(document: object, names: readonly string[]): boolean {
  return Object.keys(document).some((key) =>
    names.some((name) => key !== name && key.toLowerCase() === name.toLowerCase()),
  );
}
