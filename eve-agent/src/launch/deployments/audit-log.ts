// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { errorMessage } from '@local-datastore/shared/errors';
import type { Log } from '@local-datastore/shared/log';
import type { CallerFacts } from './caller.ts';
import { DeploymentError } from './errors.ts';
import type { JsonLinesFile } from './json-lines-file.ts';
import type { ChangingOperation } from './operations.ts';

/** How an operation ended. */
export interface AuditOutcome {
  readonly outcome: 'done' | 'failed' | 'refused';
  /** Of an error. */
  readonly code?: string;
  readonly why?: string;
  /** What is in place now. */
  readonly image?: string;
}

/** Who asked for what, and what came of it: a line before and one after. */
export interface AuditLog {
  /**
   * Puts down that an operation begins.
   *
   * @returns what puts down its end; it never throws
   * @throws DeploymentError STATE_UNWRITABLE: nothing is done that nobody would know of
   */
  begin(
    caller: CallerFacts,
    operation: ChangingOperation,
    deployment: string,
  ): Promise<(outcome: AuditOutcome) => Promise<void>>;
  /** Puts down that somebody was refused; where that fails, the log says so. */
  refuse(
    caller: CallerFacts,
    operation: string,
    deployment: string,
    outcome: Omit<AuditOutcome, 'outcome'>,
  ): Promise<void>;
}

const MAX_WHY = 500;

export function createAuditLog({
  file,
  wallMs,
  log,
}: {
  readonly file: JsonLinesFile;
  /** Milliseconds since the epoch. */
  wallMs(): number;
  readonly log: Log;
}): AuditLog {
  const time = () => new Date(wallMs()).toISOString();
  const shortened = ({ why, ...rest }: Partial<AuditOutcome>) => ({
    ...rest,
    ...(why !== undefined && { why: why.slice(0, MAX_WHY) }),
  });
  async function tryAppend(line: object): Promise<void> {
    try {
      await file.append(line);
    } catch (error) {
      log.error({ reason: errorMessage(error), line }, 'the audit log cannot be written');
    }
  }
  return {
    async begin(caller, operation, deployment) {
      const facts = { id: randomUUID(), ...caller, operation, deployment };
      try {
        await file.append({ time: time(), ...facts, outcome: 'begun' });
      } catch (error) {
        const why = `nothing was done, as the audit log cannot be written: ${errorMessage(error)}`;
        throw new DeploymentError('STATE_UNWRITABLE', why, { cause: error });
      }
      return (outcome) => tryAppend({ time: time(), ...facts, ...shortened(outcome) });
    },
    refuse: (caller, operation, deployment, outcome) =>
      tryAppend({
        time: time(),
        ...caller,
        operation,
        deployment,
        outcome: 'refused',
        ...shortened(outcome),
      }),
  };
}
