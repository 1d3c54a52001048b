// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@local-datastore/shared/clock';
import type { SystemClockControl } from '@local-datastore/shared/confinement/system/clock-control';
import { errorMessage, systemErrorCode } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { AuditSink } from '../audit/audit-entry.ts';
import {
  answerText,
  type CorrectionAnswer,
  NTP_KEY,
  type OfferedCorrection,
  parseCorrection,
  parseQuantity,
  quantityText,
} from '../keys/ntp-keys.ts';
import { type KeyPath, keyPathText } from '../store/key-path.ts';
import type { KeyStore } from '../store/key-store.ts';
import {
  type ClockPolicy,
  type ClockTrust,
  judgeCorrection,
  type Movement,
  newTrust,
} from './judge-correction.ts';
import { createSeldom } from './seldom.ts';

/** Why nothing is done where the clock may not be moved. */
export const WATCHED = 'watched';
/** Less of a change of the frequency is none. */
const FREQUENCY_STEP_PPM = 0.001;

export interface ClockHandlerDeps {
  readonly store: KeyStore;
  readonly audit: AuditSink;
  readonly control: SystemClockControl;
  /** Monotonic, the same as that of the calf: CLOCK_MONOTONIC. */
  readonly clock: Clock;
  readonly log: Log;
}

export interface ClockHandlerOptions {
  /** Below it stand the keys of NTP. */
  readonly prefix: KeyPath;
  /** Who writes as priv. */
  readonly actor: string;
  readonly policy: ClockPolicy;
  /** The clock may not be moved: what would be done is answered as refused, since `watched`. Default false. */
  readonly onlyWatches?: boolean;
}

/** A time that the clock was set, not slewed. */
export interface ClockStep {
  /** Milliseconds since 1970, after it. */
  readonly unixMs: number;
  readonly byMs: number;
}

export interface ClockHandler {
  /** The last answer; null: the clock cannot be read. */
  lastAnswer(): CorrectionAnswer | null;
  /** null: it was not set. */
  lastStep(): ClockStep | null;
  stepCount(): number;
  /** Moves nothing any more, and nothing back. */
  stop(): void;
}

/**
 * Moves the system's clock as the calf for NTP asks for, within what {@link judgeCorrection} lets be, and answers each
 * correction once. Whatever the calf writes, nothing is thrown and nothing waits.
 */
