import { STATUS_CODES } from 'node:http';

/**
 * The body of an `application/problem+json` answer (RFC 9457 §3). The status phrase is the title, as of any
 * problem of no type of its own (§4.2.1).
 *
 * @param detail one sentence about this very occurrence, for a person
 * @param members further members of the document; undefined ones are left out
 */
export function problemDocument(status: number, detail: string, members: object = {}): string {
  return `${JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail, ...members })}\n`;
}
