// SPDX-License-Identifier: Apache-2.0
/**
 * Reading the head of a response as liberally as curl and Go's net/http do, where RFC 9112 lets a recipient: bare LF
 * (§2.2), folded lines (§5.2), a length that is repeated (§6.3), and interim responses that nobody asked for
 * (RFC 9110 §15.2). llhttp, by which undici reads, refuses all of them.
 */

/** What came is no response, or one that cannot be read. The message is one clause. */
export class MalformedAnswer extends Error {}

/** As much of a head as is read; interim responses count. Node's own limit is 16 KiB, Go's 1 MiB, curl's 300 KiB. */
export const MAX_HEAD_BYTES = 64 * 1024;

export type HeadReading =
  | { readonly kind: 'incomplete' }
  /** It does not begin as HTTP/1 does. */
  | { readonly kind: 'foreign' }
  /** 1xx, but 101: the next response follows at `endOffset`. */
  | { readonly kind: 'interim'; readonly endOffset: number }
  /** The same head in the form that every parser takes; its body starts at `endOffset` of what was read. */
  | { readonly kind: 'final'; readonly head: Buffer; readonly endOffset: number };

const INCOMPLETE: HeadReading = { kind: 'incomplete' };
const FOREIGN: HeadReading = { kind: 'foreign' };
const BEGINNING = 'HTTP/1.';
const STATUS_LINE = /^HTTP\/1\.[01] ([1-9]\d\d)(?: (.*))?$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*(.*?)[\t ]*$/;
const FOLDED = /^[\t ]/;
const LENGTH = /^\d+$/;
const END_OF_HEAD = [Buffer.from('\n\n'), Buffer.from('\n\r\n')] as const;

/** Where the head ends and the body begins; -1: it has not ended. */
function endOffsetOf(bytes: Buffer): number {
  const [bare, whole] = END_OF_HEAD.map((end) => {
    const at = bytes.indexOf(end);
    return at === -1 ? Number.POSITIVE_INFINITY : at + end.length;
  }) as [number, number];
  const end = Math.min(bare, whole);
  return Number.isFinite(end) ? end : -1;
}

function quote(line: string): string {
  return JSON.stringify(line.length > 60 ? `${line.slice(0, 60)}…` : line);
}

/** The fields of a head, one a line. @throws MalformedAnswer */
function unfold(lines: readonly string[]): string[] {
  const fields: string[] = [];
  for (const line of lines) {
    const last = fields.length - 1;
    if (!FOLDED.test(line)) fields.push(line);
    else if (last === -1) throw new MalformedAnswer(`its head begins with a folded line ${quote(line)}`);
    else fields[last] = `${fields[last]?.trimEnd()} ${line.trim()}`;
  }
  return fields;
}

/** One length for all of them. @throws MalformedAnswer when they differ */
function lengthOf(values: readonly string[]): string {
  const [first = '', ...others] = [
    ...new Set(values.flatMap((value) => value.split(',')).map((v) => v.trim())),
  ];
  if (others.length > 0) {
    throw new MalformedAnswer(`Content-Length says both ${quote(first)} and ${quote(others[0] as string)}`);
  }
  if (!LENGTH.test(first)) throw new MalformedAnswer(`Content-Length ${quote(first)} is no length`);
  return first;
}

function canonicalFields(lines: readonly string[]): string[] {
  const fields: string[] = [];
  const lengths: string[] = [];
  const codings: string[] = [];
  for (const line of unfold(lines)) {
    const match = FIELD.exec(line);
    if (match === null) throw new MalformedAnswer(`its head holds a line that is no field: ${quote(line)}`);
    const [, name = '', value = ''] = match;
    if (/[\0\r]/.test(value)) throw new MalformedAnswer(`its field ${name} holds a control character`);
    if (/^content-length$/i.test(name)) lengths.push(value);
    else if (!/^transfer-encoding$/i.test(name)) fields.push(`${name}: ${value}`);
    // "identity" was a transfer coding once (RFC 2616 §3.6); Go and curl take it for none.
    else if (!/^identity$/i.test(value)) codings.push(value);
  }
  // RFC 9112 §6.3: where both are said, the length does not count.
  if (codings.length > 0) return [...fields, `Transfer-Encoding: ${codings.join(', ')}`];
  return lengths.length === 0 ? fields : [...fields, `Content-Length: ${lengthOf(lengths)}`];
}

/**
 * Reads the head of a response.
 *
 * @param bytes what was received so far, from the first byte of the response
 * @throws MalformedAnswer
 */
export function readHead(bytes: Buffer): HeadReading {
  const beginning = bytes.toString('latin1', 0, BEGINNING.length);
  if (!BEGINNING.startsWith(beginning)) return FOREIGN;
  const endOffset = endOffsetOf(bytes);
  if (endOffset === -1 ? bytes.length >= MAX_HEAD_BYTES : endOffset > MAX_HEAD_BYTES) {
    throw new MalformedAnswer(`its head is longer than ${MAX_HEAD_BYTES / 1024} KiB`);
  }
  if (endOffset === -1) return INCOMPLETE;
  const [statusLine = '', ...lines] = bytes
    .toString('latin1', 0, endOffset)
    .trimEnd()
    .split('\n')
    .map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  const status = STATUS_LINE.exec(statusLine);
  if (status === null) throw new MalformedAnswer(`${quote(statusLine)} is no status line`);
  const [, code = '', reason = ''] = status;
  if (code.startsWith('1') && code !== '101') return { kind: 'interim', endOffset };
  const head = [`${statusLine.slice(0, BEGINNING.length + 1)} ${code} ${reason}`, ...canonicalFields(lines)];
  return { kind: 'final', head: Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), endOffset };
}