export function createClockHandler(deps: ClockHandlerDeps, options: ClockHandlerOptions): ClockHandler {
  const { store, audit, control, clock, log } = deps;
  const { prefix, actor, policy, onlyWatches = false } = options;
  let trust: ClockTrust | null = null;
  let answer: CorrectionAnswer | null = null;
  let lastStep: ClockStep | null = null;
  let stepCount = 0;
  const saySeldom = createSeldom(clock);

  const at = (key: string): KeyPath => [...prefix, key];

  function tell(next: CorrectionAnswer): void {
    answer = next;
    try {
      store.write(actor, at(NTP_KEY.answer), Buffer.from(answerText(next)));
    } catch (error) {
      log.warn({ error: errorMessage(error) }, 'the answer to the NTP client could not be written');
    }
  }

  /** @throws SystemError */
  function move(verdict: Movement, { errorMs, jitterMs }: OfferedCorrection, frequencyPpm: number): void {
    if (Math.abs(verdict.frequencyPpm - frequencyPpm) >= FREQUENCY_STEP_PPM) {
      control.setFrequency(verdict.frequencyPpm);
    }
    if (verdict.kind === 'step') control.stepBy(verdict.byMs);
    else control.slewBy(verdict.byMs);
    control.setSynchronized({ maxErrorMs: errorMs, estimatedErrorMs: jitterMs });
  }

  /** @param byMs 0: the clock is not moved */
  function settle(
    fields: Pick<CorrectionAnswer, 'sequence' | 'kind' | 'byMs' | 'frequencyPpm'>,
    reason = '-',
  ): void {
    tell({ ...fields, atMs: clock.nowMs(), reason });
    if (fields.kind === 'none') return;
    audit.append({
      ...{ actor, op: fields.kind, path: keyPathText(at(NTP_KEY.offset)), handler: 'clock' },
      ...{ value: Buffer.from(quantityText(fields.byMs)), verdict: reason === '-' ? 'ok' : reason },
    });
  }

  function correct(bytes: Uint8Array): void {
    const offered = parseCorrection(bytes);
    const wanted = store.read(at(NTP_KEY.frequency));
    const frequencyWanted = wanted === undefined ? null : parseQuantity(wanted);
    const refused = { sequence: offered?.sequence ?? 0, kind: 'refused', byMs: 0 } as const;
    try {
      const reading = control.read();
      trust ??= newTrust(reading.isSynchronized);
      const now = { monotonicMs: clock.nowMs(), unixMs: reading.unixMs };
      const judged = judgeCorrection(trust, offered, frequencyWanted, now, policy);
      const { verdict } = judged;
      if (verdict.kind === 'ignore') return;
      if (verdict.kind === 'refuse' || offered === null) {
        ({ trust } = judged);
        const reason = verdict.kind === 'refuse' ? verdict.reason : 'malformed';
        saySeldom(reason, () => log.warn({ reason }, 'a correction of the clock was refused'));
        // Whoever says too much, or nothing that can be read, is owed no answer.
        if (offered !== null && reason !== 'too-often') {
          settle({ ...refused, frequencyPpm: reading.frequencyPpm }, reason);
        }
        return;
      }
      if (onlyWatches) {
        trust = { ...trust, lastSequence: judged.trust.lastSequence, lastMs: judged.trust.lastMs };
        const { offsetMs, errorMs } = offered;
        saySeldom(WATCHED, () => log.info({ offsetMs, errorMs }, 'the clock is watched, and not set'));
        // Nothing was decided: that is nothing for the audit log.
        tell({ ...refused, frequencyPpm: reading.frequencyPpm, atMs: clock.nowMs(), reason: WATCHED });
        return;
      }
      // Until the kernel has done it the clock is as right as it was.
      trust = { ...judged.trust, wasRight: trust.wasRight };
      move(verdict, offered, reading.frequencyPpm);
      ({ trust } = judged);
      const { byMs, frequencyPpm } = verdict;
      const isStep = verdict.kind === 'step';
      if (isStep) {
        stepCount += 1;
        lastStep = { unixMs: reading.unixMs + byMs, byMs };
        log.warn({ offsetMs: byMs, errorMs: offered.errorMs }, 'the clock was set');
      }
      saySeldom('follows', () => log.info({ offsetMs: byMs }, 'the clock follows its servers'));
      settle({ sequence: offered.sequence, kind: isStep ? 'stepped' : 'slewing', byMs, frequencyPpm });
    } catch (error) {
      const reason = systemErrorCode(error) ?? 'failed';
      saySeldom(reason, () => log.error({ error: errorMessage(error) }, 'the clock could not be corrected'));
      settle({ ...refused, frequencyPpm: answer?.frequencyPpm ?? 0 }, reason);
    }
  }

  /** A calf begins: it counts from 1, and has to know at which frequency the clock is. */
  function begin(): void {
    try {
      const { frequencyPpm, isSynchronized } = control.read();
      trust = trust === null ? newTrust(isSynchronized) : { ...trust, lastSequence: 0 };
      settle({ sequence: 0, kind: 'none', byMs: 0, frequencyPpm });
    } catch (error) {
      saySeldom('unread', () => log.error({ error: errorMessage(error) }, 'the clock cannot be read'));
    }
  }

  begin();
  const unwatch = store.watch(keyPathText(at(NTP_KEY.offset)), ({ value }) => {
    // Deleted: the calf ended, and all that it wrote.
    if (value === null) begin();
    else correct(value);
  });
  return { lastAnswer: () => answer, lastStep: () => lastStep, stepCount: () => stepCount, stop: unwatch };
}
