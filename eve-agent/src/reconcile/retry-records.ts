// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { ContentTree } from '@local-datastore/shared/eve/content-tree';
import { ERROR_SEVERITIES } from '@local-datastore/shared/eve/content-tree-status';
import * as z from 'zod';
import {
  type Actual,
  type ContentActual,
  type Failure,
  originStateOf,
  type SourceState,
  sourceStateOf,
} from './actual.ts';
import type { Desired } from './desired.ts';
import { FAILURE_CODES } from './judge-failure.ts';
import type { RetrySchedule } from './retry-schedule.ts';

const MAX_MESSAGE_CHARACTERS = 1000;
const MAX_ADDRESSES = 32;
const count = z.number().int().min(0);
/** Milliseconds since the epoch, as a Date can hold them (ECMA-262 §21.4.1.1): others cannot be shown. */
const timeMs = z.number().min(0).max(8.64e15);

const failureSchema = z.object({
  // One that an earlier version knew is nobody's any more.
  code: z.enum(FAILURE_CODES).catch('UNEXPECTED'),
  message: z.string().max(MAX_MESSAGE_CHARACTERS),
  atMs: timeMs,
  severity: z.enum(ERROR_SEVERITIES),
});

const sourceSchema = z.object({
  failures: count,
  mismatches: count,
  /** Milliseconds since the epoch; 0: it does not wait; null, as earlier versions wrote: it was refused. */
  waitUntilMs: timeMs.nullable(),
  failure: failureSchema.nullable(),
  /** Absent in what earlier versions wrote. */
  slow: z
    .object({ bytesPerSecond: z.number().min(0), turns: count })
    .nullable()
    .default(null),
  avoidedAddresses: z.array(z.string().max(100)).max(MAX_ADDRESSES),
});

/** What is known of failures, so that a service that starts anew does not ask what was refused already. */
export const retryRecordsSchema = z.object({
  version: z.literal(1),
  /** By the digest of wanted content. */
  contents: z.record(
    z.string(),
    z.object({
      /** The trees that it was learnt under, by uuid: what each was configured as, as a digest. */
      trees: z.record(z.string(), z.string()),
      retryCount: count,
      /** When it last had a download. Absent in what earlier versions wrote. */
      triedAtMs: timeMs.default(0),
      /** By the sources' keys. */
      sources: z.record(z.string(), sourceSchema),
    }),
  ),
  /** By scheme, host and port. */
  origins: z.record(
    z.string(),
    z.object({ failures: count, retryCount: count, failure: failureSchema.nullable() }),
  ),
});
export type RetryRecords = z.infer<typeof retryRecordsSchema>;
export const NO_RETRIES: RetryRecords = { version: 1, contents: {}, origins: {} };
type SourceRecord = z.infer<typeof sourceSchema>;

/** Of the clock of the waits, and the time since the epoch at the same moment. */
export interface TimePair {
  readonly nowMs: number;
  readonly wallMs: number;
}

/** Short, and different for every change of a tree. */
const markOf = (tree: ContentTree) =>
  createHash('sha256').update(JSON.stringify(tree)).digest('hex').slice(0, 16);

const shortened = (failure: Failure | null): Failure | null =>
  failure && { ...failure, message: failure.message.slice(0, MAX_MESSAGE_CHARACTERS) };

function sourceRecord(state: SourceState, { nowMs, wallMs }: TimePair): SourceRecord {
  const { failures, mismatches, waitUntilMs, failure, slow, avoidedAddresses } = state;
  // To the second: otherwise it would differ each time it is made.
  const atMs = Math.ceil((wallMs + waitUntilMs - nowMs) / 1000) * 1000;
  return {
    failures,
    mismatches,
    waitUntilMs: waitUntilMs <= nowMs ? 0 : atMs,
    failure: shortened(failure),
    slow,
    avoidedAddresses: [...avoidedAddresses].slice(-MAX_ADDRESSES),
  };
}

