// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { errorMessage } from '@local-datastore/shared/errors';
import * as z from 'zod';
import type { AuditEntry } from './audit-entry.ts';

/** What stands before the first line of all. */
export const NO_HASH = '0'.repeat(64);

/** No line that is written is longer; of one that is, no more is read. */
export const MAX_LINE_BYTES = 4096;

/** ASCII that shows, and spaces. */
const printable = (length: number) =>
  z
    .string()
    .max(length)
    .regex(/^[\x20-\x7e]*$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const MAX_LENGTHS = { actor: 64, op: 32, path: 1100, verdict: 200, handler: 64, boot: 64 } as const;

/** One line of the log, as it is kept. */
export const lineSchema = z.strictObject({
  actor: printable(MAX_LENGTHS.actor),
  boot: printable(MAX_LENGTHS.boot),
  handler: printable(MAX_LENGTHS.handler).nullable(),
  hash: sha256,
  op: printable(MAX_LENGTHS.op),
  path: printable(MAX_LENGTHS.path),
  prev: sha256,
  seq: z.int().min(1),
  // As `Date` writes it; zod's own test is in no bundle.
  time: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  value: sha256.nullable(),
  verdict: printable(MAX_LENGTHS.verdict),
});

/** One line of the log. */
export type AuditLine = z.infer<typeof lineSchema>;

/** What a line tells; the rest is its place in the chain. */
export type AuditFact = Omit<AuditLine, 'hash' | 'prev' | 'seq' | 'boot'>;

/** A place in the chain: of the line that was written last. */
export interface ChainPlace {
  /** 0 before the first line. */
  readonly seq: number;
  readonly hash: string;
}

export const CHAIN_START: ChainPlace = { seq: 0, hash: NO_HASH };

/** Whatever came from elsewhere is cut to its length, and shows. */
const field = (text: string, length: number) => text.replace(/[^\x20-\x7e]/g, '?').slice(0, length);

/** An entry as a line tells it: of a value its sha256 alone, and no more of each text than a line has room for. */
export function factOf({ actor, op, path, value, verdict, handler }: AuditEntry, time: Date): AuditFact {
  return {
    time: time.toISOString(),
    actor: field(actor, MAX_LENGTHS.actor),
    op: field(op, MAX_LENGTHS.op),
    path: field(path, MAX_LENGTHS.path),
    value: value === undefined ? null : createHash('sha256').update(value).digest('hex'),
    verdict: field(verdict, MAX_LENGTHS.verdict),
    handler: handler === undefined ? null : field(handler, MAX_LENGTHS.handler),
  };
}

/** Canonical JSON (RFC 8785) of a line: keys in order, no space; all texts are ASCII and all numbers whole. */
function canonicalJson(line: Readonly<Record<string, string | number | null>>): string {
  return JSON.stringify(line, Object.keys(line).sort());
}

/** sha256 of the hash before, in hexadecimal digits, and the canonical JSON of the line without its own. */
function hashOf(line: Omit<AuditLine, 'hash'>): string {
  return createHash('sha256')
    .update(line.prev + canonicalJson(line))
    .digest('hex');
}

/** @returns the line that follows a place of the chain, with its line break */
export function chainLine(fact: AuditFact, boot: string, { seq, hash }: ChainPlace) {
  const unhashed = { ...fact, boot: field(boot, MAX_LENGTHS.boot), seq: seq + 1, prev: hash };
  const line: AuditLine = { ...unhashed, hash: hashOf(unhashed) };
  return { line, text: `${canonicalJson(line)}\n` };
}

/**
 * Reads one line, without its line break.
 *
 * @throws Error saying why it is none that was written so: its form, or a hash that is not its own
 */
function readAuditLine(text: string): AuditLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error('it is not JSON', { cause: error });
  }
  const { success, data: line, error } = lineSchema.safeParse(value);
  if (!success) {
    const [issue] = error.issues;
    throw new Error(`it is no line of the log: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  if (canonicalJson(line) !== text) throw new Error('it is not in the canonical form');
  const { hash, ...unhashed } = line;
  if (hashOf(unhashed) !== hash) throw new Error('its hash is not that of its content');
  return line;
}

/** Why a line does not follow a place of the chain; null when it does. */
export function whyNotNext(line: AuditLine, { seq, hash }: ChainPlace): string | null {
  if (line.seq !== seq + 1) return `its number is ${line.seq} after ${seq}`;
  return line.prev === hash ? null : 'it does not follow the line before: the hashes differ';
}

/** {@link readAuditLine} for who goes on either way: the line, or why it is none. */
export function tryAuditLine(text: string): AuditLine | string {
  try {
    return readAuditLine(text);
  } catch (error) {
    return errorMessage(error);
  }
}
