/** Of a manifest, an index, a config: what every registry takes, and more than anybody writes. */
export const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;
/** The largest that are in use have some ten thousand; each takes some ten times its text in memory. */
const MAX_VALUES = 100_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** `,` `[` `{` `:` */
const SEPARATORS = new Set([0x2c, 0x5b, 0x7b, 0x3a]);

/** Whether a text has few enough values to be parsed without care for the memory. */
function hasFewValues(bytes: Uint8Array): boolean {
  let values = 0;
  let isText = false;
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i] ?? 0;
    if (isText) {
      if (byte === BACKSLASH) i += 1;
      else if (byte === QUOTE) isText = false;
    } else if (byte === QUOTE) isText = true;
    else if (SEPARATORS.has(byte)) {
      values += 1;
      if (values > MAX_VALUES) return false;
    }
  }
  return true;
}

/** A JSON document of somebody else. @returns undefined where it is none, or a huge one */
export function parseDocument(bytes: Buffer | undefined): unknown {
  if (bytes === undefined || bytes.length > MAX_DOCUMENT_BYTES || !hasFewValues(bytes)) return undefined;
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
