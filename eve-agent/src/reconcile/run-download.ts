// SPDX-License-Identifier: Apache-2.0
import type { Log } from '@local-datastore/shared/log';
import type { DownloadEvent } from '../transfer/download-request.ts';
import { type ContentActual, type OriginState, originStateOf, sourceStateOf } from './actual.ts';
import { type Judgement, judgeFailure, judgeSlowness } from './judge-failure.ts';
import { recordDatastore, recordResponse, recordSlowness, recordSourceFailure } from './outcome.ts';
import type { Step } from './plan.ts';
import { promote } from './promote.ts';
import { explainRefusal } from './refused-credential.ts';
import { advance, outcomeFacts, type Runtime } from './runtime.ts';
import type { Source } from './source.ts';

/** The reason of an abort: the download is too slow, and another one needs its slot, or has a better source. */
export class SlotYielded extends Error {}

type DownloadStep = Extract<Step, { kind: 'download' }>;

/** Without the query, which may hold a secret. */
const shownUrl = (url: URL) => `${url.origin}${url.pathname}`;

/** Where bytes came from in one attempt. */
export interface Attempt {
  address: string | null;
  /** What was here before it. Who begins anew and gets no further each time makes no progress. */
  readonly storedBytes: number;
  hadProgress: boolean;
  /** A redirect led away from the datastore. */
  isElsewhere: boolean;
}

function takeEvent(
  runtime: Runtime,
  source: Source,
  content: ContentActual,
  origin: OriginState,
  attempt: Attempt,
  log: Log,
  event: DownloadEvent,
): void {
  switch (event.kind) {
    case 'located':
      attempt.address = event.origin.address;
      log.info(
        {
          url: shownUrl(event.origin.url),
          address: event.origin.address,
          bridge: event.origin.bridgeName,
          sourceAddress: event.origin.sourceAddress,
        },
        'asking the datastore',
      );
      return;
    case 'redirected':
      attempt.isElsewhere = event.url.host !== source.url.host;
      return;
    case 'receiving':
      recordResponse(origin);
      runtime.touchOrigin(origin.origin);
      content.failure = null;
      setRate(content, null);
      content.totalBytes = event.totalBytes ?? content.totalBytes;
      content.currentBytes = event.fromBytes;
      log.info({ fromBytes: event.fromBytes, totalBytes: event.totalBytes }, 'receiving');
      runtime.touchContent(content.sha256);
      // Others may follow now that this datastore answers.
      runtime.replan();
      return;
    case 'starting-over':
      content.currentBytes = 0;
      if (content.state === 'VERIFYING') advance(runtime, content, 'download-started');
      log.warn({ reason: event.reason }, 'starting over');
      return;
    case 'verifying':
      // Nothing more has to come.
      setRate(content, null);
      advance(runtime, content, 'content-arrived');
      advance(runtime, content, 'verification-started');
      return;
    case 'slow':
    case 'fast-enough':
      takeRate(runtime, content, log, event.kind === 'slow' ? event.bytesPerSecond : null);
      return;
    case 'retrying':
      return;
  }
}

function setRate({ activity }: ContentActual, slowBytesPerSecond: number | null): void {
  if (activity?.kind === 'download') activity.slowBytesPerSecond = slowBytesPerSecond;
}

/** Notes what comes a second while it is too little; others may need the slot more. */
function takeRate(runtime: Runtime, content: ContentActual, log: Log, rate: number | null): void {
  setRate(content, rate);
  const { activity, sources } = content;
  const state = activity?.kind === 'download' ? sources.get(activity.source.key) : undefined;
  if (rate !== null) log.warn({ bytesPerSecond: rate }, 'slower than the least rate: others may go first');
  else {
    if (state !== undefined) state.slow = null;
    log.info({}, 'no longer slower than the least rate');
  }
  runtime.replan();
}

/** Others go first; it goes on from here when it is its turn again, or from another source. */
function endAsSlow(
  runtime: Runtime,
  { source }: DownloadStep,
  content: ContentActual,
  log: Log,
  bytesPerSecond: number,
) {
  const judgement = judgeSlowness(bytesPerSecond);
  runtime.deps.tally.noteFailure(judgement.code);
  advance(runtime, content, 'attempt-ended');
  recordSlowness(content, source, bytesPerSecond, judgement, outcomeFacts(runtime));
  log.info(
    { storedBytes: content.currentBytes, reason: judgement.message },
    'download stopped: it is too slow',
  );
}

