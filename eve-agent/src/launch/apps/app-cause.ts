// SPDX-License-Identifier: Apache-2.0
import { CodedError, errorMessage } from '@local-datastore/shared/errors';
import type { AppChanger } from '@local-datastore/shared/eve/app-state-change';
import type { ContainerView } from '../engine/container-engine.ts';
import { BRIDGES_LABEL } from './container-of-app.ts';
import type { CounterVerdict } from './counters.ts';

/** Who is behind what comes to an app, and why: one line, or ''. */
export interface Cause {
  readonly by: AppChanger;
  readonly why: string;
}

/** The app's own fault, by the code of a switch that was taken back. */
const OWN_FAULTS: ReadonlySet<string> = new Set(['EXITED', 'UNHEALTHY']);
const ENGINE_FAULTS: ReadonlySet<string> = new Set(['ENGINE_REFUSED', 'ENGINE_AWAY', 'ENGINE_UNREACHABLE']);
const CONFIGURED_FAULTS: ReadonlySet<string> = new Set(['APP_UNUSABLE', 'APP_UNCHANGED']);

/** Why an app does not run that ought to. */
export function causeOfEnd({ state, exitCode, isOutOfMemory, error }: ContainerView): Cause {
  if (error !== '') return { by: 'engine', why: error };
  if (isOutOfMemory) return { by: 'app', why: 'it used more memory than it may' };
  if (state === 'exited' || state === 'restarting' || state === 'dead')
    return { by: 'app', why: `it had ended with exit code ${exitCode}` };
  return { by: 'engine', why: `its container was ${state}` };
}

/** Whether the bridges are the same, and only their addresses are not. */
function haveOtherAddresses(before: string, now: string): boolean {
  const names = (bridges: string) => bridges.replaceAll(/=\S+/g, '');
  return before !== now && names(before) === names(now);
}

/** Of what is done to an app that is to run, from what is wanted and what is there. */
export function causeOfRun(facts: {
  /** What a person asked for. */
  readonly action: 'restart' | 'purge' | undefined;
  readonly verdict: CounterVerdict;
  readonly serving: ContainerView | undefined;
  /** Whether what serves is made of what is wanted. */
  readonly isSame: boolean;
  /** The digests of the image that is wanted, and of the one that was switched to last; null: none is known. */
  readonly digest: string;
  readonly lastDigest: string | null;
  /** The bridges that it is to be on, with their addresses, as its label has them. */
  readonly bridges: string;
  /** It was halted as it was told to. */
  readonly wasHalted: boolean;
}): Cause {
  const { action, verdict, serving, isSame, digest, lastDigest, bridges, wasHalted } = facts;
  if (action !== undefined) return { by: 'operator', why: `a ${action} was asked for` };
  if (verdict.kind === 'restart' || verdict.kind === 'purge')
    return { by: 'configuration', why: `its ${verdict.kind} counter rose` };
  if (wasHalted) return { by: 'configuration', why: 'it is to run (activate)' };
  if (serving === undefined) return { by: 'configuration', why: 'it is to run' };
  if (!isSame) {
    const before = serving.labels[BRIDGES_LABEL] ?? '';
    if (haveOtherAddresses(before, bridges)) {
      return { by: 'host', why: `a bridge has another address: ${before} became ${bridges}` };
    }
    return lastDigest !== null && lastDigest !== digest
      ? { by: 'content', why: `its content tree has another image, ${digest}` }
      : { by: 'configuration', why: 'what it is made of changed' };
  }
  return serving.state === 'running' ? { by: 'agent', why: 'it ran already' } : causeOfEnd(serving);
}

/** Of what came to an app by an error. */
export function causeOfError(error: unknown): Cause {
  const why = errorMessage(error);
  const code = error instanceof CodedError ? String(error.code) : '';
  if (OWN_FAULTS.has(code)) return { by: 'app', why };
  if (ENGINE_FAULTS.has(code)) return { by: 'engine', why };
  return { by: CONFIGURED_FAULTS.has(code) ? 'configuration' : 'agent', why };
}