/** What is to be remembered: nothing of what is here and never failed, and of what nobody wants. */
export function recordRetries(actual: Actual, desired: Desired, now: TimePair): RetryRecords {
  const contents: RetryRecords['contents'] = {};
  for (const { sha256, parts } of desired.contents.values()) {
    const content = actual.contents.get(sha256);
    if (content === undefined) continue;
    const failed = [...content.sources].filter(([, { failure }]) => failure !== null);
    const wasTried = content.triedAtMs > 0 && content.state !== 'VERIFIED';
    if (content.retryCount === 0 && failed.length === 0 && !wasTried) continue;
    contents[sha256] = {
      trees: Object.fromEntries(parts.map(({ tree: { uuid, tree } }) => [uuid, markOf(tree)])),
      retryCount: content.retryCount,
      triedAtMs: content.triedAtMs,
      sources: Object.fromEntries(failed.map(([key, state]) => [key, sourceRecord(state, now)])),
    };
  }
  const origins: RetryRecords['origins'] = {};
  for (const { origin, failures, retryCount, failure } of actual.origins.values()) {
    if (retryCount > 0) origins[origin] = { failures, retryCount, failure: shortened(failure) };
  }
  return { version: 1, contents, origins };
}

function recallSource(
  content: ContentActual,
  key: string,
  record: SourceRecord,
  { slowMs }: RetrySchedule,
  now: TimePair,
): void {
  const state = sourceStateOf(content, key);
  const { failures, mismatches, failure, slow, avoidedAddresses } = record;
  state.failures = failures;
  state.mismatches = mismatches;
  state.failure = failure;
  state.slow = slow;
  for (const address of avoidedAddresses) state.avoidedAddresses.add(address);
  const sinceMs = failure?.atMs ?? now.wallMs;
  const waitUntilMs = record.waitUntilMs ?? sinceMs + slowMs;
  // A device without a clock starts in the past: no wait is longer than it was.
  const wholeMs = Math.max(waitUntilMs - sinceMs, 0);
  state.waitUntilMs = now.nowMs + Math.min(Math.max(waitUntilMs - now.wallMs, 0), wholeMs);
}

/** Who had no download yet goes first, then who had one longest ago, whatever the order of the configuration. */
function recallTurns({ contents }: Actual, { nowMs }: TimePair): void {
  const tried = [...contents.values()].filter(({ triedAtMs }) => triedAtMs > 0);
  tried.sort((left, right) => left.triedAtMs - right.triedAtMs);
  for (const [i, content] of tried.entries()) content.waitingSinceMs = nowMs + i + 1;
}

/**
 * Puts back what an earlier run knew of failures, as far as it still holds under
 * the configuration that was just adopted: a source's record ends with its
 * key, and all of a content's with a change of its trees, as in a service that runs. A datastore is asked at
 * once, whatever failed before.
 */
export function recallRetries(
  actual: Actual,
  desired: Desired,
  records: RetryRecords,
  schedule: RetrySchedule,
  now: TimePair,
): void {
  for (const { sha256, parts } of desired.contents.values()) {
    const record = records.contents[sha256];
    const content = actual.contents.get(sha256);
    if (record === undefined || content === undefined) continue;
    content.retryCount = record.retryCount;
    content.triedAtMs = record.triedAtMs;
    if (content.state === 'VERIFIED') continue;
    if (!parts.every(({ tree: { uuid, tree } }) => record.trees[uuid] === markOf(tree))) continue;
    for (const { key } of parts.flatMap(({ sources }) => sources)) {
      const known = record.sources[key];
      if (known !== undefined) recallSource(content, key, known, schedule, now);
    }
    for (const { failure } of content.sources.values()) {
      if (failure !== null && failure.atMs > (content.failure?.atMs ?? 0)) content.failure = failure;
    }
  }
  recallTurns(actual, now);
  for (const source of [...desired.trees.values()].flatMap(({ sources }) => sources)) {
    const record = records.origins[source.originKey];
    if (record !== undefined) Object.assign(originStateOf(actual, source), record);
  }
}
