// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:os';
import type { MachineEnd } from './restart-plan.ts';

/** What is known of the end of a machine's process. */
export interface EndFacts {
  /** Of its `SHUTDOWN` event (QEMU qapi/run-state.json, ShutdownCause); null: none was heard. */
  readonly reason: string | null;
  /** null: it is no child of this process, or was ended by a signal. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What qemu wrote to its standard error. */
  readonly complaint: string;
  /** Why this side ended it; null: it did not. */
  readonly ownReason: string | null;
}

const SIGNAL_BASE = 128;
const FORCED = SIGNAL_BASE + constants.signals.SIGKILL;
const UNKNOWN = 255;

/**
 * How a machine has ended, in the words and codes of containers: 0 where it went off in order, 137 where it was forced.
 *
 * Pure.
 */
export function judgeEnd({ reason, code, signal, complaint, ownReason }: EndFacts): MachineEnd {
  if (ownReason !== null) return { exitCode: FORCED, why: ownReason };
  if (reason === 'guest-panic') return { exitCode: 1, why: 'the kernel of the guest panicked' };
  if (reason === 'guest-shutdown') return { exitCode: 0, why: 'the guest switched itself off' };
  if (reason === 'host-qmp-quit') return { exitCode: FORCED, why: 'it was forced to end' };
  if (signal !== null) {
    return { exitCode: SIGNAL_BASE + constants.signals[signal], why: `its process was ended by ${signal}` };
  }
  if (reason === 'host-signal') {
    return {
      exitCode: SIGNAL_BASE + constants.signals.SIGTERM,
      why: 'its process was asked to end by a signal',
    };
  }
  if (code !== null) {
    const said = complaint === '' ? '' : `: ${complaint.split('\n').at(-1)?.slice(0, 500)}`;
    return { exitCode: code, why: `qemu ended with ${code}${said}` };
  }
  return { exitCode: UNKNOWN, why: 'its process has ended while nobody saw how' };
}
