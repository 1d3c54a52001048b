// SPDX-License-Identifier: Apache-2.0
import { StoreError } from '../content/store-error.ts';
import { withoutDots } from '../formats/tar-members.ts';

/** The name of the list in a bundle, which everybody uses. */
export const CHECKSUM_LIST = 'SHA256SUMS';

/** `sha256sum` writes two spaces, or a space and an asterisk for what was read as binary. */
const LINE = /^([0-9a-fA-F]{64}) [ *](.+)$/;

const invalid = (lineNumber: number, reason: string) =>
  new StoreError('BUNDLE_INVALID', `${CHECKSUM_LIST}, line ${lineNumber}: ${reason}.`);

/** A digest (64 lower-case hexadecimal digits) and a name, as a line of `sha256sum` gives them. */
export function parseChecksumLine(
  line: string,
): { readonly sha256: string; readonly name: string } | undefined {
  const [, digest = '', written = ''] = LINE.exec(line) ?? [];
  const name = withoutDots(written);
  return name === '' ? undefined : { sha256: digest.toLowerCase(), name };
}

/**
 * Reads what `sha256sum` wrote.
 *
 * @returns digests (64 lower-case hexadecimal digits) by name
 * @throws StoreError BUNDLE_INVALID with the line
 */
export function parseChecksumList(content: Uint8Array): Map<string, string> {
  const digests = new Map<string, string>();
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch (error) {
    throw new StoreError('BUNDLE_INVALID', `${CHECKSUM_LIST} is not UTF-8 text.`, { cause: error });
  }
  for (const [index, ended] of text.split('\n').entries()) {
    // As programs on Windows end lines; a name cannot end so, as that is a control character.
    const line = ended.endsWith('\r') ? ended.slice(0, -1) : ended;
    if (line === '') continue;
    const lineNumber = index + 1;
    if (line.startsWith('\\')) {
      throw invalid(lineNumber, 'the name holds a backslash or a line end, which no image may have');
    }
    const parsed = parseChecksumLine(line);
    if (parsed === undefined)
      throw invalid(lineNumber, '"<64 hexadecimal digits>  <name>" expected, as sha256sum writes');
    const { sha256, name } = parsed;
    if (digests.has(name)) throw invalid(lineNumber, `"${name}" is listed twice`);
    digests.set(name, sha256);
  }
  return digests;
}

/** One line as `sha256sum` writes it. */
export const checksumLine = (sha256: string, name: string) => `${sha256}  ${name}\n`;