/** Records that what a source has could not be had, and when to try again. */
export function endInFailure(
  runtime: Runtime,
  { source }: Pick<DownloadStep, 'source'>,
  content: ContentActual,
  origin: OriginState,
  attempt: Attempt,
  log: Log,
  error: unknown,
): void {
  const judged = explainRefusal(judgeFailure(error), error, source);
  // Who leads elsewhere has answered, whatever is there.
  const judgement: Judgement = attempt.isElsewhere ? { ...judged, datastore: 'answered' } : judged;
  const { code, message } = judgement;
  runtime.deps.tally.noteFailure(code);
  advance(
    runtime,
    content,
    judgement.remedy === 'mismatch' && content.state === 'VERIFYING' ? 'digest-differed' : 'attempt-ended',
  );
  if (judgement.remedy === 'mismatch') content.currentBytes = 0;
  const facts = outcomeFacts(runtime);
  const originWaitMs = recordDatastore(origin, content.sha256, judgement, facts);
  const waitMs =
    judgement.datastore === 'gone' && originWaitMs !== null
      ? originWaitMs
      : Math.max(recordSourceFailure(content, source, judgement, attempt, facts), originWaitMs ?? 0);
  // Wrong bytes are no progress, however many come.
  if (attempt.hadProgress && judgement.remedy !== 'mismatch') origin.wakes.refill();
  runtime.touchOrigin(origin.origin);
  const fields = { code, address: attempt.address, waitMs };
  if (judgement.remedy === 'mismatch') {
    log.warn({ ...fields, reason: message }, 'this address served wrong bytes: they are thrown away');
  } else if (judgement.remedy === 'retry-slowly') {
    log.error({ ...fields, reason: message }, 'the datastore refuses the file: it is asked again slowly');
  } else log.warn({ ...fields, reason: message }, 'the download failed: it is tried again');
}

/** Fetches content from one source, to `verified`, or to a failure that says when to try again. */
export async function runDownload(
  runtime: Runtime,
  step: DownloadStep,
  content: ContentActual,
): Promise<void> {
  const { actual, deps } = runtime;
  const { source, sha256, sizeBytes } = step;
  const origin = originStateOf(actual, source);
  const abort = new AbortController();
  const startedMs = deps.clock.nowMs();
  // Should this file end the whole program, others go first the next time.
  content.triedAtMs = deps.wallMs();
  content.activity = { kind: 'download', source, abort, startedMs, slowBytesPerSecond: null };
  content.downloadId = deps.createId();
  content.datastoreId = source.datastoreId;
  content.totalBytes = sizeBytes === 0 ? null : sizeBytes;
  advance(runtime, content, 'download-started');
  const trees = runtime.treesOf(sha256);
  const log = deps.log.child({ downloadId: content.downloadId, sha256, trees });
  const attempt: Attempt = {
    address: null,
    storedBytes: content.currentBytes,
    hadProgress: false,
    isElsewhere: false,
  };
  log.info({ url: shownUrl(source.url), datastore: source.datastoreId, sizeBytes }, 'download started');
  try {
    const result = await deps.download(
      {
        url: source.url,
        sha256,
        sizeBytes: sizeBytes === 0 ? null : sizeBytes,
        authorization: source.authorization,
        ca: source.ca,
        registry: source.registry,
        avoidedAddresses: sourceStateOf(content, source.key).avoidedAddresses,
      },
      {
        onEvent: (event) => takeEvent(runtime, source, content, origin, attempt, log, event),
        onProgress: (receivedBytes) => {
          attempt.hadProgress = receivedBytes > attempt.storedBytes;
          content.currentBytes = receivedBytes;
        },
      },
      abort.signal,
    );
    content.currentBytes = content.totalBytes = result.sizeBytes;
    if (!(await promote(runtime, content))) return;
    const { receivedBytes, resumedFromBytes } = result;
    const elapsedMs = Math.round(deps.clock.nowMs() - startedMs);
    deps.tally.noteVerified(receivedBytes);
    origin.wakes.refill();
    log.info({ address: attempt.address, receivedBytes, resumedFromBytes, elapsedMs }, 'verified');
  } catch (error) {
    const rate = content.activity.slowBytesPerSecond;
    if (abort.signal.reason instanceof SlotYielded && rate !== null)
      endAsSlow(runtime, step, content, log, rate);
    else if (abort.signal.aborted) {
      advance(runtime, content, 'attempt-ended');
      log.info({ storedBytes: content.currentBytes }, 'download stopped');
    } else endInFailure(runtime, step, content, origin, attempt, log, error);
  } finally {
    content.activity = null;
    content.waitingSinceMs = deps.clock.nowMs();
    content.triedAtMs = deps.wallMs();
    runtime.touchContent(sha256);
    runtime.replan();
  }
}
